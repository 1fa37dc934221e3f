//! Sign-in as one machine: which page a request leads to. Effects happen around it.

use crate::{
    base::time::{Instant, Lifetime},
    domain::{
        browser_session::BrowserSession,
        client::Client,
        consent::must_ask,
        oauth_error::{ErrorCode, OAuthError},
        request::AuthorizationRequest,
        scope::ScopeSet,
    },
};

/// Where a person stands on the way to the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nobody is known: ask for address and password.
    Identify,
    /// Somebody is signed in and has to prove it again: ask for the password.
    Confirm(BrowserSession),
    /// Known and proved as well as the request wants.
    SignedIn(BrowserSession),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A page was asked for, with or without a session.
    Arrived {
        /// Who the cookie names.
        session: Option<BrowserSession>,
        /// Whether the request wants a fresh proof (`prompt=login`, `max_age`) that it has not had.
        must_prove: bool,
    },
    /// The person chose to use another account.
    SwitchedAccount,
}

/// The next state. The last page's state does not matter for an arrival: the cookie is what counts.
pub fn next(event: Event) -> State {
    match event {
        Event::Arrived { session: None, .. } | Event::SwitchedAccount => State::Identify,
        Event::Arrived {
            session: Some(session),
            must_prove: true,
        } => State::Confirm(session),
        Event::Arrived {
            session: Some(session),
            must_prove: false,
        } => State::SignedIn(session),
    }
}

/// Whether `request` wants a proof newer than the session's (OpenID Connect Core section 3.1.2.1).
pub fn must_prove(
    request: &AuthorizationRequest,
    session: &BrowserSession,
    proved_for_it: bool,
    now: Instant,
) -> bool {
    let age = now.since(session.authentication.auth_time);
    let too_old = request.max_age.is_some_and(|max| age > Lifetime::from_secs(max));
    !proved_for_it && (request.prompt.login || too_old)
}

/// What a signed-in person sees, or what the client is told at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask: the app wants something that was not allowed before.
    Consent,
    /// One tap: "Continue to Notes as alice@example.com" (RFC 8252 section 8.6).
    Continue,
    /// No page is due.
    Answer,
}

/// The step for a signed-in person.
pub fn step(client: &Client, request: &AuthorizationRequest, allowed: Option<&ScopeSet>) -> Step {
    if must_ask(
        client.settings.consent,
        allowed,
        &request.scope,
        request.prompt.consent,
    ) {
        Step::Consent
    } else if client.is_confidential() {
        Step::Answer
    } else {
        Step::Continue
    }
}

/// What `prompt=none` is told instead of a page (OpenID Connect Core section 3.1.2.6).
pub fn refuse_page(state: &State, step: Option<&Step>) -> Option<OAuthError> {
    let (code, hint) = match (state, step) {
        (State::Identify | State::Confirm(_), _) => (ErrorCode::LoginRequired, "the person has to sign in"),
        (State::SignedIn(_), Some(Step::Consent)) => {
            (ErrorCode::ConsentRequired, "the person has to be asked")
        }
        (State::SignedIn(_), Some(Step::Continue)) => (
            ErrorCode::InteractionRequired,
            "an app gets nothing without a tap (RFC 8252 section 8.6)",
        ),
        (State::SignedIn(_), Some(Step::Answer) | None) => return None,
    };
    Some(OAuthError::new(code, hint))
}
