//! Native SSO (OpenID Connect Native SSO for Mobile Apps 1.0 section 4): an app signs its person in by another app of the
//! same maker on the same device. It shows that app's ID token and the device secret that came with it, and gets a device
//! session of its own, which ends with that app's.

use super::{DEVICE_SECRET, ExchangeRequest, ID_TOKEN};
use crate::{
    base::id::{DeviceSessionId, EventId},
    domain::{
        api::check_asked,
        authorization_details::AuthorizationDetails,
        claims::AskedClaims,
        client::{Client, ConsentPolicy},
        device_secret::DeviceSecret,
        device_session::{Grant, State, lives_until},
        event::Subject,
        id_token::IdTokenHint,
        oauth_error::{ErrorCode, OAuthError},
        refresh_token::{Generation, Handle, RefreshToken},
        scope::{DEVICE_SSO, ScopeSet},
    },
    flows::{
        Provider,
        access_token::is_withdrawn,
        consent::{consent_to, remembered},
        issue::{Order, Tokens, issue},
        token::{TokenError, registered_scope, resource},
    },
    store::device_sessions::{
        self, Found,
        under::{Allowed, OpenUnder},
    },
};

/// Opens a session under the one that the ID token and the secret belong to.
pub(super) async fn open(
    provider: &Provider,
    client: &Client,
    request: &ExchangeRequest<'_>,
) -> Result<Tokens, TokenError> {
    let (hint, secret) = shown(provider, client, request)?;
    // Section 4.3, "implicit scopes": what it is registered for, or less. One level is enough for a device.
    let asked = request.scope.as_ref().unwrap_or(&client.settings.scope);
    let scope = registered_scope(client, asked.without(DEVICE_SSO))?;
    let api = resource::of_client(client, request.resource)?;
    if let (Some(_), Some(api)) = (&request.scope, &api) {
        check_asked(&scope, [&*provider.clients.api(api).unwrap_or_default()])?;
    }
    provider.keys.ensure_recent(&provider.db, &provider.clock).await?;
    let parent = parent(provider, client, &hint, &secret).await?;
    let now = provider.clock.now();
    let session = DeviceSessionId::new(now, &provider.entropy);
    let subject = Subject {
        user: Some(hint.user),
        client: Some(client.id.clone()),
        session: Some(session),
        address: request.address.clone(),
    };
    let allowed = allowed(provider, client, &scope, subject).await?;
    let handle = Handle::new(&provider.entropy);
    let key = request.proof.map(|proof| proof.key);
    let idle = provider.clients.lifetimes(&hint.client, &provider.lifetimes);
    let change = OpenUnder {
        id: session,
        parent: hint.session,
        user: hint.user,
        client: client.id.clone(),
        parent_client: hint.client,
        idle_since: now.minus(idle.device_session_idle),
        secret: secret.digest(),
        grant: Grant {
            scope,
            resource: api,
            resources: Vec::new(),
            claims: AskedClaims::default(),
            authorization_details: AuthorizationDetails::default(),
            nonce: None,
            // How the person proved who they are, and when: in the other app.
            auth_time: parent.grant.auth_time,
            acr: parent.grant.acr,
            amr: parent.grant.amr,
            proved: false,
        },
        allowed,
        key,
        handle: handle.digest(),
        now,
        expires_at: now.plus(client.lifetimes(&provider.lifetimes).device_session_absolute),
        event: EventId::new(now, &provider.entropy),
        address: request.address.clone(),
        app_version: request.app_version.clone(),
    };
    let Some(opened) = provider.db.write(change).await? else {
        return Err(invalid().into());
    };
    let order = Order {
        client,
        session,
        scope: None,
        details: None,
        resource: None,
        key,
        with_id_token: true,
        // Who signed in by another lets nobody in: one level is enough for a device.
        device_secret: None,
        now,
    };
    let refresh_token = RefreshToken {
        session,
        handle,
        generation: Generation::FIRST,
    };
    Ok(issue(provider, &order, &opened, &refresh_token)?)
}

/// What the request shows, as far as no database is needed: an ID token of ours, however old, the secret that it came with,
/// and an app of the same group (sections 4.2 and 4.3).
fn shown(
    provider: &Provider,
    client: &Client,
    request: &ExchangeRequest<'_>,
) -> Result<(IdTokenHint, DeviceSecret), TokenError> {
    let Some(group) = &client.settings.sso_group else {
        let hint = "only an app that is registered with an sso_group signs in by another";
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, hint).into());
    };
    let wrong = |hint: &'static str| Err(OAuthError::invalid_request(hint).into());
    if request.subject.kind != ID_TOKEN {
        return wrong(
            "an app shows the other app's ID token: subject_token_type urn:ietf:params:oauth:token-type:id_token",
        );
    }
    let Some(actor) = request.actor.filter(|actor| actor.kind == DEVICE_SECRET) else {
        return wrong(
            "an app shows the device secret: actor_token_type urn:openid:params:token-type:device-secret",
        );
    };
    if !matches!(request.audience, [one] if one == provider.issuer.as_str()) {
        return wrong("audience is the issuer of the ID token");
    }
    let secret = DeviceSecret::parse(actor.token).ok_or_else(|| TokenError::NotOurs(invalid()))?;
    let keys = provider.keys.load();
    let hint = keys.id_tokens.read(&provider.issuer, request.subject.token);
    let hint = hint.filter(|_| !is_withdrawn(provider, request.subject.token));
    let hint = hint.ok_or_else(|| TokenError::NotOurs(invalid()))?;
    if !hint.ds_hash.as_deref().is_some_and(|hash| secret.came_with(hash)) {
        tracing::info!(session = %hint.session, "a device secret came with an ID token that is not its own");
        return Err(TokenError::NotOurs(invalid()));
    }
    let first = provider.clients.find(hint.client.as_str());
    if first.is_none_or(|first| first.settings.sso_group.as_ref() != Some(group)) {
        let hint = "this app and the one of the ID token are not registered with the same sso_group";
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, hint).into());
    }
    Ok((hint, secret))
}

/// The other app's session, which lives and has this secret.
async fn parent(
    provider: &Provider,
    client: &Client,
    hint: &IdTokenHint,
    secret: &DeviceSecret,
) -> Result<Found, TokenError> {
    // Before the row: the database may have gone back, and say that it lives.
    if provider.ends.has_session(hint.session) {
        return Err(invalid().into());
    }
    let now = provider.clock.now();
    let idle = provider.clients.lifetimes(&hint.client, &provider.lifetimes);
    let found = device_sessions::find(&provider.db, hint.session).await?;
    let found = found.filter(|found| {
        let session = &found.session;
        let lives = match session.state {
            State::Active { rotated_at, .. } => {
                lives_until(rotated_at, idle.device_session_idle, session.expires_at) > now
            }
            State::Granted { .. } | State::Ended { .. } => false,
        };
        let is_its = session.user == hint.user && session.client == hint.client;
        lives && is_its && found.device_secret == Some(secret.digest())
    });
    found.ok_or_else(|| {
        tracing::info!(session = %hint.session, client = %client.id, "a device secret was refused");
        invalid().into()
    })
}

/// Why nobody has to be asked. An app that would have to ask has no page here to do it on (section 4.3).
async fn allowed(
    provider: &Provider,
    client: &Client,
    scope: &ScopeSet,
    subject: Subject,
) -> Result<Allowed, TokenError> {
    let Some(user) = subject.user else {
        return Err(invalid().into());
    };
    let before = remembered(provider, user, client).await?;
    if client.settings.consent == ConsentPolicy::Never {
        let consent = consent_to(provider, before, scope.clone(), subject, provider.clock.now());
        return Ok(Allowed::Always(consent.map(Box::new)));
    }
    match before {
        Some(before) if scope.is_within(&before) => Ok(Allowed::Remembered(before)),
        _ => {
            let hint = "the person has not allowed this app so much yet: sign in with the browser once";
            Err(OAuthError::new(ErrorCode::InvalidScope, hint).into())
        }
    }
}

/// One text for every cause.
fn invalid() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidGrant,
        "the ID token and the device secret are not of one session that lives: sign in with the browser",
    )
}
