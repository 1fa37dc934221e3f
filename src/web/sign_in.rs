//! The sign-in form.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;

use crate::{
    base::{text::Email, time::Lifetime},
    domain::password::Password,
    flows::{
        browser_session::OpenError,
        pending::{Goal, Pending},
        sign_in::{Credentials, Person, SignInError, by_password},
    },
    ports::hasher::HasherError,
    store::error::StoreError,
    web::{
        Shared,
        error::{store_page, with_retry_after},
        extract::{csrf::Posted, session::Visitor},
        journey::{
            self,
            sign_in_page::{SignIn, confirm_page, sign_in_page},
        },
    },
};

pub(super) async fn sign_in(State(site): State<Shared>, posted: Posted) -> Response {
    let Posted {
        visitor,
        pending,
        form,
    } = posted;
    let site = &site;
    // A request sealed for a person is theirs: the address in the form does not count, and if the cookie names
    // somebody else by now, the page is shown again for them.
    let fixed = pending.person.is_some();
    let typed = form.text("email").to_owned();
    let email = match (&pending.person, &visitor.session) {
        (Some(person), Some(session)) if person.is(session) => Ok(session.email.clone()),
        (Some(_), _) => return journey::show(site, &visitor, pending).await,
        (None, _) => typed.parse::<Email>(),
    };
    let again = |status: StatusCode, text: &str| {
        if let Some(session) = visitor.session.as_ref().filter(|_| fixed) {
            let error = Some((status, text.to_owned()));
            confirm_page(site, &visitor, pending.clone(), session, error)
        } else {
            let shown = SignIn::again(typed.clone(), status, text.to_owned());
            sign_in_page(site, &visitor, pending.clone(), shown)
        }
    };
    let Ok(email) = email else {
        return again(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Write your email address, such as alice@example.com.",
        );
    };
    let password = form.text("password");
    if password.is_empty() {
        return again(StatusCode::UNPROCESSABLE_ENTITY, "Write your password.");
    }
    let Some(password) = Password::presented(password.to_owned()) else {
        return again(StatusCode::UNPROCESSABLE_ENTITY, WRONG);
    };
    let credentials = Credentials {
        email,
        password,
        address: visitor.address.to_string(),
        known_browser: visitor.known_browser(site).await,
    };
    match by_password(&site.provider, credentials).await {
        Ok(person) => open(site, visitor, pending, person).await,
        Err(error) => match refusal(error) {
            Ok((status, text, wait)) => {
                let response = again(status, &text);
                match wait {
                    Some(wait) => with_retry_after(response, wait),
                    None => response,
                }
            }
            Err(error) => store_page(site, &visitor.request_id, &error),
        },
    }
}

const WRONG: &str = "This address and password do not go together. Check both and try again.";

/// What is said when a sign-in ended while it was made.
pub(super) const ENDED: &str = "This account or this sign-in was ended just now. Sign in again.";

/// What a refused sign-in tells the person: status, text, and when to come back.
pub(super) fn refusal(error: SignInError) -> Result<(StatusCode, String, Option<Lifetime>), StoreError> {
    match error {
        SignInError::Wrong => Ok((StatusCode::UNPROCESSABLE_ENTITY, WRONG.to_owned(), None)),
        SignInError::TooMany { wait } => {
            let text = format!("Too many failed tries. Wait {} and try again.", in_words(wait));
            Ok((StatusCode::TOO_MANY_REQUESTS, text, Some(wait)))
        }
        SignInError::Hasher(HasherError::Busy) => {
            let text = "Many people are signing in just now. Wait a moment and try again.".to_owned();
            Ok((
                StatusCode::SERVICE_UNAVAILABLE,
                text,
                Some(StoreError::RETRY_AFTER),
            ))
        }
        SignInError::Hasher(HasherError::Broken) => Err(StoreError::corrupt("passwords.hash")),
        SignInError::Store(error) => Err(error),
    }
}

fn in_words(wait: Lifetime) -> String {
    match wait.seconds() {
        ..=1 => "a second".to_owned(),
        seconds @ 2..=90 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", (seconds + 59) / 60),
    }
}

/// Opens the browser session: the same row for the same person, with a new cookie; another person's row ends.
async fn open(site: &Shared, visitor: Visitor, mut pending: Pending, person: Person) -> Response {
    let session = match visitor.sign_in(site, &person).await {
        Ok(session) => session,
        Err(OpenError::Refused) => {
            let shown = SignIn::again(person.email.to_string(), StatusCode::CONFLICT, ENDED.to_owned());
            return sign_in_page(site, &visitor, pending, shown);
        }
        Err(OpenError::Store(error)) => return store_page(site, &visitor.request_id, &error),
    };
    pending.for_person(&site.provider, &session).proved = true;
    let target = match (&pending.goal, pending.seal(&site.provider)) {
        (Goal::Authorize(_) | Goal::Device(..), Ok(sealed)) => format!("/continue?request={sealed}"),
        _ => "/account".to_owned(),
    };
    visitor
        .remember(site, &person, Redirect::to(&target).into_response())
        .await
}
