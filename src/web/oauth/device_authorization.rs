//! The device authorization endpoint (RFC 8628 section 3.1).

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    domain::oauth_error::OAuthError,
    flows::{
        device::{self, DeviceAuthorization, INTERVAL},
        token::TokenError,
    },
    web::{
        Shared,
        device::qr,
        error::{token_json, too_many},
        extract::client::AuthenticatedClient,
    },
};

/// Who asks has proved nothing and makes the server keep something: counted by address.
pub(crate) async fn begin(State(site): State<Shared>, request: AuthenticatedClient) -> Response {
    let now = site.provider.clock.now();
    if let Err(wait) = site.devices.starts.count(&request.address.to_string(), now) {
        return too_many(wait);
    }
    match act(&site, &request).await {
        Ok(begun) => answer(&site, &begun),
        Err(error) => token_json(error),
    }
}

async fn act(site: &Shared, request: &AuthenticatedClient) -> Result<DeviceAuthorization, TokenError> {
    let scope = request.form.one("scope").map_err(OAuthError::from)?;
    let asked = device::check(
        &site.provider,
        &request.client,
        scope,
        request.form.all("resource"),
        request
            .form
            .one("authorization_details")
            .map_err(OAuthError::from)?,
    )?;
    device::begin(&site.provider, &request.client, asked).await
}

/// RFC 8628 section 3.2; the device code is shown here and nowhere else.
#[derive(Serialize)]
struct Answer {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: i64,
    interval: i64,
}

fn answer(site: &Shared, begun: &DeviceAuthorization) -> Response {
    let answer = Answer {
        device_code: begun.device_code.expose(),
        user_code: begun.user_code.to_string(),
        verification_uri: site.provider.issuer.at("/device"),
        verification_uri_complete: qr::link(site, begun.user_code),
        expires_in: begun.expires_in.seconds(),
        interval: INTERVAL.seconds(),
    };
    Json(answer).into_response()
}
