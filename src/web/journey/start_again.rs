//! Pages where a sign-in goes no further, each with a way to start it again.

use axum::response::Response;
use http::StatusCode;

use crate::{
    domain::client::Client,
    flows::pending::{Goal, Pending},
    web::{
        Shared,
        journey::client::{client_of, form_action},
        pages::{FinishedPage, StartAgainPage},
    },
};

/// A request that is not this browser's, or too old: it is not continued, but may be started again.
pub(in crate::web) fn start_again_page(site: &Shared, pending: Option<&Pending>, reason: &str) -> Response {
    let client = pending.and_then(|pending| client_of(site, pending));
    let (parameters, form_action) = parameters(pending, client.as_deref());
    let client_name = client.map(|client| client.name.to_string());
    let page = StartAgainPage {
        client_name,
        reason: reason.to_owned(),
        parameters,
    };
    site.pages.respond(StatusCode::CONFLICT, &page, &form_action)
}

/// A sign-in that was used, or whose session ended.
pub(in crate::web) fn finished_page(site: &Shared, pending: &Pending) -> Response {
    let client = client_of(site, pending);
    let (parameters, form_action) = parameters(Some(pending), client.as_deref());
    let page = FinishedPage {
        client_name: client.map(|client| client.name.to_string()),
        parameters,
    };
    site.pages.respond(StatusCode::CONFLICT, &page, &form_action)
}

/// What starts the request again; nothing for a client that has to push or sign its requests, which only its app can do, and
/// for a request that is too large for a browser.
fn parameters(
    pending: Option<&Pending>,
    client: Option<&Client>,
) -> (Vec<(&'static str, String)>, Vec<String>) {
    match (pending.map(|pending| &pending.goal), client) {
        (Some(Goal::Authorize(request)), Some(client))
            if !client.settings.require_pushed_authorization_requests
                && !client.settings.require_signed_request_object
                && request.kept.is_none() =>
        {
            (request.to_parameters(), form_action(client, &request.answer_to))
        }
        _ => (Vec::new(), Vec::new()),
    }
}
