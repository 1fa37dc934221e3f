//! A form's body, read strictly (RFC 6749 appendix B), and a query likewise.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header, request::Parts};

use crate::{
    domain::request::Raw,
    web::{
        encoding::{BadEncoding, parse_pairs},
        error::bad_form_json,
    },
};

/// The parameters of a form post.
#[derive(Debug)]
pub(crate) struct Form(pub(crate) Raw);

/// The parameters of a query.
#[derive(Debug)]
pub(crate) struct Query(pub(crate) Raw);

/// Why there are no parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadForm {
    #[error("send the parameters as application/x-www-form-urlencoded")]
    ContentType,
    #[error("the body is larger than 32 KiB")]
    TooLarge,
    #[error("the query is longer than 8 KiB")]
    QueryTooLong,
    #[error("the body could not be read")]
    Unreadable,
    #[error(transparent)]
    Encoding(#[from] BadEncoding),
}

impl BadForm {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::QueryTooLong => StatusCode::URI_TOO_LONG,
            Self::Unreadable | Self::Encoding(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// For a program; pages take the error as a value and show a page.
impl IntoResponse for BadForm {
    fn into_response(self) -> Response {
        bad_form_json(self)
    }
}

const MAX_QUERY: usize = 8 * 1024;

/// Whether a body is of this media type, whatever its parameters (RFC 9110 section 8.3).
pub(crate) fn is_sent_as(headers: &HeaderMap, media_type: &str) -> bool {
    let sent = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let sent = sent.and_then(|sent| sent.split(';').next()).unwrap_or_default();
    sent.trim().eq_ignore_ascii_case(media_type)
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = BadForm;

    async fn from_request(request: Request, state: &S) -> Result<Self, BadForm> {
        if !is_sent_as(request.headers(), "application/x-www-form-urlencoded") {
            return Err(BadForm::ContentType);
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            match rejection.into_response().status() {
                StatusCode::PAYLOAD_TOO_LARGE => BadForm::TooLarge,
                _ => BadForm::Unreadable,
            }
        })?;
        let text = std::str::from_utf8(&body).map_err(|_| BadEncoding::Broken)?;
        Ok(Self(Raw::new(parse_pairs(text)?)))
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = BadForm;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, BadForm> {
        let query = parts.uri.query().unwrap_or_default();
        if query.len() > MAX_QUERY {
            return Err(BadForm::QueryTooLong);
        }
        Ok(Self(Raw::new(parse_pairs(query)?)))
    }
}
