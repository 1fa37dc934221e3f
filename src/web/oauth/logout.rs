//! The end session endpoint (OpenID Connect RP-Initiated Logout 1.0 section 2).

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;

use crate::{
    base::seal::Purpose,
    domain::request::Raw,
    flows::logout::{self, LogoutRequest, Named, PendingLogout, Then, is_own, log_out},
    web::{
        Shared,
        error::{logout_page, store_page},
        extract::{csrf::LogoutConfirmed, foreign::ForeignForm, opened::Opened, session::Visitor},
        oauth::posted::{self, NotPosted},
        pages::{LogoutPage, SignedOutPage},
    },
};

/// A post from another site carries no Lax cookie: the parameters travel through a redirect.
pub(crate) async fn post(State(site): State<Shared>, foreign: ForeignForm) -> Response {
    let ForeignForm { request_id, form } = foreign;
    posted::redirect(&site, Purpose::PostedLogout, "/logout", form)
        .unwrap_or_else(|error| logout_page(&site, &request_id, &error))
}

pub(crate) async fn get(State(site): State<Shared>, opened: Opened) -> Response {
    let Opened { visitor, query } = opened;
    match checked(&site, query).await {
        Ok(request) => act(&site, &visitor, &request).await,
        Err(NotPosted::Refused(error)) => logout_page(&site, &visitor.request_id, &error),
        Err(NotPosted::Store(error)) => store_page(&site, &visitor.request_id, &error),
    }
}

async fn checked(site: &Shared, raw: Raw) -> Result<LogoutRequest, NotPosted> {
    let raw = posted::open(site, Purpose::PostedLogout, raw).await?;
    Ok(logout::check(&site.provider, &raw)?)
}

/// Acts at once for the app's own session in this browser; everybody else is asked.
async fn act(site: &Shared, visitor: &Visitor, request: &LogoutRequest) -> Response {
    let own = match &visitor.session {
        // There is nothing to end.
        None if request.hint.is_none() => return signed_out(site, visitor, request.then.as_ref()),
        None => Ok(false),
        Some(session) => is_own(&site.provider, request, session).await,
    };
    match own {
        Ok(true) => end(site, visitor, &request.named(), request.then.as_ref()).await,
        Ok(false) => ask(site, visitor, request.named(), request.then.clone()),
        Err(error) => store_page(site, &visitor.request_id, &error),
    }
}

/// The tap on the page of [`ask`].
pub(crate) async fn confirm(State(site): State<Shared>, confirmed: LogoutConfirmed) -> Response {
    let LogoutConfirmed { visitor, pending } = confirmed;
    let present = visitor.session.as_ref().map(|session| session.id);
    if pending.browser_session != present {
        // Somebody else by now: they are asked.
        return ask(&site, &visitor, pending.named, pending.then);
    }
    end(&site, &visitor, &pending.named, pending.then.as_ref()).await
}

fn ask(site: &Shared, visitor: &Visitor, named: Named, then: Option<Then>) -> Response {
    let provider = &site.provider;
    let flow = visitor.start_flow(site);
    // Only an app whose ID token came along is named: anybody may write a client_id.
    let client = named.client.as_ref().filter(|_| named.session.is_some());
    let client = client.and_then(|id| provider.clients.find(id.as_str()));
    let mut form_action: Vec<String> = then.iter().map(|then| then.scheme().to_owned()).collect();
    if let Some(client) = client.as_ref().filter(|_| then.is_some()) {
        form_action.extend(client.private_schemes().map(str::to_owned));
    }
    form_action.dedup();
    let pending = PendingLogout {
        flow: flow.digest(),
        browser_session: visitor.session.as_ref().map(|session| session.id),
        named,
        then,
    };
    let expires = provider.clock.now().plus(provider.lifetimes.pending_request);
    let keys = provider.keys.load();
    let request = keys.sealer.seal(Purpose::PendingLogout, &pending, expires);
    let page = LogoutPage {
        client_name: client.map(|client| client.name.to_string()),
        email: visitor.session.as_ref().map(|session| session.email.to_string()),
        request,
    };
    let mut response = site.pages.respond(StatusCode::OK, &page, &form_action);
    site.cookies.set_flow(provider, &flow, response.headers_mut());
    response
}

async fn end(site: &Shared, visitor: &Visitor, named: &Named, then: Option<&Then>) -> Response {
    let address = Some(visitor.address.to_string());
    match log_out(&site.provider, named, visitor.session.as_ref(), address).await {
        Ok(()) => signed_out(site, visitor, then),
        Err(error) => store_page(site, &visitor.request_id, &error),
    }
}

/// What ended has ended; the cookie is left to clear.
fn signed_out(site: &Shared, visitor: &Visitor, then: Option<&Then>) -> Response {
    let mut response = if let Some(then) = then {
        Redirect::to(&then.redirect()).into_response()
    } else {
        let page = SignedOutPage {
            email: visitor.session.as_ref().map(|session| session.email.to_string()),
            reach: "here",
        };
        site.pages.respond(StatusCode::OK, &page, &[])
    };
    site.cookies.clear_session(response.headers_mut());
    response
}
