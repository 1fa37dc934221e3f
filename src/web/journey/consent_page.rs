//! What an app asks a signed-in person for: their consent, or one tap where they gave it before.

use axum::response::Response;
use http::StatusCode;

use crate::{
    base::url::{RedirectKind, RedirectUri},
    domain::{client::Client, journey::Page, request::AuthorizationRequest},
    web::{
        Shared,
        extract::session::Visitor,
        journey::{
            Asked,
            client::{form_action, too_large},
        },
        pages::{ConsentPage, ContinuePage},
        scope_texts::scope_texts,
    },
};

pub(super) fn consent_page(site: &Shared, visitor: &Visitor, asked: &Asked, page: Page) -> Response {
    let (client, request) = (&asked.client, &asked.request);
    let Ok(sealed) = asked.pending.seal(&site.provider) else {
        return too_large(site, visitor);
    };
    let client_name = client.name.to_string();
    let (email, destination) = (asked.session.email.to_string(), destination(client, request));
    let form_action = form_action(client, &request.answer_to);
    match page {
        Page::Consent => {
            let scopes = scope_texts(&request.scope_with_claims());
            let shown = ConsentPage {
                client_name,
                email,
                request: sealed,
                scopes,
                details: request.authorization_details.rows(),
                destination,
                unchecked: client.settings.is_unchecked(),
                host: client.id.host().unwrap_or_default().to_owned(),
            };
            site.pages.respond(StatusCode::OK, &shown, &form_action)
        }
        Page::Continue => {
            let shown = ContinuePage {
                client_name,
                email,
                request: sealed,
                destination,
            };
            site.pages.respond(StatusCode::OK, &shown, &form_action)
        }
    }
}

/// Where the answer goes, in words: a name could lie, a host cannot.
fn destination(client: &Client, request: &AuthorizationRequest) -> String {
    let uri = request.answer_to.redirect_uri();
    let registered = client
        .settings
        .redirect_uris
        .iter()
        .find(|registered| registered.matches(uri));
    match registered.map(RedirectUri::kind) {
        Some(RedirectKind::Https) => url::Url::parse(uri)
            .ok()
            .and_then(|url| Some(format!("https://{}", url.host_str()?)))
            .unwrap_or_else(|| uri.to_owned()),
        Some(RedirectKind::Loopback | RedirectKind::PrivateScheme) | None => {
            "the app on this device".to_owned()
        }
    }
}
