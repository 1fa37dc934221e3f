//! `grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523 section 2.1): an issuer that is registered for the
//! client vouches for a person of ours, in a JWT that is for this server, for a short time and for one use. It opens a
//! session without a page: the assertion is the grant.

use serde::Deserialize;

use crate::{
    base::{
        digest::Digest,
        id::{DeviceSessionId, EventId, UserId},
        jws::{Jws, JwsError},
        text::{AppVersion, Email},
        time::{Instant, Lifetime},
    },
    domain::{
        api::check_asked,
        authorization_details::AuthorizationDetails,
        binding::Proof,
        claims::AskedClaims,
        client::{AssertionIssuer, AssertionSubject, Client, GrantType},
        device_session::Grant,
        oauth_error::{ErrorCode, OAuthError},
        refresh_token::{Generation, Handle, RefreshToken},
        scope::{OFFLINE_ACCESS, ScopeSet},
    },
    flows::{
        Provider,
        client_auth::NumericDate,
        issue::{Order, Tokens, issue},
        token::{TokenError, registered_scope, resource},
    },
    store::{device_sessions::asserted::OpenAsserted, error::StoreError, users},
};

/// What the client sends.
pub struct BearerRequest<'a> {
    /// The assertion.
    pub assertion: &'a str,
    /// What the client wants; all that it is registered for but `offline_access`, when it says nothing.
    pub scope: Option<ScopeSet>,
    /// The API that the access token is for.
    pub resource: &'a [String],
    /// The DPoP proof, checked.
    pub proof: Option<Proof>,
    /// Where the request came from.
    pub address: Option<String>,
    /// Which version the app says that it is.
    pub app_version: Option<AppVersion>,
}

/// What an assertion says. Each claim is there at most once, and `aud` is one (RFC 7523 section 3).
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: NumericDate,
    nbf: Option<NumericDate>,
    iat: Option<NumericDate>,
    auth_time: Option<NumericDate>,
    jti: Option<String>,
}

/// What is wrong with an assertion: for the log alone.
#[derive(Debug, thiserror::Error)]
enum Flaw {
    #[error("it does not read: {0}")]
    Assertion(#[from] JwsError),
    #[error("its typ is that of something else")]
    Type,
    #[error("iss is not the issuer that the client is registered with")]
    Issuer,
    #[error("the keys of its issuer could not be fetched")]
    NoKeys,
    #[error("none of the issuer's keys made the signature")]
    Signature,
    #[error("aud is not this server")]
    Audience,
    #[error("exp, nbf, iat or auth_time is out of bounds")]
    Time,
    #[error("jti is missing or too long")]
    Id,
    #[error("sub is nobody here")]
    Subject,
    #[error("it was used before, or the person is disabled")]
    Used,
}

/// Nothing longer is looked at.
const LONGEST: usize = 8 * 1024;
const LONGEST_ID: usize = 256;
/// How far ahead an assertion may expire: so long its `jti` has to be remembered.
const MOST_AHEAD: Lifetime = Lifetime::from_secs(3600);
/// How much the issuer's clock may be ahead of ours, or behind.
const CLOCKS_DIFFER: Lifetime = Lifetime::from_secs(30);
/// What an assertion may say that it is, if anything: no other JWT is one (RFC 8725 section 3.11).
const TYPES: [&str; 2] = ["JWT", "authorization-grant+jwt"];
/// How well the person proved who they are: that is the issuer's knowledge (OpenID Connect Core section 2, `acr`).
const ACR_UNKNOWN: &str = "0";

/// An assertion that is right in everything but its person and its first use.
struct Vouched {
    subject: String,
    auth_time: Instant,
    single_use: Digest,
    until: Instant,
}

/// Opens a session for the person whom the assertion is about. With `offline_access` it lives on its own as every other; else
/// it is there for its one access token, so that ends reach it, and ends with it.
pub async fn open(
    provider: &Provider,
    client: &Client,
    request: BearerRequest<'_>,
) -> Result<Tokens, TokenError> {
    let issuer = client.settings.assertion_issuer.as_ref();
    let Some(issuer) = issuer.filter(|_| client.is_confidential()) else {
        let hint = "no issuer of assertions is registered for this client";
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, hint).into());
    };
    // A session that lasts is asked for by name.
    let usual = || client.settings.scope.without(OFFLINE_ACCESS);
    let scope = registered_scope(client, request.scope.clone().unwrap_or_else(usual))?;
    let api = resource::of_client(client, request.resource)?;
    if let (Some(_), Some(api)) = (&request.scope, &api) {
        check_asked(&scope, [&*provider.clients.api(api).unwrap_or_default()])?;
    }
    provider.keys.ensure_recent(&provider.db, &provider.clock).await?;
    let now = provider.clock.now();
    let refuse = |flaw: Flaw| -> TokenError {
        tracing::info!(client = %client.id, %flaw, "an assertion was refused");
        invalid().into()
    };
    let vouched = verified(provider, issuer, request.assertion, now).await;
    let vouched = vouched.map_err(refuse)?;
    let user = person(provider, issuer, &vouched.subject).await?;
    let user = user.ok_or_else(|| refuse(Flaw::Subject))?;

    let lifetimes = client.lifetimes(&provider.lifetimes);
    let lasts = scope.has(OFFLINE_ACCESS) && client.may(GrantType::RefreshToken);
    let life = if lasts {
        lifetimes.device_session_absolute
    } else {
        lifetimes.access_token
    };
    let session = DeviceSessionId::new(now, &provider.entropy);
    let handle = Handle::new(&provider.entropy);
    let change = OpenAsserted {
        id: session,
        user,
        client: client.id.clone(),
        grant: Grant {
            scope,
            resource: api,
            resources: Vec::new(),
            claims: AskedClaims::default(),
            authorization_details: AuthorizationDetails::default(),
            nonce: None,
            auth_time: vouched.auth_time,
            acr: ACR_UNKNOWN.to_owned(),
            amr: Vec::new(),
            proved: false,
        },
        handle: handle.digest(),
        device: issuer.issuer.to_string(),
        assertion: vouched.single_use,
        remembered_until: vouched.until,
        now,
        expires_at: now.plus(life),
        event: EventId::new(now, &provider.entropy),
        address: request.address,
        app_version: request.app_version,
    };
    let opened = provider.db.write(change).await?;
    let opened = opened.ok_or_else(|| refuse(Flaw::Used))?;
    let order = Order {
        client,
        session,
        scope: None,
        details: None,
        resource: None,
        key: request.proof.map(|proof| proof.key),
        with_id_token: true,
        device_secret: None,
        now,
    };
    let refresh_token = RefreshToken {
        session,
        handle,
        generation: Generation::FIRST,
    };
    let mut tokens = issue(provider, &order, &opened, &refresh_token)?;
    tokens.refresh_token = tokens.refresh_token.filter(|_| lasts);
    Ok(tokens)
}

/// The checks of RFC 7523 section 3. Nothing that the assertion says chooses a key or an algorithm.
async fn verified(
    provider: &Provider,
    issuer: &AssertionIssuer,
    assertion: &str,
    now: Instant,
) -> Result<Vouched, Flaw> {
    let jws = Jws::parse(assertion, LONGEST)?;
    let is_one = |typ: &String| TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known));
    if !jws.typ.as_ref().is_none_or(is_one) {
        return Err(Flaw::Type);
    }
    let claims: Claims = jws.claims()?;
    if claims.iss != issuer.issuer.as_str() {
        return Err(Flaw::Issuer);
    }
    let is_signed = match (&issuer.jwks, &issuer.jwks_uri) {
        (Some(keys), _) => keys.verifies(&jws),
        (None, Some(place)) => {
            let keys = provider.client_keys.of(place, &jws, now).await;
            keys.ok_or(Flaw::NoKeys)?.verifies(&jws)
        }
        (None, None) => return Err(Flaw::NoKeys),
    };
    if !is_signed {
        return Err(Flaw::Signature);
    }
    judge(provider, claims, now)
}

fn judge(provider: &Provider, claims: Claims, now: Instant) -> Result<Vouched, Flaw> {
    if claims.aud != provider.issuer.as_str() {
        return Err(Flaw::Audience);
    }
    let expires_at = claims.exp.at().ok_or(Flaw::Time)?;
    let soon = now.plus(CLOCKS_DIFFER);
    let past = |date: Option<NumericDate>| match date.map(NumericDate::at) {
        None => Ok(None),
        Some(Some(at)) if at <= soon => Ok(Some(at)),
        Some(_) => Err(Flaw::Time),
    };
    past(claims.nbf)?;
    let issued_at = past(claims.iat)?;
    let auth_time = past(claims.auth_time)?;
    if expires_at.plus(CLOCKS_DIFFER) <= now || expires_at > soon.plus(MOST_AHEAD) {
        return Err(Flaw::Time);
    }
    let id = claims.jti.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
    let id = id.ok_or(Flaw::Id)?;
    // A `jti` is unique among those of its issuer (RFC 7519 section 4.1.7), whose name has no NUL and is no client id.
    let single_use = Digest::of(format!("{}\0{id}", claims.iss).as_bytes());
    Ok(Vouched {
        subject: claims.sub,
        auth_time: auth_time.or(issued_at).unwrap_or(now).min(now),
        single_use,
        until: expires_at.plus(CLOCKS_DIFFER),
    })
}

/// The person of ours whom the issuer means.
async fn person(
    provider: &Provider,
    issuer: &AssertionIssuer,
    subject: &str,
) -> Result<Option<UserId>, StoreError> {
    let user = match issuer.subject {
        AssertionSubject::UserId => match subject.parse::<UserId>() {
            Ok(id) => users::find(&provider.db, id).await?,
            Err(_) => None,
        },
        AssertionSubject::Email => match subject.parse::<Email>() {
            Ok(email) => users::find_by_email(&provider.db, email.key()).await?,
            Err(_) => None,
        },
    };
    let user = user.filter(|user| user.disabled_at.is_none());
    Ok(user.map(|user| user.id))
}

/// One text for every cause.
fn invalid() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidGrant,
        "the assertion is none of the registered issuer for this server, or is expired or used, or is about nobody here",
    )
}
