//! Which pages in a browser may read our answers (CORS, the Fetch standard section 3.2): those at origins that a client has
//! named, at the endpoints that an app in a browser needs, and the answers to that client only.
//!
//! Never with cookies: there is no `Access-Control-Allow-Credentials`, so nothing that a browser remembers of us is of use to
//! another site's scripts. `/authorize` and the pages are gone to and not fetched; who introspects has a secret, which is
//! nothing for a browser.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::{base::url::WebOrigin, domain::client::Client, web::Shared};

/// Which client turned out to ask: told by who authenticated it.
#[derive(Debug, Clone, Default)]
pub(super) struct Asking(Arc<OnceLock<Vec<WebOrigin>>>);

impl Asking {
    /// The place of this request.
    pub(super) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// It is this one.
    pub(super) fn is(&self, client: &Client) {
        let _ = self.0.set(client.settings.allowed_origins.clone());
    }
}

/// How long a browser keeps what it was told before a request.
const PREFLIGHT: HeaderValue = HeaderValue::from_static("600");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");
const SENT: HeaderValue = HeaderValue::from_static("authorization, content-type, dpop");
const READ: HeaderValue = HeaderValue::from_static("DPoP-Nonce, WWW-Authenticate, Retry-After");

/// For endpoints that pages of clients call.
pub(super) async fn of_clients(State(site): State<Shared>, mut request: Request, next: Next) -> Response {
    let origin = origin(request.headers());
    let is_known = origin
        .as_ref()
        .is_some_and(|origin| site.provider.clients.has_origin(origin));
    if is_preflight(&request) {
        // A preflight names no client: it is answered for an origin that some client has named.
        let mut response = StatusCode::NO_CONTENT.into_response();
        if let Some(origin) = origin.filter(|_| is_known) {
            allow_request(response.headers_mut());
            allow(response.headers_mut(), &origin);
        }
        vary(response.headers_mut());
        return response;
    }
    let asking = Asking::default();
    request.extensions_mut().insert(asking.clone());
    let mut response = next.run(request).await;
    if let Some(origin) = origin {
        // Who was refused before anybody knew which client it is may read that, and no more.
        let nobody = is_known && !response.status().is_success();
        let is_allowed = asking.0.get().map_or(nobody, |own| own.contains(&origin));
        if is_allowed {
            allow(response.headers_mut(), &origin);
        }
    }
    vary(response.headers_mut());
    response
}

/// For what everybody may read.
pub(super) async fn of_everybody(request: Request, next: Next) -> Response {
    let any = HeaderValue::from_static("*");
    if is_preflight(&request) {
        let mut response = StatusCode::NO_CONTENT.into_response();
        allow_request(response.headers_mut());
        response
            .headers_mut()
            .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
        return response;
    }
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    response
}

fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Where the page is. `null` (a file, a sandbox) is nobody.
fn origin(headers: &HeaderMap) -> Option<WebOrigin> {
    let mut lines = headers.get_all(header::ORIGIN).into_iter();
    let line = lines.next().filter(|_| lines.next().is_none())?;
    line.to_str().ok()?.parse().ok()
}

fn allow_request(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, SENT);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT);
}

fn allow(headers: &mut HeaderMap, origin: &WebOrigin) {
    let mut add = |name: HeaderName, value| {
        headers.insert(name, value);
    };
    if let Ok(origin) = HeaderValue::try_from(origin.as_str()) {
        add(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        add(header::ACCESS_CONTROL_EXPOSE_HEADERS, READ);
    }
}

/// Also where no origin was sent: an answer that was kept is not the answer to somebody else.
fn vary(headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}
