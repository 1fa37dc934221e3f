//! Who is using this browser: the session cookie, the flow cookie, and what the browser says of itself.

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use tower_sessions::Session;

use crate::{
    domain::browser_session::BrowserSession,
    flows::{
        browser_session::{Browser, OpenError, renew, used},
        sign_in::{KnownBrowser, Person},
    },
    store::error::StoreError,
    web::{
        Shared,
        cookies::Flow,
        error::{fault_page, store_page},
        extract::address::Address,
        layer::RequestId,
        session_store,
        user_agent::UserAgent,
    },
};

/// The browser that asks.
pub(crate) struct Visitor {
    /// Who is signed in.
    pub(crate) session: Option<BrowserSession>,
    cookie: Session,
    /// The flow cookie that came.
    pub(crate) flow: Option<Flow>,
    /// What the browser says it is.
    pub(crate) agent: UserAgent,
    /// Where the request came from.
    pub(crate) address: Address,
    /// The request's id.
    pub(crate) request_id: String,
    headers: http::HeaderMap,
}

impl Visitor {
    /// The flow of a first page, which every answer of it must set.
    pub(crate) fn start_flow(&self, site: &Shared) -> Flow {
        site.cookies.start_flow(&site.provider, &self.headers)
    }

    /// Who signed in before in this browser.
    pub(crate) async fn known_browser(&self, site: &Shared) -> Option<KnownBrowser> {
        site.cookies.known_browser_of(&site.provider, &self.headers).await
    }

    /// Makes this browser known to a person whom [`Visitor::sign_in`] has signed in.
    pub(crate) async fn remember(&self, site: &Shared, person: &Person, mut response: Response) -> Response {
        let headers = response.headers_mut();
        site.cookies
            .set_known_browser(&site.provider, &self.headers, person, headers)
            .await;
        response
    }

    /// Whether a form post comes from a page of ours: `Sec-Fetch-Site` first, then `Origin`; where a browser says
    /// neither (or `null`), the sealed token in the form decides alone.
    pub(super) fn is_cross_site(&self, site: &Shared) -> bool {
        let header = |name: &str| self.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        match (header("sec-fetch-site"), header("origin")) {
            (Some(fetch_site), _) => fetch_site != "same-origin",
            (None, None | Some("null")) => false,
            (None, Some(origin)) => origin != site.provider.issuer.as_str(),
        }
    }
}

impl Visitor {
    /// Signs in a person who has just proved who they are: writes the session and gives the browser a new cookie.
    pub(crate) async fn sign_in(&self, site: &Shared, person: &Person) -> Result<BrowserSession, OpenError> {
        let browser = Browser {
            present: self.session.as_ref(),
            label: self.agent.browser_label(),
            address: self.address.to_string(),
        };
        let (session, opening) = renew(&site.provider, browser, person).await?;
        session_store::open(&self.cookie, session.clone(), opening).await?;
        Ok(session)
    }
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Response> {
        let request_id = parts
            .extensions
            .get::<RequestId>()
            .map(ToString::to_string)
            .unwrap_or_default();
        let failed = |error: &StoreError| store_page(site, &request_id, error);
        let cookie = Session::from_request_parts(parts, site).await;
        let cookie = cookie.map_err(|(_, text)| fault_page(site, &request_id, &text))?;
        let session = session_store::signed_in(&cookie).await;
        let session = session.map_err(|error| failed(&error))?;
        if let Some(session) = &session {
            let touched = used(&site.provider, session).await;
            touched.map_err(|error| failed(&error))?;
        }
        Ok(Self {
            session,
            cookie,
            flow: site.cookies.flow_of(&parts.headers),
            agent: UserAgent::of(&parts.headers),
            address: Address::of(&parts.extensions),
            headers: parts.headers.clone(),
            request_id,
        })
    }
}
