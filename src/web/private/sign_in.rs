//! Signing in to the console, giving the password once more, and signing out.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, StatusCode};

use super::{Private, caller::Caller, form::Posted};
use crate::{
    base::time::Lifetime,
    flows::admin::console::{self, ConsoleError, Returned},
    web::{
        cookies::value_of,
        encoding::parse_pairs,
        error::{fault_page, store_page},
        extract::address::Address,
        layer::RequestId,
        pages::{ConsoleSignedOutPage, ErrorPage},
    },
};

pub(super) async fn begin(State(private): State<Private>, request: Request) -> Response {
    let to = parameter(&request, "to");
    let Some(begun) = console::begin(private.provider(), &to) else {
        return fault_page(private.site(), "", &"the console has no address");
    };
    let mut response = Redirect::to(&begun.url).into_response();
    let cookies = private.cookies();
    cookies.set(
        cookies.admin_flow,
        begun.cookie,
        console::UNDER_WAY,
        response.headers_mut(),
    );
    response
}

fn parameter(request: &Request, name: &str) -> String {
    let pairs = parse_pairs(request.uri().query().unwrap_or_default()).unwrap_or_default();
    let found = pairs.into_iter().find(|(sent, _)| sent == name);
    found.map(|(_, value)| value).unwrap_or_default()
}

pub(super) async fn callback(State(private): State<Private>, request: Request) -> Response {
    let cookies = private.cookies();
    let cookie = value_of(request.headers(), cookies.admin_flow).unwrap_or_default();
    let (state, code) = (parameter(&request, "state"), parameter(&request, "code"));
    let present = request
        .extensions()
        .get::<Caller>()
        .and_then(|caller| caller.session.clone());
    let address = Address::of(request.extensions()).to_string();
    let returned = Returned {
        cookie: &cookie,
        state: &state,
        code: &code,
        present: present.as_deref(),
        address: &address,
    };
    match console::finish(private.provider(), returned).await {
        Ok(opened) => {
            let mut response = Redirect::to(&opened.to).into_response();
            let headers = response.headers_mut();
            cookies.set(
                cookies.admin,
                opened.cookie.expose().to_owned(),
                opened.life,
                headers,
            );
            clear(&private, cookies.admin_flow, headers);
            response
        }
        Err(error) => failed(&private, &request, &error),
    }
}

fn clear(private: &Private, name: &'static str, headers: &mut HeaderMap) {
    let cookies = private.cookies();
    cookies.set(name, String::new(), Lifetime::from_secs(0), headers);
}

fn failed(private: &Private, request: &Request, error: &ConsoleError) -> Response {
    let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
    let request_id = request_id.unwrap_or_default();
    let site = Arc::clone(private.site());
    let (status, title, message, advice) = match error {
        ConsoleError::Store(error) => return store_page(&site, &request_id, error),
        ConsoleError::Fault(text) => return fault_page(&site, &request_id, text),
        ConsoleError::NoRole => (
            StatusCode::FORBIDDEN,
            "This account is not an admin’s",
            "You are signed in, but there is nothing here that you may do.",
            "Ask an owner for a role, or sign in with another account: sign out of this one first.",
        ),
        ConsoleError::NotProved => (
            StatusCode::FORBIDDEN,
            "The console needs your password",
            "Nobody was asked for it in this sign-in, and without it nobody is signed in here.",
            "Open the console again.",
        ),
        ConsoleError::NotBegun | ConsoleError::Refused(_) => (
            StatusCode::BAD_REQUEST,
            "This sign-in cannot be finished",
            "It was begun in another browser, was used already, or has waited for too long.",
            "Open the console again.",
        ),
    };
    tracing::info!(%error, "nobody was signed in to the console");
    let page = ErrorPage {
        status: status.as_u16(),
        title: title.to_owned(),
        message: message.to_owned(),
        advice: advice.to_owned(),
        code: None,
        request_id,
    };
    site.pages.respond(status, &page, &[])
}

pub(super) async fn sign_out(State(private): State<Private>, posted: Posted) -> Response {
    let Posted { session, address, .. } = posted;
    let signed_out = console::sign_out(private.provider(), &session, &address.to_string()).await;
    if let Err(error) = signed_out {
        return store_page(private.site(), "", &error);
    }
    let page = ConsoleSignedOutPage {
        email: session.email.to_string(),
    };
    let mut response = private.site().pages.respond(StatusCode::OK, &page, &[]);
    clear(&private, private.cookies().admin, response.headers_mut());
    response
}
