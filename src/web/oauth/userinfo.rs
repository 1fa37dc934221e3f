//! The userinfo endpoint (OpenID Connect Core section 5.3): the token in the header, or in a form's body (RFC 6750
//! section 2.2), never in the query.

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, header};
use postern_resource_server::{Presented, PresentedProof, Rejection};

use crate::{
    domain::scope,
    flows::{
        access_token::authenticate,
        dpop::Sent,
        userinfo::{sign, userinfo},
    },
    web::{
        Shared,
        cors::Asking,
        error::{bad_form_json, store_json, token_json},
        extract::form::Form,
        nonce::with_nonce,
    },
};

pub(crate) async fn get(State(site): State<Shared>, request: Request) -> Response {
    let asking = Asking::of(request.extensions());
    let (method, headers) = (request.method(), request.headers());
    of_header(&site, method, headers, &asking).await
}

async fn of_header(site: &Shared, method: &Method, headers: &HeaderMap, asking: &Asking) -> Response {
    let response = match Presented::from_headers(headers) {
        Ok(presented) => {
            let sent = PresentedProof::from_headers(headers);
            answer(site, presented, sent, method, asking).await
        }
        Err(rejection) => rejection.into_response(),
    };
    with_nonce(&site.provider, headers, response)
}

pub(crate) async fn post(State(site): State<Shared>, request: Request) -> Response {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return get(State(site), request).await;
    }
    let asking = Asking::of(request.extensions());
    let Form(form) = match Form::from_request(request, &site).await {
        Ok(form) => form,
        Err(error) => return bad_form_json(error),
    };
    match form.one("access_token") {
        // A bound token comes with the scheme DPoP, in the header (RFC 9449 section 7.1).
        Ok(Some(token)) => answer(&site, Presented::bearer(token), Ok(None), &Method::POST, &asking).await,
        Ok(None) => Rejection::NoToken.into_response(),
        Err(_) => Rejection::MalformedAuthorization.into_response(),
    }
}

async fn answer(
    site: &Shared,
    presented: Presented<'_>,
    sent: Sent<'_>,
    method: &Method,
    asking: &Asking,
) -> Response {
    let issuer = &site.provider.issuer;
    let (url, audience) = (issuer.at("/userinfo"), issuer.as_str());
    let verified = authenticate(&site.provider, presented, sent, method.as_str(), &url, audience).await;
    let checked =
        verified.map(|token| token.and_then(|token| token.require_scope(scope::OPENID).map(|()| token)));
    let token = match checked {
        Ok(Ok(token)) => token,
        Ok(Err(rejection)) => return rejection.into_response(),
        Err(error) => return store_json(&error),
    };
    if let Some(client) = site.provider.clients.find(&token.client_id) {
        asking.is(&client);
    }
    match userinfo(&site.provider, &token).await {
        Ok(Some(claims)) => match sign(&site.provider, &token, &claims) {
            Ok(None) => Json(claims).into_response(),
            Ok(Some(jwt)) => ([(header::CONTENT_TYPE, "application/jwt")], jwt).into_response(),
            Err(error) => token_json(error.into()),
        },
        Ok(None) => Rejection::Revoked.into_response(),
        Err(error) => store_json(&error),
    }
}
