//! The client that a sealed request is of: whether it may still make it, and where its pages may lead.

use std::sync::Arc;

use axum::response::Response;

use crate::{
    domain::{
        client::Client,
        device_code::Waiting,
        oauth_error::OAuthError,
        request::{AnswerTo, AuthorizationRequest},
    },
    flows::pending::{Goal, Pending},
    web::{Shared, error::oauth_page, extract::session::Visitor},
};

pub(super) fn client_of(site: &Shared, pending: &Pending) -> Option<Arc<Client>> {
    match &pending.goal {
        Goal::Authorize(request) => site.provider.clients.find(request.client.as_str()),
        Goal::Device(waiting, _) => site.provider.clients.find(waiting.client.as_str()),
        Goal::Account | Goal::EnterCode => None,
    }
}

/// The client of a request that it may still make: the request is sealed, the client may have changed since.
pub(in crate::web) fn client_for(site: &Shared, request: &AuthorizationRequest) -> Option<Arc<Client>> {
    let client = site.provider.clients.find(request.client.as_str())?;
    request.is_allowed_for(&client).then_some(client)
}

/// The client of a device that waits, if it may still ask for this.
pub(in crate::web) fn client_for_device(site: &Shared, waiting: &Waiting) -> Option<Arc<Client>> {
    let client = site.provider.clients.find(waiting.client.as_str())?;
    waiting.is_allowed_for(&client).then_some(client)
}

pub(in crate::web) fn client_gone(site: &Shared, visitor: &Visitor) -> Response {
    let error = OAuthError::invalid_request("this app is not registered any more, or not for this request");
    oauth_page(site, &visitor.request_id, &error)
}

pub(in crate::web) fn too_large(site: &Shared, visitor: &Visitor) -> Response {
    let error = OAuthError::invalid_request("the request has too many or too long parameters");
    oauth_page(site, &visitor.request_id, &error)
}

/// Where the forms of this request's pages may lead: the scheme of its redirect URI, and the client's private ones.
pub(in crate::web) fn form_action(client: &Client, answer_to: &AnswerTo) -> Vec<String> {
    let mut sources = vec![answer_to.scheme().to_owned()];
    for scheme in client.private_schemes() {
        if !sources.iter().any(|known| known == scheme) {
            sources.push(scheme.to_owned());
        }
    }
    sources
}
