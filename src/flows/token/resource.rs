//! `resource` where no person is asked, or not here (RFC 8707 section 2.2).

use crate::{
    base::url::Resource,
    domain::{
        client::Client,
        oauth_error::{ErrorCode, OAuthError},
    },
};

/// The API of a token: the one that is named, else the client's default.
pub(in crate::flows) fn of_client(client: &Client, asked: &[String]) -> Result<Option<Resource>, OAuthError> {
    match asked {
        [] => Ok(client.settings.resource.clone()),
        [asked] => client
            .resource(asked)
            .cloned()
            .map(Some)
            .ok_or_else(not_registered),
        _ => Err(not_registered()),
    }
}

/// A request names an API that its client is not registered for, or several.
pub(super) fn not_registered() -> OAuthError {
    let hint = "an access token is for one API, which the client is registered for";
    OAuthError::new(ErrorCode::InvalidTarget, hint)
}
