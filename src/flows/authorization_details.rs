//! `authorization_details` (RFC 9396) at the endpoints: which types there are, and less of what a person has allowed.

use crate::{
    base::id::DeviceSessionId,
    domain::{
        authorization_details::AuthorizationDetails,
        client::Client,
        oauth_error::{ErrorCode, OAuthError},
    },
    flows::{Provider, token::TokenError},
    store::device_sessions::{self, Found},
};

/// What a request of this client asks for.
pub fn read(provider: &Provider, client: &Client, text: &str) -> Result<AuthorizationDetails, OAuthError> {
    let types = &client.settings.authorization_details_types;
    let known = |name: &str| {
        let own = types.contains(name);
        own.then(|| provider.clients.authorization_type(name)).flatten()
    };
    let is_api = |api: &str| client.allows_resource(api);
    AuthorizationDetails::parse(text, known, is_api).map_err(|bad| refused(bad.to_string()))
}

/// What of the granted details a token request names (RFC 9396 section 6.1); nothing when it names none. Checked before the
/// row moves, like the API: who asks may not lose a code or refresh token by it, and who holds none learns nothing.
pub(super) async fn choose(
    provider: &Provider,
    client: &Client,
    session: DeviceSessionId,
    asked: Option<&str>,
    holds: impl FnOnce(&Found) -> bool,
) -> Result<Option<AuthorizationDetails>, TokenError> {
    let Some(asked) = asked else {
        return Ok(None);
    };
    let found = device_sessions::find(&provider.db, session).await?;
    let own = found.filter(|found| found.session.client == client.id && holds(found));
    let Some(found) = own else {
        // The statement that follows refuses it, and says why.
        return Ok(None);
    };
    let narrowed = found.grant.authorization_details.narrowed(asked);
    let hint =
        "a token request names authorization_details that the person allowed, as they are, or fewer of them";
    narrowed.map(Some).ok_or_else(|| refused(hint).into())
}

fn refused(hint: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidAuthorizationDetails, hint)
}
