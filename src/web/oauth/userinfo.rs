//! The userinfo endpoint (OpenID Connect Core section 5.3): the token in the header, or in a form's body (RFC 6750
//! section 2.2), never in the query.

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use postern_resource_server::{Presented, Rejection};

use crate::{
    domain::scope,
    flows::userinfo::{userinfo, verify},
    web::{
        Shared,
        error::{bad_form_json, store_json},
        extract::form::Form,
    },
};

pub(crate) async fn get(State(site): State<Shared>, headers: HeaderMap) -> Response {
    match Presented::from_headers(&headers) {
        Ok(presented) => answer(&site, presented).await,
        Err(rejection) => rejection.into_response(),
    }
}

pub(crate) async fn post(State(site): State<Shared>, request: Request) -> Response {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return get(State(site), request.headers().clone()).await;
    }
    let Form(form) = match Form::from_request(request, &site).await {
        Ok(form) => form,
        Err(error) => return bad_form_json(error),
    };
    match form.one("access_token") {
        Ok(Some(token)) => answer(&site, Presented::bearer(token)).await,
        Ok(None) => Rejection::NoToken.into_response(),
        Err(_) => Rejection::MalformedAuthorization.into_response(),
    }
}

async fn answer(site: &Shared, presented: Presented<'_>) -> Response {
    let verified = verify(&site.provider, &presented, site.provider.issuer.as_str()).await;
    let checked =
        verified.map(|token| token.and_then(|token| token.require_scope(scope::OPENID).map(|()| token)));
    let token = match checked {
        Ok(Ok(token)) => token,
        Ok(Err(rejection)) => return rejection.into_response(),
        Err(error) => return store_json(&error),
    };
    match userinfo(&site.provider, &token).await {
        Ok(Some(claims)) => Json(claims).into_response(),
        Ok(None) => Rejection::Revoked.into_response(),
        Err(error) => store_json(&error),
    }
}
