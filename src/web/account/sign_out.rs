//! Signs out: of this browser, of everything that was opened from it, or everywhere.

use axum::{extract::State, response::Response};
use http::StatusCode;

use super::{Message, show};
use crate::{
    domain::{browser_session::BrowserSession, ending::SignOut},
    flows::account,
    web::{Shared, error::store_page, extract::csrf::Sent, pages::SignedOutPage},
};

/// The button on every page of the account: this browser.
pub(crate) async fn sign_out(State(site): State<Shared>, sent: Sent) -> Response {
    sign_out_of(&site, &sent, SignOut::Here).await
}

/// The choice on the account page.
pub(crate) async fn sign_out_as_chosen(State(site): State<Shared>, sent: Sent) -> Response {
    match SignOut::parse(sent.form.text("reach")) {
        Some(reach) => sign_out_of(&site, &sent, reach).await,
        None => show(&site, &sent.visitor, &sent.session, Message::default()).await,
    }
}

async fn sign_out_of(site: &Shared, sent: &Sent, reach: SignOut) -> Response {
    match account::sign_out(&site.provider, &sent.session, reach, sent.subject()).await {
        Ok(_) => signed_out(site, &sent.session, reach),
        Err(error) => store_page(site, &sent.visitor.request_id, &error),
    }
}

/// The row has ended; only the cookie is left to clear.
pub(super) fn signed_out(site: &Shared, session: &BrowserSession, reach: SignOut) -> Response {
    let page = SignedOutPage {
        email: Some(session.email.to_string()),
        reach: match reach {
            SignOut::Here => "here",
            SignOut::OpenedHere => "opened_here",
            SignOut::Everywhere => "everywhere",
        },
    };
    let mut response = site.pages.respond(StatusCode::OK, &page, &[]);
    site.cookies.clear_session(response.headers_mut());
    response
}
