//! Signs out of this browser.

use axum::{extract::State, response::Response};
use http::StatusCode;

use crate::{
    domain::browser_session::BrowserSession,
    flows::account,
    web::{Shared, error::store_page, extract::csrf::Sent, pages::SignedOutPage},
};

pub(crate) async fn sign_out(State(site): State<Shared>, sent: Sent) -> Response {
    match account::sign_out(&site.provider, &sent.session, sent.subject()).await {
        Ok(_) => signed_out(&site, &sent.session),
        Err(error) => store_page(&site, &sent.visitor.request_id, &error),
    }
}

/// The row has ended; only the cookie is left to clear.
pub(super) fn signed_out(site: &Shared, session: &BrowserSession) -> Response {
    let page = SignedOutPage {
        email: Some(session.email.to_string()),
    };
    let mut response = site.pages.respond(StatusCode::OK, &page, &[]);
    site.cookies.clear_session(response.headers_mut());
    response
}
