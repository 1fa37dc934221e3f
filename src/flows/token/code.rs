//! `grant_type=authorization_code` (RFC 6749 section 4.1.3): one conditional statement whose conditions are all the
//! checks. Only when it finds nothing is the row read, to tell why.

use crate::{
    base::text::AppVersion,
    domain::{
        binding::{Binding, Proof},
        client::Client,
        code::Code,
        device_secret::DeviceSecret,
        device_session::State,
        ending::{Ending, Reason},
        event::Subject,
        oauth_error::OAuthError,
        pkce::Challenge,
    },
    flows::{
        Provider,
        end::end,
        issue::Tokens,
        token::{
            TokenError, live,
            narrow::Wanted,
            redemption::{self, Redemption},
        },
    },
    store::device_sessions::{self, Found},
};

/// What the client sends.
pub struct CodeRequest<'a> {
    /// The code.
    pub code: &'a str,
    /// Where it came to; must be right when it is there.
    pub redirect_uri: Option<&'a str>,
    /// The PKCE verifier; a client that authenticates may have sent no challenge.
    pub code_verifier: Option<&'a str>,
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

/// Redeems a code.
pub async fn redeem(
    provider: &Provider,
    client: &Client,
    request: CodeRequest<'_>,
) -> Result<Tokens, TokenError> {
    let now = provider.clock.now();
    let code = Code::parse(request.code).ok_or_else(|| TokenError::NotOurs(OAuthError::invalid_code()))?;
    let challenge = match request.code_verifier {
        Some(verifier) => Challenge::of_verifier(verifier).ok_or_else(OAuthError::invalid_code)?,
        // Right only where no challenge was sent.
        None if client.is_confidential() => Challenge::none(),
        None => return Err(OAuthError::invalid_request("code_verifier is missing").into()),
    };
    let holds = |found: &Found| found.code == code.digest();
    let wanted = Wanted::new(client, request.resource, request.details, None)?;
    let session = live::not_remembered(provider, client, code.session).await?;
    let session = session.ok_or_else(OAuthError::invalid_code)?;
    let narrowed = wanted.of(provider, client, session, holds).await?;

    let redemption = Redemption {
        session,
        code: code.digest(),
        challenge: challenge.digest(),
        redirect_uri: request.redirect_uri,
        resource: narrowed.resource.as_ref(),
        device_secret: client
            .lets_others_in()
            .then(|| DeviceSecret::new(&provider.entropy)),
        details: narrowed.details.as_ref(),
        proof: request.proof,
        address: request.address.clone(),
        app_version: request.app_version.clone(),
        now,
    };
    match redemption::redeem(provider, client, redemption).await? {
        Some(tokens) => Ok(tokens),
        None => Err(refuse(provider, client, &code, challenge, &request).await),
    }
}

/// Why the row was not found. A second redemption that is right in everything, within the code's minute, means that
/// somebody else has the code and its verifier: the session ends (RFC 6749 section 4.1.2). After the minute it is only
/// refused, since phones deliver old redirects again.
async fn refuse(
    provider: &Provider,
    client: &Client,
    code: &Code,
    challenge: Challenge,
    request: &CodeRequest<'_>,
) -> TokenError {
    let found = match device_sessions::find(&provider.db, code.session).await {
        Ok(found) => found,
        Err(error) => return error.into(),
    };
    let Some(found) = found.filter(|found| found.code == code.digest()) else {
        tracing::info!(client = %client.id, session = %code.session, "a code that was never issued was presented");
        return TokenError::NotOurs(OAuthError::invalid_code());
    };
    let now = provider.clock.now();
    let right = is_right(&found, client, challenge, request) && now < found.code_expires_at;
    if right && matches!(found.session.state, State::Active { .. }) {
        let subject = Subject {
            user: Some(found.session.user),
            client: Some(client.id.clone()),
            session: Some(code.session),
            address: request.address.clone(),
        };
        tracing::warn!(session = %code.session, "a code was redeemed twice: its session ends");
        if let Err(error) = end(
            provider,
            Ending::Device { id: code.session },
            Reason::CodeReuse,
            subject,
        )
        .await
        {
            return error.into();
        }
    } else {
        tracing::info!(session = %code.session, client = %client.id, right, "a code was refused");
    }
    OAuthError::invalid_code().into()
}

fn is_right(found: &Found, client: &Client, challenge: Challenge, request: &CodeRequest<'_>) -> bool {
    let key = request.proof.map(|proof| proof.key);
    let key_is_right = match found.session.binding {
        Binding::Bearer => true,
        Binding::Key(bound) => key == Some(bound),
    };
    found.session.client == client.id
        && request.redirect_uri.is_none_or(|uri| uri == found.redirect_uri)
        && found.challenge == challenge.digest()
        && key_is_right
}
