//! Asking an endpoint of the server: a form is posted, and what is no success is understood.

use crate::{
    effect::{Header, HttpFailure, HttpRequest, HttpResponse},
    error::{ErrorCode, SdkError},
    form::Form,
    headers,
    host::{Host, Result},
    token_response::Refusal,
};

/// Posts a form.
pub(crate) async fn send(
    host: &Host,
    url: &str,
    form: &Form,
    extra: Vec<Header>,
) -> Result<std::result::Result<HttpResponse, HttpFailure>> {
    let mut headers = vec![
        Header {
            name: "Content-Type".to_owned(),
            value: "application/x-www-form-urlencoded".into(),
        },
        Header {
            name: "Accept".to_owned(),
            value: "application/json".into(),
        },
    ];
    headers.extend(extra);
    let request = HttpRequest {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers,
        body: form.as_str().into(),
    };
    host.send(request).await
}

/// The server's own error, or that it is none: only a well-formed one of status 400, 401 or 403 counts as a no.
pub(crate) async fn refusal(host: &Host, response: &HttpResponse) -> Result<Refusal> {
    let wait = headers::retry_after(&response.headers, host.server_now());
    match response.status {
        429 => Err(SdkError::after(
            ErrorCode::RateLimited,
            Some(jittered(host, wait.unwrap_or(5000)).await),
        )),
        400 | 401 | 403 => {
            Refusal::parse(response.body.bytes()).ok_or_else(|| ErrorCode::ServerUnavailable.into())
        }
        _ => {
            let wait = match wait {
                Some(wait) => Some(jittered(host, wait).await),
                None => None,
            };
            Err(SdkError::after(ErrorCode::ServerUnavailable, wait))
        }
    }
}

/// Up to a quarter more, so that many who wait do not come back at once.
async fn jittered(host: &Host, ms: u64) -> u64 {
    let drawn = host.random(1).await.ok();
    let byte = drawn.and_then(|drawn| drawn.bytes().first().copied());
    ms + ms * u64::from(byte.unwrap_or(0)) / 1024
}

/// Whether nobody answers there, or somebody who points elsewhere.
pub(crate) fn is_elsewhere(status: u16) -> bool {
    matches!(status, 300..=399 | 404 | 405 | 410)
}

impl From<HttpFailure> for SdkError {
    fn from(failure: HttpFailure) -> Self {
        match failure {
            HttpFailure::NotSent => ErrorCode::Offline,
            HttpFailure::Ambiguous => ErrorCode::NoAnswer,
        }
        .into()
    }
}
