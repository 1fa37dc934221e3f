//! The pages between an app's request and its answer: which one is next, for whom.

pub(super) mod client;
pub(super) mod sign_in_page;
pub(super) mod start_again;

use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use self::sign_in_page::{SignIn, confirm_page, sign_in_page};
use crate::{
    domain::{
        browser_session::BrowserSession,
        client::Client,
        request::AuthorizationRequest,
        sign_in::{self, State, Step},
    },
    flows::{
        consent::remembered,
        pending::{Goal, Pending},
    },
    web::{
        Shared, answer,
        consent::{allow, consent_page},
        device,
        error::store_page,
        extract::session::Visitor,
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
        State::SignedIn(session) => {
            consent_page(site, visitor, pending, &request, &session, may_answer).await
        }
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
            return allow(site, visitor, client, &pending).await;
        }
    }
    let error = sign_in::refuse_page(&state, step);
    answer::refuse(site, visitor, client, &request.answer_to, &error).await
}
