//! The page that asks who it is, or that a known person proves it again.

use axum::response::Response;
use http::StatusCode;

use crate::{
    domain::browser_session::BrowserSession,
    flows::pending::{Goal, Pending},
    web::{
        Shared,
        extract::session::Visitor,
        journey::client::{client_of, form_action, too_large},
        pages::SignInPage,
    },
};

/// What a sign-in page shows besides the request.
#[derive(Debug)]
pub(in crate::web) struct SignIn {
    email: String,
    fixed: bool,
    status: StatusCode,
    error: Option<String>,
}

impl SignIn {
    /// A first page.
    pub(in crate::web) fn fresh(email: String) -> Self {
        Self {
            email,
            fixed: false,
            status: StatusCode::OK,
            error: None,
        }
    }

    /// The page again, with what went wrong.
    pub(in crate::web) fn again(email: String, status: StatusCode, error: String) -> Self {
        Self {
            email,
            fixed: false,
            status,
            error: Some(error),
        }
    }
}

/// Asks who it is. The request is sealed for nobody.
pub(in crate::web) fn sign_in_page(
    site: &Shared,
    visitor: &Visitor,
    mut pending: Pending,
    shown: SignIn,
) -> Response {
    if !shown.fixed {
        pending.person = None;
    }
    let Ok(request) = pending.seal(&site.provider) else {
        return too_large(site, visitor);
    };
    let client = client_of(site, &pending);
    let form_action = match (&client, &pending.goal) {
        (Some(client), Goal::Authorize(request)) => form_action(client, &request.answer_to),
        _ => Vec::new(),
    };
    let page = SignInPage {
        client_name: client.map(|client| client.name.to_string()),
        request,
        email: shown.email,
        fixed: shown.fixed,
        error: shown.error,
    };
    site.pages.respond(shown.status, &page, &form_action)
}

/// Asks who it is, on the way to the account page: the first page of a flow.
pub(in crate::web) fn sign_in_first(site: &Shared, visitor: &Visitor, shown: SignIn) -> Response {
    let flow = visitor.start_flow(site);
    let pending = Pending::new(&site.provider, flow.digest(), Goal::Account);
    let mut response = sign_in_page(site, visitor, pending, shown);
    site.cookies
        .set_flow(&site.provider, &flow, response.headers_mut());
    response
}

/// Asks a known person to prove it again. The request is sealed for them, so the address in the form does not matter.
pub(in crate::web) fn confirm_page(
    site: &Shared,
    visitor: &Visitor,
    mut pending: Pending,
    session: &BrowserSession,
    error: Option<(StatusCode, String)>,
) -> Response {
    pending.for_person(&site.provider, session);
    let (status, error) = error.map_or((StatusCode::OK, None), |(status, text)| (status, Some(text)));
    let shown = SignIn {
        email: session.email.to_string(),
        fixed: true,
        status,
        error,
    };
    sign_in_page(site, visitor, pending, shown)
}
