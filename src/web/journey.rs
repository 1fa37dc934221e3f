//! The pages between an app's request and its answer: which one is next, for whom.

use std::sync::Arc;

use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use crate::{
    base::url::RedirectKind,
    domain::{
        browser_session::BrowserSession,
        client::Client,
        device_code::Waiting,
        oauth_error::OAuthError,
        request::{AnswerTo, AuthorizationRequest},
        scope::{self, ScopeSet},
        sign_in::{self, State, Step},
    },
    flows::{
        consent::{Decision, remembered},
        pending::{Goal, Pending},
    },
    web::{
        Shared, answer, device,
        error::{oauth_page, store_page},
        extract::session::Visitor,
        pages::{ConsentPage, ContinuePage, FinishedPage, ScopeText, SignInPage, StartAgainPage},
    },
};

/// What is next for the person whom the cookie names: a page, or the answer where none is due.
pub(super) async fn proceed(site: &Shared, visitor: &Visitor, pending: Pending) -> Response {
    walk(site, visitor, pending, true).await
}

/// The same for a form that was sent from another person's page, or too early: always a page. What was pressed there is
/// not what this person wants.
pub(super) async fn show(site: &Shared, visitor: &Visitor, pending: Pending) -> Response {
    walk(site, visitor, pending, false).await
}

async fn walk(site: &Shared, visitor: &Visitor, pending: Pending, may_answer: bool) -> Response {
    let request = match pending.goal.clone() {
        Goal::Authorize(request) => request,
        Goal::Device(waiting, code) => return device::ask(site, visitor, pending, &waiting, &code).await,
        Goal::EnterCode => return Redirect::to("/device").into_response(),
        Goal::Account => {
            return match visitor.session {
                Some(_) => Redirect::to("/account").into_response(),
                None => sign_in_page(site, visitor, pending, SignIn::fresh(String::new())),
            };
        }
    };
    let proved = visitor
        .session
        .as_ref()
        .is_some_and(|session| has_proved(&pending, session));
    match State::of(
        visitor.session.clone(),
        &request,
        proved,
        site.provider.clock.now(),
    ) {
        State::Identify => {
            let email = request.login_hint.clone().unwrap_or_default();
            let shown = match &visitor.session {
                // Whom it asks for is not said: whoever opened this link may not know.
                Some(session) => {
                    let text = format!(
                        "The app asks for the account that it knows already, which is not {}. Sign in with that one.",
                        session.email
                    );
                    SignIn::again(email, StatusCode::OK, text)
                }
                None => SignIn::fresh(email),
            };
            sign_in_page(site, visitor, pending, shown)
        }
        State::Confirm(session) => confirm_page(site, visitor, pending, &session, None),
        State::SignedIn(session) => decide(site, visitor, pending, &request, &session, may_answer).await,
    }
}

/// Whether this person proved who they are for this very request.
fn has_proved(pending: &Pending, session: &BrowserSession) -> bool {
    let person = pending.person.as_ref();
    person.is_some_and(|person| person.is(session) && person.proved)
}

/// Whether the request wants a fresh proof that it has not had from this person.
pub(super) fn must_prove(
    site: &Shared,
    pending: &Pending,
    request: &AuthorizationRequest,
    session: &BrowserSession,
) -> bool {
    let now = site.provider.clock.now();
    sign_in::must_prove(request, session, has_proved(pending, session), now)
}

/// The page for a signed-in person: consent, or one tap.
async fn decide(
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
        return answer_now(site, visitor, &client, &pending).await;
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

/// Gives the answer that the pending request is sealed for: where nothing has to be asked, no page is shown.
async fn answer_now(site: &Shared, visitor: &Visitor, client: &Client, pending: &Pending) -> Response {
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
    match decision.allow(&site.provider).await {
        Ok(Some(decided)) => answer::send(site, client, &request.answer_to, decided),
        Ok(None) => finished_page(site, pending),
        Err(error) => store_page(site, &visitor.request_id, &error),
    }
}

/// The answer to `prompt=none`: a code where nothing has to be asked, else which page would be due.
pub(super) async fn without_page(
    site: &Shared,
    visitor: &Visitor,
    client: &Client,
    request: AuthorizationRequest,
) -> Response {
    let provider = &site.provider;
    let state = State::of(visitor.session.clone(), &request, false, provider.clock.now());
    let mut step = None;
    if let State::SignedIn(session) = &state {
        let allowed = match remembered(provider, session.user, client).await {
            Ok(allowed) => allowed,
            Err(error) => return store_page(site, &visitor.request_id, &error),
        };
        step = Some(sign_in::step(client, &request, allowed.as_ref()));
        if step == Some(Step::Answer) {
            let flow = visitor.start_flow(site);
            let mut pending = Pending::new(provider, flow.digest(), Goal::Authorize(Box::new(request)));
            pending.for_person(provider, session).remembered = allowed;
            return answer_now(site, visitor, client, &pending).await;
        }
    }
    let error = sign_in::refuse_page(&state, step);
    answer::refuse(site, visitor, client, &request.answer_to, &error).await
}

/// What a sign-in page shows besides the request.
#[derive(Debug)]
pub(super) struct SignIn {
    email: String,
    fixed: bool,
    status: StatusCode,
    error: Option<String>,
}

impl SignIn {
    /// A first page.
    pub(super) fn fresh(email: String) -> Self {
        Self {
            email,
            fixed: false,
            status: StatusCode::OK,
            error: None,
        }
    }

    /// The page again, with what went wrong.
    pub(super) fn again(email: String, status: StatusCode, error: String) -> Self {
        Self {
            email,
            fixed: false,
            status,
            error: Some(error),
        }
    }
}

/// Asks who it is. The request is sealed for nobody.
pub(super) fn sign_in_page(
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
pub(super) fn sign_in_first(site: &Shared, visitor: &Visitor, shown: SignIn) -> Response {
    let flow = visitor.start_flow(site);
    let pending = Pending::new(&site.provider, flow.digest(), Goal::Account);
    let mut response = sign_in_page(site, visitor, pending, shown);
    site.cookies
        .set_flow(&site.provider, &flow, response.headers_mut());
    response
}

/// Asks a known person to prove it again. The request is sealed for them, so the address in the form does not matter.
pub(super) fn confirm_page(
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

/// A request that is not this browser's, or too old: it is not continued, but may be started again.
pub(super) fn start_again_page(site: &Shared, pending: Option<&Pending>, reason: &str) -> Response {
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
pub(super) fn finished_page(site: &Shared, pending: &Pending) -> Response {
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

fn client_of(site: &Shared, pending: &Pending) -> Option<Arc<Client>> {
    match &pending.goal {
        Goal::Authorize(request) => site.provider.clients.find(request.client.as_str()),
        Goal::Device(waiting, _) => site.provider.clients.find(waiting.client.as_str()),
        Goal::Account | Goal::EnterCode => None,
    }
}

/// The client of a request that it may still make: the request is sealed, the client may have changed since.
pub(super) fn client_for(site: &Shared, request: &AuthorizationRequest) -> Option<Arc<Client>> {
    let client = site.provider.clients.find(request.client.as_str())?;
    request.is_allowed_for(&client).then_some(client)
}

/// The client of a device that waits, if it may still ask for this.
pub(super) fn client_for_device(site: &Shared, waiting: &Waiting) -> Option<Arc<Client>> {
    let client = site.provider.clients.find(waiting.client.as_str())?;
    waiting.is_allowed_for(&client).then_some(client)
}

pub(super) fn client_gone(site: &Shared, visitor: &Visitor) -> Response {
    let error = OAuthError::invalid_request("this app is not registered any more, or not for this request");
    oauth_page(site, &visitor.request_id, &error)
}

pub(super) fn too_large(site: &Shared, visitor: &Visitor) -> Response {
    let error = OAuthError::invalid_request("the request has too many or too long parameters");
    oauth_page(site, &visitor.request_id, &error)
}

/// Where the forms of this request's pages may lead: the scheme of its redirect URI, and the client's private ones.
pub(super) fn form_action(client: &Client, answer_to: &AnswerTo) -> Vec<String> {
    let mut sources = vec![answer_to.scheme().to_owned()];
    for scheme in client.private_schemes() {
        if !sources.iter().any(|known| known == scheme) {
            sources.push(scheme.to_owned());
        }
    }
    sources
}

/// Where the answer goes, in words: a name could lie, a host cannot.
fn destination(client: &Client, request: &AuthorizationRequest) -> String {
    let uri = request.answer_to.redirect_uri();
    let registered = client
        .settings
        .redirect_uris
        .iter()
        .find(|registered| registered.matches(uri));
    match registered.map(crate::base::url::RedirectUri::kind) {
        Some(RedirectKind::Https) => url::Url::parse(uri)
            .ok()
            .and_then(|url| Some(format!("https://{}", url.host_str()?)))
            .unwrap_or_else(|| uri.to_owned()),
        Some(RedirectKind::Loopback | RedirectKind::PrivateScheme) | None => {
            "the app on this device".to_owned()
        }
    }
}

pub(super) fn scope_texts(scopes: &ScopeSet) -> Vec<ScopeText> {
    let known = |name: &str| match name {
        scope::OPENID => (
            "Know who you are",
            "A number that stands for your account here, and when you signed in.",
        ),
        scope::PROFILE => ("See your name", "The name on your account."),
        scope::EMAIL => ("See your email address", "The address you sign in with."),
        scope::OFFLINE_ACCESS => (
            "Stay signed in",
            "Until you end it on your account page, also while you are away.",
        ),
        scope::DEVICE_SSO => (
            "Sign in to its maker’s other apps",
            "Apps by the same maker on this device sign in as you, without asking for your password.",
        ),
        _ => ("", "Something that this app's makers have named."),
    };
    let text = |name: &str| {
        let (title, description) = known(name);
        let title = if title.is_empty() { name } else { title };
        ScopeText {
            name: name.to_owned(),
            title: title.to_owned(),
            description: description.to_owned(),
        }
    };
    // What the app learns of the person first, then the rest by name.
    let mut texts: Vec<ScopeText> = scopes.iter().map(text).collect();
    texts.sort_by_key(|text| {
        let known = scope::OF_ISSUER.iter().position(|name| *name == text.name);
        known.unwrap_or(scope::OF_ISSUER.len())
    });
    texts
}
