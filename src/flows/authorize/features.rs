//! Parameters that ask for what this server does not do (OpenID Connect Core section 3.1.2.6). Ignoring them would
//! drop a promise that the client relies on.

use super::Draft;
use crate::domain::{
    oauth_error::{ErrorCode, OAuthError},
    request::Redirectable,
};

pub(super) fn check(request: &Redirectable, _: &mut Draft) -> Result<(), OAuthError> {
    // A request object of a client that signs was unwrapped before.
    let unsupported = [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
        ("registration", ErrorCode::RegistrationNotSupported),
    ];
    match unsupported.into_iter().find(|(name, _)| request.raw.has(name)) {
        Some((name, code)) => Err(OAuthError::new(code, format!("{name} is not supported"))),
        None => Ok(()),
    }
}
