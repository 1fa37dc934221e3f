//! `resource` at the token endpoint (RFC 8707 section 2.2): an access token is for one API that the person allowed. Checked
//! before the row moves: a refused request must not cost the client its code or refresh token.

use crate::{
    base::{id::DeviceSessionId, url::Resource},
    domain::{
        client::Client,
        oauth_error::{ErrorCode, OAuthError},
    },
    flows::{Provider, token::TokenError},
    store::device_sessions::{self, Found},
};

/// The API that a request names; nothing when it names none, or the only one that there is. `holds` says whether who asks
/// has a code or token of the session: nobody else is told what it is for. Costs a reading, and only clients with several
/// APIs pay it.
pub(super) async fn choose(
    provider: &Provider,
    client: &Client,
    session: DeviceSessionId,
    asked: &[String],
    holds: impl FnOnce(&Found) -> bool,
) -> Result<Option<Resource>, TokenError> {
    let asked = match asked {
        [] => return Ok(None),
        [asked] if client.allows_resource(asked) => asked,
        _ => return Err(not_registered().into()),
    };
    if client.settings.resources.is_empty() {
        return Ok(None);
    }
    let found = device_sessions::find(&provider.db, session).await?;
    let own = found.filter(|found| found.session.client == client.id && holds(found));
    let Some(found) = own else {
        // The statement that follows refuses it, and says why.
        return Ok(None);
    };
    let allowed = found.grant.resources().find(|allowed| allowed.as_str() == asked);
    let hint = "the person did not allow this API: name it in the authorization request too";
    allowed.cloned().map(Some).ok_or_else(|| refused(hint).into())
}

/// The API of a token that no person is asked for, or not here: the one that is named, else the client's default.
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

fn not_registered() -> OAuthError {
    refused("an access token is for one API, which the client is registered for")
}

fn refused(hint: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidTarget, hint)
}
