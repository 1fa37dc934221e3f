//! Browserless logout: with one request and no browser, an app ends its own session and the browser session that it came
//! from. It takes more than a token, which may have been stolen: the key that the session is bound to, and a client that
//! may do it.

use crate::{
    domain::{
        binding::{Binding, Proof},
        client::Client,
        ending::{Ending, Reason},
        event::Subject,
        oauth_error::{ErrorCode, OAuthError},
    },
    flows::{Provider, end::end, token::TokenError},
    ports::keys::Keys,
    store::device_sessions,
};

/// Ends the session of `refresh_token`, and the browser session in which it was allowed, with what lives with that. A
/// token that is unknown is as good as revoked (RFC 7009 section 2.2).
pub async fn log_out(
    provider: &Provider,
    client: &Client,
    refresh_token: &str,
    proof: Option<Proof>,
    address: Option<String>,
) -> Result<(), TokenError> {
    if !client.settings.may_end_browser_session {
        let hint = "this client is not registered to end browser sessions (may_end_browser_session)";
        return Err(OAuthError::invalid_request(hint).into());
    }
    let parse = |keys: &Keys| keys.mac.parse(refresh_token);
    let token = provider
        .keys
        .with_newer_keys(&provider.db, &provider.clock, parse)
        .await?;
    let Ok(token) = token else {
        return Ok(());
    };
    let found = device_sessions::find(&provider.db, token.session).await?;
    let Some(found) = found.filter(|found| found.has_handle(token.handle.digest())) else {
        return Ok(());
    };
    let session = found.session;
    if session.client != client.id {
        let hint = "the token was issued to another client";
        return Err(OAuthError::new(ErrorCode::InvalidGrant, hint).into());
    }
    if !matches!((session.binding, proof), (Binding::Key(key), Some(proof)) if proof.key == key) {
        let hint = "end_browser_session needs a DPoP proof by the key that the session is bound to";
        return Err(OAuthError::invalid_request(hint).into());
    }
    let device = session.id;
    let ending = session
        .origin
        .map_or(Ending::Device { id: device }, |id| Ending::Logout { id, device });
    let subject = Subject {
        user: Some(session.user),
        client: Some(client.id.clone()),
        session: Some(device),
        address,
    };
    end(provider, ending, Reason::LoggedOut, subject).await?;
    Ok(())
}
