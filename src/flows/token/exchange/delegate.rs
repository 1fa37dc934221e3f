//! An API passes a request on: for the access token that is for it, it gets one for the next API, which says of whom it
//! speaks and who acts (RFC 8693 section 1.1, delegation). A token that does not say who acts is never made.

use base64ct::{Base64UrlUnpadded, Encoding};
use postern_resource_server::{AccessToken, Actor};

use super::{ACCESS_TOKEN, ExchangeRequest, JWT, PresentedToken};
use crate::{
    base::{id::DeviceSessionId, time::Lifetime, url::Resource},
    domain::{
        access_token::{Confirmation, ExchangedTokenClaims, MOST_ACTORS},
        authorization_details::AuthorizationDetails,
        client::Client,
        oauth_error::{ErrorCode, OAuthError},
        scope::ScopeSet,
    },
    flows::{
        Provider, access_token,
        issue::{IssueError, Tokens},
        token::{TokenError, resource},
    },
    ports::signer::TokenType,
    store::error::StoreError,
};

/// The token for the next API. Writes nothing; that the session lives is read from the database.
pub(super) async fn delegate(
    provider: &Provider,
    client: &Client,
    request: &ExchangeRequest<'_>,
) -> Result<Tokens, TokenError> {
    let Some(own) = &client.settings.audience else {
        let hint = "an API exchanges the tokens that are for it: register the client with its audience";
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, hint).into());
    };
    check_kind(request.subject, "subject_token_type")?;
    let api = target(client, request.resource, request.audience)?;
    provider.keys.ensure_recent(&provider.db, &provider.clock).await?;
    let subject = in_force(provider, request.subject.token, own.as_str()).await?;
    let subject = subject.ok_or_else(|| {
        OAuthError::invalid_request("subject_token is no access token in force that is for this API")
    })?;
    let Some(Ok(session)) = subject.sid.as_deref().map(str::parse::<DeviceSessionId>) else {
        let hint = "subject_token speaks for a program: it gets tokens of its own with client_credentials";
        return Err(OAuthError::invalid_request(hint).into());
    };
    if let Some(actor) = request.actor {
        check_actor(provider, client, actor).await?;
    }
    let act = Actor::new(client.id.as_str(), subject.act);
    if act.chain().count() > MOST_ACTORS {
        let hint =
            "subject_token was exchanged too often: at most four APIs act one in the place of the other";
        return Err(OAuthError::invalid_request(hint).into());
    }
    let held: ScopeSet = subject
        .scope
        .to_string()
        .parse()
        .map_err(|_| OAuthError::invalid_request("the scope of subject_token does not read"))?;
    let rules = provider.clients.api(&api).unwrap_or_default();
    let scope = rules.understood(&narrowed(&held, client, request.scope.as_ref())?);
    if scope.is_empty() {
        let hint = "the API that the token is for understands nothing of what is left";
        return Err(OAuthError::new(ErrorCode::InvalidScope, hint).into());
    }

    let now = provider.clock.now();
    let life = rules.life(client.lifetimes(&provider.lifetimes).access_token);
    // It never outlives the one that it is exchanged for.
    let exp = i64::try_from(subject.exp).unwrap_or(i64::MAX);
    let exp = exp.min(now.plus(life).seconds());
    let expires_in = Lifetime::from_secs(exp.saturating_sub(now.seconds()));
    if expires_in.seconds() <= 0 {
        return Err(OAuthError::invalid_request("subject_token has expired").into());
    }
    let jti = Base64UrlUnpadded::encode_string(&provider.entropy.bytes::<16>());
    let claims = ExchangedTokenClaims {
        iss: provider.issuer.as_str(),
        sub: &subject.sub,
        aud: &api,
        client_id: &client.id,
        scope: &scope,
        sid: session,
        jti: &jti,
        iat: now.seconds(),
        exp,
        auth_time: subject.auth_time,
        acr: subject.acr.as_deref(),
        amr: &subject.amr,
        act: &act,
        cnf: request.proof.map(|proof| Confirmation { jkt: proof.key }),
    };
    let signer = &provider.keys.load().signer;
    let access_token = signer
        .sign(TokenType::AccessToken, &claims)
        .map_err(IssueError::from)?;
    Ok(Tokens {
        access_token: access_token.into(),
        is_bound: request.proof.is_some(),
        expires_in,
        refresh_token: None,
        id_token: None,
        device_secret: None,
        scope,
        // What was allowed in finer grain was allowed for the first API.
        authorization_details: AuthorizationDetails::default(),
        issued_token_type: None,
    })
}

fn check_kind(presented: PresentedToken<'_>, parameter: &str) -> Result<(), OAuthError> {
    if [ACCESS_TOKEN, JWT].contains(&presented.kind) {
        return Ok(());
    }
    let hint = format!("{parameter}: an API exchanges access tokens ({ACCESS_TOKEN})");
    Err(OAuthError::invalid_request(hint))
}

/// An access token of ours for this audience, neither it nor its session ended. Whether its holder has the key that it is
/// bound to is not asked: who asks is the API that it was presented to.
async fn in_force(
    provider: &Provider,
    token: &str,
    audience: &str,
) -> Result<Option<AccessToken>, StoreError> {
    let Ok(token) = access_token::read(provider, token, audience).await? else {
        return Ok(None);
    };
    let speaks_for = access_token::in_force(provider, &token).await?;
    Ok(speaks_for.map(|_| token))
}

/// The API that the new token is for: by its address or by its name, one and the same (RFC 8693 section 2.1).
fn target(client: &Client, resource: &[String], audience: &[String]) -> Result<Resource, OAuthError> {
    let refused = |hint: &'static str| OAuthError::new(ErrorCode::InvalidTarget, hint);
    let asked = match (resource, audience) {
        (both, []) | ([], both) => both,
        (resource, audience) if resource == audience => resource,
        _ => {
            return Err(refused(
                "resource and audience name different APIs: send one of them",
            ));
        }
    };
    resource::of_client(client, asked)?
        .ok_or_else(|| refused("name the API that the token is for: resource, or audience"))
}

/// What is asked for, as far as both the token and the client reach.
fn narrowed(held: &ScopeSet, client: &Client, asked: Option<&ScopeSet>) -> Result<ScopeSet, OAuthError> {
    let refused = |hint: &'static str| OAuthError::new(ErrorCode::InvalidScope, hint);
    let most = held.intersection(&client.settings.scope);
    let scope = asked.unwrap_or(&most);
    if scope.is_empty() {
        return Err(refused(
            "subject_token allows nothing that this client is registered for",
        ));
    }
    if !scope.is_within(&most) {
        return Err(refused(
            "ask for scopes that subject_token has and the client is registered with, or for less",
        ));
    }
    Ok(scope.clone())
}

/// An actor is the client itself, which a token that it got for itself may show once more. Nobody acts for another person.
async fn check_actor(
    provider: &Provider,
    client: &Client,
    actor: PresentedToken<'_>,
) -> Result<(), TokenError> {
    check_kind(actor, "actor_token_type")?;
    let audiences = client
        .resources()
        .map(Resource::as_str)
        .chain([provider.issuer.as_str()]);
    for audience in audiences {
        if let Some(token) = in_force(provider, actor.token, audience).await? {
            let own = client.id.as_str();
            if token.sub == own && token.client_id == own && token.sid.is_none() {
                return Ok(());
            }
        }
    }
    let hint = "actor_token is no access token in force that this client got for itself: leave it out";
    Err(OAuthError::invalid_request(hint).into())
}
