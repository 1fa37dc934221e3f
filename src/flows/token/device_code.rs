//! `grant_type=urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 section 3.4): a poll. One reading until a person
//! has decided; then the code is redeemed as an authorization code is.

use crate::{
    base::text::AppVersion,
    domain::{
        binding::Proof,
        client::Client,
        device_code::DeviceCode,
        oauth_error::{ErrorCode, OAuthError},
    },
    flows::{
        Provider,
        issue::Tokens,
        token::{
            TokenError, live,
            narrow::Wanted,
            redemption::{self, Redemption},
        },
    },
    store::{
        device_codes::{self, Answer, Progress},
        device_sessions::Found,
    },
};

/// What the device sends.
pub struct Poll<'a> {
    /// Its code.
    pub device_code: &'a str,
    /// The API that the access token is for.
    pub resource: &'a [String],
    /// What of the granted details the access token is for (RFC 9396 section 6.1).
    pub details: Option<&'a str>,
    /// The DPoP proof, checked in everything but its key.
    pub proof: Option<Proof>,
    /// Where the request came from.
    pub address: Option<String>,
    /// Which version the app says that it is.
    pub app_version: Option<AppVersion>,
}

/// The tokens, once a person has allowed it. A poll repeated after that is refused and ends nothing: the answer may have
/// been lost, and a device that begins anew harms nobody.
pub async fn poll(provider: &Provider, client: &Client, request: Poll<'_>) -> Result<Tokens, TokenError> {
    let code = DeviceCode::parse(request.device_code).ok_or_else(|| TokenError::NotOurs(invalid()))?;
    let wanted = Wanted::new(client, request.resource, request.details, None)?;
    let (now, session) = (provider.clock.now(), code.session());
    let progress = device_codes::poll(&provider.db, session, code.digest()).await?;
    let Some(Progress {
        client: owner,
        expires_at,
        answer,
    }) = progress
    else {
        return Err(TokenError::NotOurs(invalid()));
    };
    let refused = |code, hint| Err(OAuthError::new(code, hint).into());
    match answer {
        _ if owner != client.id => return Err(invalid().into()),
        Answer::Over => return Err(invalid().into()),
        Answer::Denied => return Err(OAuthError::access_denied().into()),
        _ if expires_at <= now => {
            return refused(ErrorCode::ExpiredToken, "the codes have expired: begin again");
        }
        Answer::None => {
            return refused(
                ErrorCode::AuthorizationPending,
                "nobody has decided yet: ask again after the interval",
            );
        }
        Answer::Granted => {}
    }
    let session = live::not_remembered(provider, client, session).await?;
    let session = session.ok_or_else(invalid)?;
    let holds = |found: &Found| found.code == code.digest();
    let narrowed = wanted.of(provider, client, session, holds).await?;
    let redemption = Redemption {
        session,
        code: code.digest(),
        challenge: code.digest(),
        redirect_uri: None,
        resource: narrowed.resource.as_ref(),
        // Only a sign-in with the device's own browser lets its other apps in.
        device_secret: None,
        details: narrowed.details.as_ref(),
        proof: request.proof,
        address: request.address,
        app_version: request.app_version,
        now,
    };
    let tokens = redemption::redeem(provider, client, redemption).await?;
    tokens.ok_or_else(|| invalid().into())
}

/// One text for every cause.
fn invalid() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidGrant,
        "the device code is unknown or used, or its session has ended: begin again",
    )
}
