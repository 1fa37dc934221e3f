//! Where a person stands on the way to an app, and which page follows. Effects happen around it.

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
    /// Nobody is known, or somebody whom the request is not for: ask for address and password.
    Identify,
    /// Somebody is signed in and has to prove it again: ask for the password.
    Confirm(BrowserSession),
    /// Known and proved as well as the request wants.
    SignedIn(BrowserSession),
}

impl State {
    /// Where the person whom the cookie names stands. The last page does not matter: the cookie is what counts, and
    /// whether they have proved who they are for this very request.
    pub fn of(
        session: Option<BrowserSession>,
        request: &AuthorizationRequest,
        proved_for_it: bool,
        now: Instant,
    ) -> Self {
        match session {
            None => Self::Identify,
            Some(session) if !request.is_for(session.user) => Self::Identify,
            Some(session) if must_prove(request, &session, proved_for_it, now) => Self::Confirm(session),
            Some(session) => Self::SignedIn(session),
        }
    }
}

/// Whether `request` wants a proof newer than the session's (OpenID Connect Core section 3.1.2.1), or one of another person.
pub fn must_prove(
    request: &AuthorizationRequest,
    session: &BrowserSession,
    proved_for_it: bool,
    now: Instant,
) -> bool {
    let age = now.since(session.authentication.auth_time);
    let too_old = request.max_age.is_some_and(|max| age > Lifetime::from_secs(max));
    !request.is_for(session.user) || !proved_for_it && (request.prompt.login || too_old)
}

/// What comes next for a signed-in person. An app gets nothing without a tap (RFC 8252 section 8.6): only where it is known
/// who answers at the redirect URI, and that nobody else can use the code, is there no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The answer: there is nothing to ask, and who gets it is known.
    Answer,
    /// A page.
    Page(Page),
}

/// A page that asks a signed-in person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The app wants something that was not allowed before.
    Consent,
    /// One tap: "Continue to Notes as alice@example.com".
    Continue,
}

/// The step for a signed-in person.
pub fn step(client: &Client, request: &AuthorizationRequest, allowed: Option<&ScopeSet>) -> Step {
    let asked = request.scope_with_claims();
    // What is done once is asked for each time, whoever's app it is (RFC 9396 section 12).
    let always = request.prompt.consent || !request.authorization_details.is_empty();
    if must_ask(client.settings.consent, allowed, &asked, always) {
        Step::Page(Page::Consent)
    } else if client.answers_without_tap() && request.guards_its_code() {
        Step::Answer
    } else {
        Step::Page(Page::Continue)
    }
}

/// What `prompt=none` is told instead of the page that is due (OpenID Connect Core section 3.1.2.6); without one, of the
/// sign-in that is.
pub fn refuse_page(due: Option<Page>) -> OAuthError {
    let (code, hint) = match due {
        None => (ErrorCode::LoginRequired, "the person has to sign in"),
        Some(Page::Consent) => (ErrorCode::ConsentRequired, "the person has to be asked"),
        Some(Page::Continue) => (
            ErrorCode::InteractionRequired,
            "an app gets nothing without a tap (RFC 8252 section 8.6)",
        ),
    };
    OAuthError::new(code, hint)
}
