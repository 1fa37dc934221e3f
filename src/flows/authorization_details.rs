//! `authorization_details` (RFC 9396) where a person is asked for them: which types there are.

use crate::{
    domain::{
        authorization_details::AuthorizationDetails,
        client::Client,
        oauth_error::{ErrorCode, OAuthError},
    },
    flows::Provider,
};

/// What a request of this client asks for.
pub fn read(provider: &Provider, client: &Client, text: &str) -> Result<AuthorizationDetails, OAuthError> {
    let types = &client.settings.authorization_details_types;
    let known = |name: &str| {
        let own = types.contains(name);
        own.then(|| provider.clients.authorization_type(name)).flatten()
    };
    let is_api = |api: &str| client.allows_resource(api);
    AuthorizationDetails::parse(text, known, is_api)
        .map_err(|bad| OAuthError::new(ErrorCode::InvalidAuthorizationDetails, bad.to_string()))
}
