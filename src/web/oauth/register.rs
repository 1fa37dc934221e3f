//! The client registration endpoint (RFC 7591) and the client configuration endpoint (RFC 7592). Where registration is off,
//! neither is there.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Path, Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;

use crate::{
    domain::{oauth_error::OAuthError, registration::MOST_BYTES},
    flows::registration::{self, Owned, Registration, RegistrationError},
    web::{
        Shared,
        error::{json_of, not_found, registration_json, too_many},
        extract::{address::Address, bearer::Sent, form::is_sent_as},
    },
};

pub(crate) async fn register(State(site): State<Shared>, request: Request) -> Response {
    if !site.provider.registration.is_on() {
        return not_found(State(site), request).await;
    }
    let address = Address::of(request.extensions());
    let headers = request.headers().clone();
    let sent = Sent::from_headers(&headers);
    // Who asks openly has proved nothing and makes the server keep something: counted by address, whatever comes of it.
    if sent == Sent::Nothing && site.provider.registration.is_open() {
        let now = site.provider.clock.now();
        if let Err(wait) = site.registrations.count(&address.to_string(), now) {
            return too_many(wait);
        }
    }
    let admitted = match registration::admit(&site.provider, sent.token()).await {
        Ok(admitted) => admitted,
        Err(error) => return refuse(&site, address, error),
    };
    let body = match json_body(request, &site).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let address_text = Some(address.to_string());
    match registration::register(&site.provider, admitted, &body, address_text).await {
        Ok(registered) => answer(&site, StatusCode::CREATED, &registered),
        Err(error) => refuse(&site, address, error),
    }
}

pub(crate) async fn read(State(site): State<Shared>, Path(id): Path<String>, request: Request) -> Response {
    match owned(&site, &id, request).await {
        Ok((_, owned)) => answer(&site, StatusCode::OK, &registration::read(owned)),
        Err(response) => response,
    }
}

pub(crate) async fn update(State(site): State<Shared>, Path(id): Path<String>, request: Request) -> Response {
    let address = Address::of(request.extensions());
    let (request, owned) = match owned(&site, &id, request).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let body = match json_body(request, &site).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    // Nobody vouches for it, and each change is read by every node.
    if owned.is_open()
        && let Err(wait) = site.registrations.count(owned.id(), site.provider.clock.now())
    {
        return too_many(wait);
    }
    match registration::update(&site.provider, owned, &body, Some(address.to_string())).await {
        Ok(registered) => answer(&site, StatusCode::OK, &registered),
        Err(error) => refuse(&site, address, error),
    }
}

pub(crate) async fn remove(State(site): State<Shared>, Path(id): Path<String>, request: Request) -> Response {
    let owned = match owned(&site, &id, request).await {
        Ok((_, owned)) => owned,
        Err(response) => return response,
    };
    match registration::remove(&site.provider, owned).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => registration_json(error),
    }
}

/// The registration whose own token the request carries, and the request, whose body nobody has looked at yet.
async fn owned(site: &Shared, id: &str, request: Request) -> Result<(Request, Owned), Response> {
    if !site.provider.registration.is_on() {
        return Err(not_found(State(site.clone()), request).await);
    }
    let address = Address::of(request.extensions());
    let token = Sent::from_headers(request.headers()).token();
    match registration::authenticate(&site.provider, id, token).await {
        Ok(owned) => Ok((request, owned)),
        Err(error) => Err(refuse(site, address, error)),
    }
}

/// Who guesses at tokens is counted.
fn refuse(site: &Shared, address: Address, error: RegistrationError) -> Response {
    let guessed = matches!(error, RegistrationError::BadToken);
    let answer = registration_json(error);
    if guessed {
        site.count_failure(address, answer)
    } else {
        answer
    }
}

fn answer(site: &Shared, status: StatusCode, registered: &Registration) -> Response {
    (status, Json(registered.document(&site.provider))).into_response()
}

async fn json_body(request: Request, site: &Shared) -> Result<String, Response> {
    let invalid = |status, hint: String| json_of(status, &OAuthError::invalid_request(hint));
    if !is_sent_as(request.headers(), "application/json") {
        let hint = "send the registration as application/json".to_owned();
        return Err(invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE, hint));
    }
    let body = Bytes::from_request(request, site).await.map_err(|rejection| {
        let status = rejection.into_response().status();
        invalid(
            status,
            format!(
                "the body could not be read, or has more than {} KiB",
                MOST_BYTES / 1024
            ),
        )
    })?;
    String::from_utf8(body.into())
        .map_err(|_| invalid(StatusCode::BAD_REQUEST, "the body is not UTF-8".to_owned()))
}
