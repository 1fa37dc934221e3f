//! The pages between an app's request and its answer: which one is next, for whom.

pub(super) mod client;
mod consent_page;
pub(super) mod sign_in_page;
pub(super) mod start_again;

use std::sync::Arc;

use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use self::{
    client::{client_for, client_gone},
    consent_page::consent_page,
    sign_in_page::{SignIn, confirm_page, sign_in_page},
};
use crate::{
    domain::{
        browser_session::BrowserSession,
        client::Client,
        journey::{self, Page, State, Step},
        request::AuthorizationRequest,
    },
    flows::{
        consent::remembered,
        pending::{Goal, Pending},
    },
    web::{Shared, answer, device, error::store_page, extract::session::Visitor},
};

/// What is next.
pub(super) enum Next {
    /// The answer, which [`go_on`](super::consent::go_on) gives: the request is sealed for the person.
    Answer(Arc<Client>, Pending),
    /// What the browser is sent, most often a page.
    Respond(Response),
}

/// What an app wants of a person who is signed in and has proved all that has to be proved.
struct Asked {
    client: Arc<Client>,
    request: Box<AuthorizationRequest>,
    session: BrowserSession,
    pending: Pending,
    step: Step,
}

/// What is next for the person whom the cookie names.
pub(super) async fn next(site: &Shared, visitor: &Visitor, pending: Pending) -> Next {
    match ask(site, visitor, pending).await {
        Err(earlier) => Next::Respond(earlier),
        Ok(asked) => match asked.step {
            Step::Answer => Next::Answer(asked.client, asked.pending),
            Step::Page(page) => Next::Respond(consent_page(site, visitor, &asked, page)),
        },
    }
}

/// The same for a form that was sent from another person's page, or too early: never the answer. What was pressed there is
/// not what this person wants.
pub(super) async fn show(site: &Shared, visitor: &Visitor, pending: Pending) -> Response {
    match ask(site, visitor, pending).await {
        Err(earlier) => earlier,
        Ok(asked) => {
            let page = match asked.step {
                Step::Answer => Page::Continue,
                Step::Page(page) => page,
            };
            consent_page(site, visitor, &asked, page)
        }
    }
}

/// What the person has to be asked, or what comes before that.
async fn ask(site: &Shared, visitor: &Visitor, mut pending: Pending) -> Result<Asked, Response> {
    let request = match pending.goal.clone() {
        Goal::Authorize(request) => request,
        Goal::Device(waiting, code) => {
            return Err(device::ask(site, visitor, pending, &waiting, &code).await);
        }
        Goal::EnterCode => return Err(Redirect::to("/device").into_response()),
        Goal::Account => {
            return Err(match visitor.session {
                Some(_) => Redirect::to("/account").into_response(),
                None => sign_in_page(site, visitor, pending, SignIn::fresh(String::new())),
            });
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
            Err(sign_in_page(site, visitor, pending, shown))
        }
        State::Confirm(session) => Err(confirm_page(site, visitor, pending, &session, None)),
        State::SignedIn(session) => {
            let client = client_for(site, &request).ok_or_else(|| client_gone(site, visitor))?;
            let allowed = remembered(&site.provider, session.user, &client).await;
            let allowed = allowed.map_err(|error| store_page(site, &visitor.request_id, &error))?;
            let step = journey::step(&client, &request, allowed.as_ref());
            pending.for_person(&site.provider, &session).remembered = allowed;
            Ok(Asked {
                client,
                request,
                session,
                pending,
                step,
            })
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
    journey::must_prove(request, session, has_proved(pending, session), now)
}

/// The answer to `prompt=none`: a code where nothing has to be asked, else which page would be due.
pub(super) async fn without_page(
    site: &Shared,
    visitor: &Visitor,
    client: &Arc<Client>,
    request: AuthorizationRequest,
) -> Next {
    let provider = &site.provider;
    let due = match State::of(visitor.session.clone(), &request, false, provider.clock.now()) {
        State::Identify | State::Confirm(_) => None,
        State::SignedIn(session) => {
            let allowed = match remembered(provider, session.user, client).await {
                Ok(allowed) => allowed,
                Err(error) => return Next::Respond(store_page(site, &visitor.request_id, &error)),
            };
            match journey::step(client, &request, allowed.as_ref()) {
                Step::Page(page) => Some(page),
                Step::Answer => {
                    let flow = visitor.start_flow(site);
                    let goal = Goal::Authorize(Box::new(request));
                    let mut pending = Pending::new(provider, flow.digest(), goal);
                    pending.for_person(provider, &session).remembered = allowed;
                    return Next::Answer(Arc::clone(client), pending);
                }
            }
        }
    };
    let error = journey::refuse_page(due);
    Next::Respond(answer::refuse(site, visitor, client, &request.answer_to, &error).await)
}
