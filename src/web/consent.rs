//! What an app asks a person for, and what they decide.

use axum::{extract::State, response::Response};
use http::StatusCode;

use crate::{
    base::url::{RedirectKind, RedirectUri},
    domain::{
        browser_session::BrowserSession,
        client::Client,
        request::AuthorizationRequest,
        sign_in::{self, Step},
    },
    flows::{
        consent::{Decision, remembered},
        pending::{Goal, Pending},
    },
    web::{
        Shared, answer,
        error::store_page,
        extract::{csrf::Posted, session::Visitor},
        journey::{
            self,
            client::{client_for, client_gone, form_action, too_large},
            sign_in_page::{SignIn, sign_in_page},
            start_again::finished_page,
        },
        pages::{ConsentPage, ContinuePage},
        scope_texts::scope_texts,
    },
};

/// Asks a signed-in person for their consent, or for one tap where they gave it before. Where nothing is to be asked, the
/// answer, if `may_answer`.
pub(super) async fn consent_page(
    site: &Shared,
    visitor: &Visitor,
    mut pending: Pending,
    request: &AuthorizationRequest,
    session: &BrowserSession,
    may_answer: bool,
) -> Response {
    let provider = &site.provider;
    let Some(client) = client_for(site, request) else {
        return client_gone(site, visitor);
    };
    let allowed = match remembered(provider, session.user, &client).await {
        Ok(allowed) => allowed,
        Err(error) => return store_page(site, &visitor.request_id, &error),
    };
    pending
        .for_person(provider, session)
        .remembered
        .clone_from(&allowed);
    let step = sign_in::step(&client, request, allowed.as_ref());
    if step == Step::Answer && may_answer {
        return allow(site, visitor, &client, &pending).await;
    }
    let Ok(sealed) = pending.seal(provider) else {
        return too_large(site, visitor);
    };
    let client_name = client.name.to_string();
    let (email, destination) = (session.email.to_string(), destination(&client, request));
    let form_action = form_action(&client, &request.answer_to);
    match step {
        Step::Consent => {
            let scopes = scope_texts(&request.scope_with_claims());
            let page = ConsentPage {
                client_name,
                email,
                request: sealed,
                scopes,
                details: request.authorization_details.rows(),
                destination,
                unchecked: client.settings.is_unchecked(),
                host: client.id.host().unwrap_or_default().to_owned(),
            };
            site.pages.respond(StatusCode::OK, &page, &form_action)
        }
        Step::Continue | Step::Answer => {
            let page = ContinuePage {
                client_name,
                email,
                request: sealed,
                destination,
            };
            site.pages.respond(StatusCode::OK, &page, &form_action)
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

/// The person's decision. The way back to the app is a 303 that answers the person's own form post (or, for `form_post`, a
/// page); the page that stays behind is the form, and pressing again works until the app has redeemed.
pub(super) async fn decide(State(site): State<Shared>, posted: Posted) -> Response {
    let (site, visitor) = (&site, &posted.visitor);
    let (Goal::Authorize(request), Some((session, _))) = (&posted.pending.goal, posted.decider()) else {
        return journey::show(site, visitor, posted.pending).await;
    };
    // Before a proof that is due: shown again likewise.
    if journey::must_prove(site, &posted.pending, request, session) {
        return journey::show(site, visitor, posted.pending).await;
    }
    let Some(client) = client_for(site, request) else {
        return client_gone(site, visitor);
    };
    match posted.form.text("decision") {
        "allow" => allow(site, visitor, &client, &posted.pending).await,
        "deny" => carry_out(site, visitor, &client, &posted.pending, Choice::Deny).await,
        "switch" => sign_in_page(site, visitor, posted.pending, SignIn::fresh(String::new())),
        _ => journey::show(site, visitor, posted.pending).await,
    }
}

/// Gives the answer that the pending request is sealed for: the person pressed Allow, or nothing had to be asked.
pub(super) async fn allow(site: &Shared, visitor: &Visitor, client: &Client, pending: &Pending) -> Response {
    carry_out(site, visitor, client, pending, Choice::Allow).await
}

#[derive(Debug, Clone, Copy)]
enum Choice {
    Allow,
    Deny,
}

async fn carry_out(
    site: &Shared,
    visitor: &Visitor,
    client: &Client,
    pending: &Pending,
    choice: Choice,
) -> Response {
    let (Goal::Authorize(request), Some(person), Some(session)) =
        (&pending.goal, &pending.person, &visitor.session)
    else {
        return finished_page(site, pending);
    };
    let (device, address) = (visitor.agent.device_label(), visitor.address.to_string());
    let decision = Decision {
        request,
        client,
        person,
        session,
        device: &device,
        address: Some(&address),
    };
    let decided = match choice {
        Choice::Allow => decision.allow(&site.provider).await,
        Choice::Deny => decision.deny(&site.provider).await.map(Some),
    };
    match decided {
        Ok(Some(decided)) => answer::send(site, client, &request.answer_to, decided),
        Ok(None) => finished_page(site, pending),
        Err(error) => store_page(site, &visitor.request_id, &error),
    }
}
