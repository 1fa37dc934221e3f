//! From what went wrong to an answer: JSON for programs, a page for people, a redirect for apps. The cause goes to the
//! log once, here; answers say only what their reader can use.

use std::{any::Any, fmt};

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::{
    base::time::Lifetime,
    domain::oauth_error::{ErrorCode, OAuthError},
    flows::{registration::RegistrationError, token::TokenError},
    store::error::StoreError,
    web::{
        Shared,
        extract::form::BadForm,
        layer::RequestId,
        pages::ErrorPage,
        problem_details::{BLANK, problem},
    },
};

/// The one table: which status an OAuth error has.
fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidClient => StatusCode::UNAUTHORIZED,
        ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// An error for a program (RFC 6749 section 5.2).
pub(super) fn oauth_json(error: &OAuthError) -> Response {
    json_of(status(error.code), error)
}

/// The one place that writes such an answer.
pub(super) fn json_of(status: StatusCode, error: &OAuthError) -> Response {
    let body = Json(json!({ "error": error.code.as_str(), "error_description": error.description() }));
    let mut response = (status, body).into_response();
    if status == StatusCode::UNAUTHORIZED {
        // A 401 names a way to authenticate (RFC 9110 section 15.5.2, RFC 6749 section 5.2).
        let challenge = HeaderValue::from_static(r#"Basic realm="client""#);
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    come_back(response)
}

/// A 503 says when to come back; a fault does not get better by hurrying.
fn come_back(response: Response) -> Response {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        with_retry_after(response, StoreError::RETRY_AFTER)
    } else {
        response
    }
}

/// A token request that was refused, or that failed.
pub(super) fn token_json(error: TokenError) -> Response {
    match error {
        TokenError::Refused(error) | TokenError::NotOurs(error) => oauth_json(&error),
        TokenError::Issue(error) => oauth_json(&fault(&error)),
        TokenError::Store(error) => store_json(&error),
    }
}

/// A registration that was refused, or that failed (RFC 7591 section 3.2.2, RFC 7592 section 2).
pub(super) fn registration_json(error: RegistrationError) -> Response {
    match error {
        RegistrationError::Refused(error) => oauth_json(&error),
        RegistrationError::NoToken => bearer_needed(None),
        RegistrationError::BadToken => {
            bearer_needed(Some("the token is unknown, over, or not for this client"))
        }
        RegistrationError::Keys(error) => oauth_json(&fault(&error)),
        RegistrationError::Store(error) => store_json(&error),
    }
}

/// RFC 6750 section 3: who presents no token is told no error, only that one is needed.
fn bearer_needed(fault: Option<&'static str>) -> Response {
    let body = Json(json!({
        "error": if fault.is_some() { "invalid_token" } else { "invalid_request" },
        "error_description": fault.unwrap_or("send a token of registration: Authorization: Bearer"),
    }));
    let challenge = match fault {
        None => HeaderValue::from_static(r#"Bearer realm="registration""#),
        Some(_) => HeaderValue::from_static(r#"Bearer realm="registration", error="invalid_token""#),
    };
    (
        StatusCode::UNAUTHORIZED,
        [(header::WWW_AUTHENTICATE, challenge)],
        body,
    )
        .into_response()
}

/// The database did not take it.
pub(super) fn store_json(error: &StoreError) -> Response {
    oauth_json(&store_error(error))
}

/// What callers are told of the database; the log has the cause.
fn store_error(error: &StoreError) -> OAuthError {
    match error {
        StoreError::Busy | StoreError::Unavailable(_) => {
            tracing::warn!(%error, "not served");
            let hint = "the server cannot answer just now: try again";
            OAuthError::new(ErrorCode::TemporarilyUnavailable, hint)
        }
        StoreError::Conflict(_) | StoreError::Nested | StoreError::Stopped(_) | StoreError::Corrupt(_) => {
            fault(error)
        }
    }
}

/// A fault of ours: the log has it, the answer has nothing.
fn fault(error: &dyn fmt::Display) -> OAuthError {
    tracing::error!(%error, "a fault");
    OAuthError::new(ErrorCode::ServerError, "the server failed; its log says why")
}

/// Too many requests of a kind that is counted, some only when they fail.
pub(super) fn too_many(wait: Lifetime) -> Response {
    let error = OAuthError::invalid_request(TOO_MANY);
    with_retry_after(json_of(StatusCode::TOO_MANY_REQUESTS, &error), wait)
}

/// The same for a person.
pub(super) fn too_many_page(site: &Shared, request_id: &str, wait: Lifetime) -> Response {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let page = ErrorPage {
        status: status.as_u16(),
        title: "Too much came from here".to_owned(),
        message: sentence(TOO_MANY),
        advice: "Nothing was lost. Wait some minutes, then reload this page.".to_owned(),
        code: None,
        request_id: request_id.to_owned(),
    };
    with_retry_after(site.pages.respond(status, &page, &[]), wait)
}

const TOO_MANY: &str = "too many requests from this address";

/// A form that does not read, for a program.
pub(super) fn bad_form_json(error: BadForm) -> Response {
    json_of(error.status(), &OAuthError::invalid_request(error.to_string()))
}

/// Says when to come back, in whole seconds, rounded up.
pub(super) fn with_retry_after(mut response: Response, wait: Lifetime) -> Response {
    let seconds = (wait.millis() + 999) / 1000;
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, seconds.max(1).into());
    response
}

/// An OAuth error that may not be redirected: what is wrong with the app's link, for the person who sees it and for
/// the developer whom they show it to.
pub(super) fn oauth_page(site: &Shared, request_id: &str, error: &OAuthError) -> Response {
    tracing::info!(code = error.code.as_str(), hint = %error.hint, "an authorization request was refused");
    let page = ErrorPage {
        status: 400,
        title: "This sign-in link does not work".to_owned(),
        message: sentence(&error.hint),
        advice:
            "Go back to the app and try again. If it happens again, tell the app's makers what stands here."
                .to_owned(),
        code: Some(error.code.as_str()),
        request_id: request_id.to_owned(),
    };
    site.pages.respond(StatusCode::BAD_REQUEST, &page, &[])
}

/// A request to sign out that may not be redirected, likewise.
pub(super) fn logout_page(site: &Shared, request_id: &str, error: &OAuthError) -> Response {
    tracing::info!(code = error.code.as_str(), hint = %error.hint, "a request to sign out was refused");
    let page = ErrorPage {
        status: 400,
        title: "This sign-out link does not work".to_owned(),
        message: sentence(&error.hint),
        advice:
            "Nobody was signed out. You can sign out on your account page. Tell the app's makers what stands here."
                .to_owned(),
        code: Some(error.code.as_str()),
        request_id: request_id.to_owned(),
    };
    site.pages.respond(StatusCode::BAD_REQUEST, &page, &[])
}

/// A form that does not read, for a person.
pub(super) fn bad_form_page(site: &Shared, request_id: &str, error: BadForm) -> Response {
    let page = ErrorPage {
        status: error.status().as_u16(),
        title: "This request cannot be read".to_owned(),
        message: sentence(&error.to_string()),
        advice: "Go back and try again.".to_owned(),
        code: Some(ErrorCode::InvalidRequest.as_str()),
        request_id: request_id.to_owned(),
    };
    site.pages.respond(error.status(), &page, &[])
}

/// The database did not take it, for a person.
pub(super) fn store_page(site: &Shared, request_id: &str, error: &StoreError) -> Response {
    failed_page(site, request_id, &store_error(error))
}

/// A fault of ours, for a person.
pub(super) fn fault_page(site: &Shared, request_id: &str, error: &dyn fmt::Display) -> Response {
    failed_page(site, request_id, &fault(error))
}

fn failed_page(site: &Shared, request_id: &str, error: &OAuthError) -> Response {
    let status = status(error.code);
    let (title, advice) = if status == StatusCode::SERVICE_UNAVAILABLE {
        (
            "We are busy just now",
            "Nothing was lost. Wait a moment, then reload this page.",
        )
    } else {
        (
            "Something went wrong here",
            "It is not your fault. Try again; if it happens again, tell the operator.",
        )
    };
    let page = ErrorPage {
        status: status.as_u16(),
        title: title.to_owned(),
        message: sentence(&error.hint),
        advice: advice.to_owned(),
        code: Some(error.code.as_str()),
        request_id: request_id.to_owned(),
    };
    come_back(site.pages.respond(status, &page, &[]))
}

/// A form that was posted from another site, or a page that is not this browser's.
pub(super) fn forged_page(site: &Shared, request_id: &str) -> Response {
    let page = ErrorPage {
        status: 403,
        title: "This form was not sent from our page".to_owned(),
        message: "Nothing was done: the form came from another site, or from a page that is too old."
            .to_owned(),
        advice: "Open the page again and repeat what you wanted to do.".to_owned(),
        code: None,
        request_id: request_id.to_owned(),
    };
    site.pages.respond(StatusCode::FORBIDDEN, &page, &[])
}

pub(super) async fn not_found(State(site): State<Shared>, request: Request) -> Response {
    let plain = Plain {
        status: StatusCode::NOT_FOUND,
        title: "There is nothing here",
        message: format!("The server has no answer to {} here.", request.method()),
        advice: "Check the address.",
    };
    plain.answer(&site, &Asker::of(&request))
}

pub(super) async fn method_not_allowed(State(site): State<Shared>, request: Request) -> Response {
    let plain = Plain {
        status: StatusCode::METHOD_NOT_ALLOWED,
        title: "This cannot be asked for in this way",
        message: format!("The server has no answer to {} here.", request.method()),
        advice: "Go back and use the page's own buttons.",
    };
    plain.answer(&site, &Asker::of(&request))
}

/// A request of which nobody knows where it came from.
pub(super) fn from_nowhere(site: &Shared, asker: &Asker) -> Response {
    let plain = Plain {
        status: StatusCode::BAD_REQUEST,
        title: "Nobody knows where this came from",
        message: "What passed it on to the server does not say so in a way that can be read.".to_owned(),
        advice: "Try again from another network. If it stays so, tell the operator, whose log says more.",
    };
    plain.answer(site, asker)
}

/// A request that took longer than an answer may.
pub(super) fn timed_out(site: &Shared, asker: &Asker) -> Response {
    tracing::warn!("a request took too long");
    let plain = Plain {
        status: StatusCode::SERVICE_UNAVAILABLE,
        title: "This took too long",
        message: "The server stopped waiting for it.".to_owned(),
        advice: "Wait a moment, then try again.",
    };
    come_back(plain.answer(site, asker))
}

/// What an answer needs to know of its request when no handler gives it.
pub(super) struct Asker {
    html: bool,
    request_id: String,
}

impl Asker {
    pub(super) fn of(request: &Request) -> Self {
        let request_id = request.extensions().get::<RequestId>();
        Self {
            html: wants_html(request.headers()),
            request_id: request_id.map(ToString::to_string).unwrap_or_default(),
        }
    }
}

/// A page for browsers, problem details (RFC 9457) for everything else.
struct Plain {
    status: StatusCode,
    title: &'static str,
    message: String,
    advice: &'static str,
}

impl Plain {
    fn answer(self, site: &Shared, asker: &Asker) -> Response {
        let status = self.status;
        if !asker.html {
            return problem(status, BLANK, self.title, None);
        }
        let page = ErrorPage {
            status: status.as_u16(),
            title: self.title.to_owned(),
            message: self.message,
            advice: self.advice.to_owned(),
            code: None,
            request_id: asker.request_id.clone(),
        };
        site.pages.respond(status, &page, &[])
    }
}

fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// A panic, likewise.
#[expect(clippy::needless_pass_by_value, reason = "the signature that the layer wants")]
pub(super) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    oauth_json(&fault(&panic_text(&*panic)))
}

/// What the log says of a panic.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a request panicked: {}", text.unwrap_or("?"))
}

fn sentence(hint: &str) -> String {
    let mut chars = hint.chars();
    let first = chars
        .next()
        .map(|c| c.to_uppercase().collect::<String>())
        .unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}
