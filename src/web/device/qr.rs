//! The link of a device as a picture that a phone reads (RFC 8628 section 3.3.1), so that no device has to draw one.
//!
//! It is drawn from the text of the code alone: whether any device waits with that is not looked at, and not told.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use qrcode::{QrCode, render::svg::Color};

use crate::{
    domain::{device_code::UserCode, oauth_error::OAuthError},
    web::{
        Shared,
        error::{json_of, oauth_json},
        extract::form::Query,
    },
};

/// `GET /device/qr?user_code=...`
pub(crate) async fn picture(State(site): State<Shared>, Query(query): Query) -> Response {
    let Ok(user_code) = query.text("user_code").parse::<UserCode>() else {
        let hint = "user_code is not a code as the device authorization endpoint gives it, such as WDJB-MJHT";
        return oauth_json(&OAuthError::invalid_request(hint));
    };
    let Ok(code) = QrCode::new(link(&site, user_code)) else {
        let hint = "the address of this server is too long for a QR code";
        return json_of(StatusCode::NOT_FOUND, &OAuthError::invalid_request(hint));
    };
    // Dark on light with the margin of the standard, whatever the page around it looks like: a reader needs both.
    let picture = code
        .render::<Color<'_>>()
        .module_dimensions(8, 8)
        .quiet_zone(true)
        .build();
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, picture).into_response()
}

/// Where the person is led who need not type the code in: `verification_uri_complete` (RFC 8628 section 3.2).
pub(crate) fn link(site: &Shared, user_code: UserCode) -> String {
    format!("{}?user_code={user_code}", site.provider.issuer.at("/device"))
}
