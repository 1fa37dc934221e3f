//! Every answer but yes, in a form that all three proxies hand on to their client.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{claims::TooLong, original::Unknown, verifier::Rejection};
use crate::web::{
    encoding::BadEncoding,
    problem_details::{BLANK, problem},
};

/// Why the proxy is not to let the request through.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The token, or our knowledge.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The proxy's settings are not those of the manual. That is the operator's to mend, and nobody is let in meanwhile.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    #[error("the question's query is malformed: {0}")]
    Query(#[from] BadEncoding),
    /// A misspelled `scope` would ask for nothing.
    #[error("the question has a parameter that is not known: only scope is, with a list of scopes")]
    Parameter,
}

impl Refusal {
    /// 401, 403, 503; 500 where the proxy asks wrongly.
    fn status(&self) -> StatusCode {
        match self {
            // nginx takes 401 and 403 for an answer and all else for a failure of its own (ngx_http_auth_request_module).
            Self::Rejected(rejection) => match rejection.status() {
                StatusCode::BAD_REQUEST => StatusCode::UNAUTHORIZED,
                status => status,
            },
            Self::TooLong(_) => StatusCode::FORBIDDEN,
            Self::Unknown(_) | Self::Query(_) | Self::Parameter => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// One header with all challenges (RFC 9110 section 11.6.1): nginx before 1.23 hands only one on.
    fn challenge(&self) -> Option<HeaderValue> {
        let Self::Rejected(rejection) = self else {
            return None;
        };
        let challenges = rejection.www_authenticate();
        let texts: Result<Vec<_>, _> = challenges.iter().map(HeaderValue::to_str).collect();
        let joined = texts.ok()?.join(", ");
        (!joined.is_empty())
            .then(|| HeaderValue::try_from(joined).ok())
            .flatten()
    }
}

/// Problem details (RFC 9457) beside the challenge.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!("{self}");
        } else {
            tracing::debug!(status = status.as_u16(), "{self}");
        }
        let mut headers = HeaderMap::new();
        headers.extend(self.challenge().map(|all| (header::WWW_AUTHENTICATE, all)));
        if let Self::Rejected(rejection) = &self
            && let Some(nonce) = rejection.dpop_nonce()
        {
            headers.insert("dpop-nonce", nonce);
        }
        let title = status.canonical_reason().unwrap_or_default();
        let mut response = problem(status, BLANK, title, Some(&self.to_string()));
        response.headers_mut().extend(headers);
        response
    }
}
