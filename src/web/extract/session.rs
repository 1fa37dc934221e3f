//! Who is using this browser: the session cookie, the flow cookie, and what the browser says of itself.

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use tower_sessions::Session;

use crate::{
    base::time::Lifetime,
    domain::browser_session::BrowserSession,
    store::{
        browser_sessions::TOUCH,
        error::StoreError,
        session_store::{KEY, SessionData},
    },
    web::{
        Shared, cookies::Flow, error::store_page, extract::address::Address, layer::RequestId,
        user_agent::UserAgent,
    },
};

/// How often a session's last use is written.
const TOUCH_EVERY: Lifetime = Lifetime::from_secs(600);

/// The browser that asks.
pub(crate) struct Visitor {
    /// Who is signed in.
    pub(crate) session: Option<BrowserSession>,
    /// The tower-sessions handle, for signing in and out.
    pub(crate) cookie: Session,
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

    /// Whether a form post comes from a page of ours: `Sec-Fetch-Site` first, then `Origin`; where a browser says
    /// neither (or `null`), the sealed token in the form decides alone.
    pub(crate) fn is_cross_site(&self, site: &Shared) -> bool {
        let header = |name: &str| self.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        match (header("sec-fetch-site"), header("origin")) {
            (Some(fetch_site), _) => fetch_site != "same-origin",
            (None, None | Some("null")) => false,
            (None, Some(origin)) => origin != site.provider.issuer.as_str(),
        }
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
        let unavailable = || store_page(site, &request_id, &StoreError::Unavailable("session".to_owned()));
        let cookie = Session::from_request_parts(parts, site)
            .await
            .map_err(|_| unavailable())?;
        let data = cookie.get::<SessionData>(KEY).await.map_err(|error| {
            tracing::error!(%error, "the session could not be read");
            unavailable()
        })?;
        let session = data.map(|data| data.session);
        if let Some(session) = &session {
            touch(site, session)
                .await
                .map_err(|error| store_page(site, &request_id, &error))?;
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

/// Remembers the use, coarsely: a page that is only looked at seldom writes.
async fn touch(site: &Shared, session: &BrowserSession) -> Result<(), StoreError> {
    let now = site.provider.clock.now();
    if now.since(session.last_seen_at) >= TOUCH_EVERY {
        site.provider.db.execute(TOUCH, (session.id, now)).await?;
    }
    Ok(())
}
