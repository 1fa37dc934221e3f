//! Revocation (RFC 7009): of a refresh token of any generation, which ends its session; of a single access token.

use base64ct::{Base64UrlUnpadded, Encoding};
use postern_resource_server::AccessToken;

use crate::{
    base::{id::DeviceSessionId, url::Resource},
    domain::{
        client::Client,
        ending::{Ending, Reason},
        event::{Event, Subject},
        oauth_error::{ErrorCode, OAuthError},
        refresh_token::RefreshToken,
    },
    flows::{
        Provider,
        access_token::read,
        end::{end, prepare, remember, revoked_until},
        token::TokenError,
    },
    store::{device_sessions, revocations::RevokeToken},
};

/// Revokes what `token` is, if it is anything of ours (RFC 7009 section 2.2: an unknown token is as good as revoked).
/// No hint is needed: our tokens say what they are.
pub async fn revoke(
    provider: &Provider,
    client: &Client,
    token: &str,
    address: Option<String>,
) -> Result<(), TokenError> {
    let parsed = provider
        .keys
        .with_newer_keys(&provider.db, &provider.clock, |keys| keys.mac.parse(token))
        .await?;
    if let Ok(refresh_token) = parsed {
        return revoke_session(provider, client, &refresh_token, address).await;
    }
    // An access token of this client is for an API of its own, or for this server itself.
    let audiences = client
        .resources()
        .map(Resource::as_str)
        .chain([provider.issuer.as_str()]);
    // It has authenticated (or is public, and names itself): that it has the token is enough to give it back, and who
    // gives a stolen one back does its owner a service. So no proof is asked for.
    for audience in audiences {
        if let Ok(access_token) = read(provider, token, audience).await? {
            return revoke_access_token(provider, client, &access_token, address).await;
        }
    }
    Ok(())
}

async fn revoke_session(
    provider: &Provider,
    client: &Client,
    token: &RefreshToken,
    address: Option<String>,
) -> Result<(), TokenError> {
    let Some(found) = device_sessions::find(&provider.db, token.session).await? else {
        return Ok(());
    };
    if !found.has_handle(token.handle.digest()) {
        return Ok(());
    }
    if found.session.client != client.id {
        return Err(foreign().into());
    }
    let subject = Subject {
        user: Some(found.session.user),
        client: Some(client.id.clone()),
        session: Some(found.session.id),
        address,
    };
    end(
        provider,
        Ending::Device { id: found.session.id },
        Reason::Revoked,
        subject,
    )
    .await?;
    Ok(())
}

async fn revoke_access_token(
    provider: &Provider,
    client: &Client,
    token: &AccessToken,
    address: Option<String>,
) -> Result<(), TokenError> {
    if token.client_id != client.id.as_str() {
        return Err(foreign().into());
    }
    let session = token
        .sid
        .as_deref()
        .map(str::parse::<DeviceSessionId>)
        .transpose();
    let (Ok(session), Ok(jti)) = (session, Base64UrlUnpadded::decode_vec(&token.jti)) else {
        return Ok(());
    };
    let now = provider.clock.now();
    let subject = Subject {
        user: token.sub.parse().ok(),
        client: Some(client.id.clone()),
        session,
        address,
    };
    let event = Event::TokenRevoked {
        jti: token.jti.clone(),
    };
    let end = |id| {
        let ending = Ending::Device { id };
        (
            id,
            prepare(provider, now, ending, Reason::ManyTokensRevoked, subject.clone()),
        )
    };
    let change = RevokeToken {
        jti: jti.clone(),
        // Who acts for somebody gives back what is its own, and signs nobody out of another's app.
        session: session.filter(|_| token.act.is_none()).map(end),
        now,
        until: revoked_until(provider, now),
        event: provider.event(now, subject, event),
    };
    let (until, ended) = provider.db.write(change).await?;
    if let Some(ended) = ended {
        remember(provider, &ended);
    }
    provider.ends.remember_token(jti, session, until, now);
    Ok(())
}

/// RFC 7009 section 2.1: a token of another client is refused, and the client is told.
fn foreign() -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, "the token was issued to another client")
}
