//! Changes the password, which ends everything that was not opened from here.

use axum::{extract::State, response::Response};
use http::StatusCode;

use super::{Message, show};
use crate::{
    domain::password::Password,
    flows::{
        account::{AccountError, set_password},
        browser_session::OpenError,
        sign_in::{Credentials, SignInError, by_password},
    },
    web::{
        Shared,
        error::{store_page, with_retry_after},
        extract::csrf::Sent,
        journey::sign_in_page::{SignIn, sign_in_first},
        sign_in::{ENDED, refusal},
    },
};

const WRONG: &str = "The current password is not right.";

pub(crate) async fn change_password(State(site): State<Shared>, sent: Sent) -> Response {
    let Sent {
        visitor,
        session,
        form,
    } = &sent;
    let new = match Password::chosen(form.text("new_password").to_owned(), &session.email) {
        Ok(new) => new,
        Err(weak) => return unprocessable(&site, &sent, weak.to_string()).await,
    };
    let Some(password) = Password::presented(form.text("current_password").to_owned()) else {
        return unprocessable(&site, &sent, WRONG.to_owned()).await;
    };
    let address = visitor.address.to_string();
    let credentials = Credentials {
        email: session.email.clone(),
        password,
        address: address.clone(),
        known_browser: visitor.known_browser(&site).await,
    };
    let person = match by_password(&site.provider, credentials).await {
        Ok(person) => person,
        Err(error) => return refused(&site, &sent, error).await,
    };
    let asking = person.asking_in(session.id);
    let changed = set_password(
        &site.provider,
        session.user,
        new,
        Some(asking),
        Some(address),
        None,
    );
    if let Err(error) = changed.await {
        return refused(&site, &sent, as_sign_in(error)).await;
    }
    // Whoever copied this browser's cookie has lost it too.
    let person = person.with_new_password();
    match visitor.sign_in(&site, &person).await {
        Ok(session) => {
            let notice = "Your password is changed, and everything that was not opened from here has ended.";
            let response = show(&site, visitor, &session, Message::notice(notice)).await;
            visitor.remember(&site, &person, response).await
        }
        Err(OpenError::Refused) => {
            let text = format!("Your password is changed. {ENDED}");
            let shown = SignIn::again(person.email.to_string(), StatusCode::CONFLICT, text);
            sign_in_first(&site, visitor, shown)
        }
        Err(OpenError::Store(error)) => store_page(&site, &visitor.request_id, &error),
    }
}

/// The same refusals, so that a person reads the same of them.
fn as_sign_in(error: AccountError) -> SignInError {
    match error {
        AccountError::Hasher(error) => error.into(),
        AccountError::Store(error) => error.into(),
        AccountError::Late | AccountError::Taken => SignInError::Wrong,
    }
}

async fn unprocessable(site: &Shared, sent: &Sent, text: String) -> Response {
    let message = Message::error(StatusCode::UNPROCESSABLE_ENTITY, text);
    show(site, &sent.visitor, &sent.session, message).await
}

async fn refused(site: &Shared, sent: &Sent, error: SignInError) -> Response {
    if matches!(error, SignInError::Wrong) {
        return unprocessable(site, sent, WRONG.to_owned()).await;
    }
    let (status, text, wait) = match refusal(error) {
        Ok(refusal) => refusal,
        Err(error) => return store_page(site, &sent.visitor.request_id, &error),
    };
    let response = show(site, &sent.visitor, &sent.session, Message::error(status, text)).await;
    match wait {
        Some(wait) => with_retry_after(response, wait),
        None => response,
    }
}
