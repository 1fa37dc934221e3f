//! Clients register themselves (RFC 7591), and look after their registration (RFC 7592).
//!
//! The registration access token stays the same as long as the registration: it is shown when the client registers, and told
//! again only to who presents it, since nothing but its digest is kept.

mod statement;
pub mod tokens;

use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value, json};

use crate::{
    base::{
        id::{ClientId, RegistrationTokenId},
        time::Instant,
    },
    domain::{
        actor::Actor,
        client::{Client, RegistrationMode},
        client_secret::ClientSecret,
        event::{Event, EventRecord, Subject},
        oauth_error::{ErrorCode, OAuthError},
        registration::{
            Bounds, InitialAccessToken, KeptInitialAccessToken, Metadata, Proposed, RegistrationAccessToken,
            RegistrationPolicy, describe,
        },
    },
    flows::{
        Provider,
        clients::{
            self, ClientError,
            secrets::{self, NewSecret},
        },
        keys::KeysError,
    },
    store::{
        error::StoreError,
        registrations::{self as rows, Admission, Register, Registered, Update},
    },
};

/// Why there is no registration, or why it stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// It cannot be registered like this; the client is told why.
    #[error(transparent)]
    Refused(#[from] OAuthError),
    /// No token was presented where one is needed.
    #[error("a token is needed")]
    NoToken,
    /// The token is not good, or not for this client.
    #[error("the token is not good")]
    BadToken,
    /// The keys could not be made that the client asks for.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ClientError> for RegistrationError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Contradictions(_) => {
                OAuthError::new(ErrorCode::InvalidClientMetadata, error.to_string()).into()
            }
            ClientError::Taken => StoreError::Conflict("a drawn client id is taken".to_owned()).into(),
            ClientError::Keys(error) => error.into(),
            ClientError::Store(error) => error.into(),
        }
    }
}

/// A registration with what is shown of it only now.
#[derive(Debug)]
pub struct Registration {
    client: Client,
    told: Map<String, Value>,
    secret: Option<NewSecret>,
    access_token: RegistrationAccessToken,
}

impl Registration {
    /// The answer (RFC 7591 section 3.2.1, RFC 7592 section 3). It holds secrets.
    pub fn document(&self, provider: &Provider) -> Map<String, Value> {
        let mut members = describe(&self.client, &self.told);
        let place = provider.issuer.at(&format!("/register/{}", self.client.id));
        members.insert("registration_client_uri".to_owned(), json!(place));
        let token = self.access_token.expose();
        members.insert("registration_access_token".to_owned(), json!(token));
        if let Some(new) = &self.secret {
            members.insert("client_secret".to_owned(), json!(new.secret.expose()));
        }
        if self.client.settings.has_secret() {
            let ends = self.secret.as_ref().and_then(|new| new.kept.expires_at);
            // 0 is never.
            let ends = ends.map_or(0, Instant::seconds);
            members.insert("client_secret_expires_at".to_owned(), json!(ends));
        }
        members
    }
}

/// Who lets a client in. Asked before anything that it says is looked at.
pub async fn admit(
    provider: &Provider,
    token: Option<&str>,
) -> Result<Option<KeptInitialAccessToken>, RegistrationError> {
    let Some(text) = token else {
        let is_open = provider.registration.mode == RegistrationMode::Open;
        return if is_open {
            Ok(None)
        } else {
            Err(RegistrationError::NoToken)
        };
    };
    let token = InitialAccessToken::presented(text).ok_or(RegistrationError::BadToken)?;
    let found = rows::find_token(&provider.db, token.digest(), provider.clock.now()).await?;
    found.map(Some).ok_or(RegistrationError::BadToken)
}

/// Registers a client that was let in.
pub async fn register(
    provider: &Provider,
    admitted: Option<KeptInitialAccessToken>,
    body: &str,
    address: Option<String>,
) -> Result<Registration, RegistrationError> {
    let now = provider.clock.now();
    let policy = &provider.registration;
    let said = Metadata::parse(body)?;
    let said = statement::vouched(provider, said, None, now).await?;
    let own = admitted.as_ref().and_then(|token| token.scope.as_ref());
    let bounds = Bounds {
        issuer: &provider.issuer,
        policy,
        scope: own.unwrap_or(&policy.scope),
        is_open: admitted.is_none(),
    };
    let Proposed { name, settings, told } = said.propose(bounds)?;
    let client = Client {
        id: draw_id(provider)?,
        name,
        settings,
        created_at: now,
        disabled_at: None,
    };
    clients::check(provider, &client)?;
    clients::make_keys(provider, &client.settings).await?;
    let access_token = RegistrationAccessToken::new(&provider.entropy);
    let secret = new_secret(provider, &client, now);
    let token = admitted.map(|token| token.id);
    let change = Register {
        client: client.clone(),
        secret: secret.as_ref().map(|new| new.to_keep(provider, None)),
        digest: access_token.digest(),
        metadata: Value::Object(told.clone()).to_string(),
        admission: admission(policy, token, now),
        event: event(
            provider,
            &client.id,
            address,
            now,
            Event::client_registered(&client, token),
        ),
    };
    match provider.db.write(change).await? {
        Registered::Done => {}
        Registered::TokenSpent => return Err(RegistrationError::BadToken),
        Registered::TooMany => {
            tracing::warn!(
                most = policy.unused_most,
                "nobody can register any more: too many open registrations wait for their first person"
            );
            let hint = "too many clients have registered that nobody has used yet: try again later";
            return Err(OAuthError::new(ErrorCode::TemporarilyUnavailable, hint).into());
        }
    }
    provider.clients.reload(&provider.db).await?;
    Ok(Registration {
        client,
        told,
        secret,
        access_token,
    })
}

/// What lets a client in: an initial access token, or that everybody may come, for a while.
pub(super) fn admission(
    policy: &RegistrationPolicy,
    token: Option<RegistrationTokenId>,
    now: Instant,
) -> Admission {
    match token {
        Some(token) => Admission::Token(token),
        None => Admission::Open {
            until: now.plus(policy.unused_life),
            most: i64::from(policy.unused_most),
        },
    }
}

/// 128 random bits: nobody else's, and nobody's to choose.
fn draw_id(provider: &Provider) -> Result<ClientId, StoreError> {
    let random = Base64UrlUnpadded::encode_string(&provider.entropy.bytes::<16>());
    let id = format!("dyn_{random}").parse();
    id.map_err(|_| StoreError::corrupt("a drawn client id"))
}

fn new_secret(provider: &Provider, client: &Client, now: Instant) -> Option<NewSecret> {
    let settings = &client.settings;
    settings
        .has_secret()
        .then(|| secrets::make(provider, &client.id, None, now))
}

/// A registration whose own token was presented.
#[derive(Debug)]
pub struct Owned {
    client: Arc<Client>,
    row: rows::Registration,
    told: Map<String, Value>,
    access_token: RegistrationAccessToken,
}

impl Owned {
    /// Whose it is.
    pub fn id(&self) -> &str {
        self.client.id.as_str()
    }

    /// Whether nobody let it in: it registered where everybody may.
    pub fn is_open(&self) -> bool {
        self.row.token.is_none()
    }
}

/// The registration of `id`, for who has its registration access token. Everybody else is told the same, whatever is wrong:
/// nobody learns which clients there are.
pub async fn authenticate(
    provider: &Provider,
    id: &str,
    token: Option<&str>,
) -> Result<Owned, RegistrationError> {
    let presented = token.ok_or(RegistrationError::NoToken)?;
    let access_token = RegistrationAccessToken::presented(presented).ok_or(RegistrationError::BadToken)?;
    let client = provider.clients.find(id).ok_or(RegistrationError::BadToken)?;
    let row = rows::find(&provider.db, client.id.clone()).await?;
    let row = row
        .filter(|row| row.digest == access_token.digest())
        .ok_or(RegistrationError::BadToken)?;
    let told =
        serde_json::from_str(&row.metadata).map_err(|_| StoreError::corrupt("registrations.metadata"))?;
    Ok(Owned {
        client,
        row,
        told,
        access_token,
    })
}

/// What is registered (RFC 7592 section 2.1).
pub fn read(owned: Owned) -> Registration {
    Registration {
        client: (*owned.client).clone(),
        told: owned.told,
        secret: None,
        access_token: owned.access_token,
    }
}

/// Members that only the server says (RFC 7592 section 2.2).
const OURS: [&str; 4] = [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
];

/// Replaces a registration as a whole (RFC 7592 section 2.2): what is not said is deleted. Sessions stay, with what people
/// allowed. A client that authenticates in another way from now on loses its secrets, or gets one.
pub async fn update(
    provider: &Provider,
    owned: Owned,
    body: &str,
    address: Option<String>,
) -> Result<Registration, RegistrationError> {
    let now = provider.clock.now();
    let said = Metadata::parse(body)?;
    check_identity(provider, &owned, &said, now)?;
    let said = statement::vouched(provider, said, Some(&owned.told), now).await?;
    let policy = &provider.registration;
    // What its initial access token allowed is what it has, be that more than the setting or less.
    let own = &owned.client.settings.scope;
    let is_open = owned.is_open();
    let scope = if is_open {
        policy.scope.union(own)
    } else {
        own.clone()
    };
    let bounds = Bounds {
        issuer: &provider.issuer,
        policy,
        scope: &scope,
        is_open,
    };
    let Proposed { name, settings, told } = said.propose(bounds)?;
    let client = Client {
        name,
        settings,
        ..(*owned.client).clone()
    };
    clients::check(provider, &client)?;
    clients::make_keys(provider, &client.settings).await?;
    let kept = provider.clients.secrets(&client.id);
    let has_one = kept.iter().any(|kept| kept.is_good(now));
    let secret = new_secret(provider, &client, now).filter(|_| !has_one);
    let obsolete = kept.iter().filter(|_| !client.settings.has_secret());
    let removed = obsolete.map(|kept| {
        let removed = Event::ClientSecretRemoved { secret: kept.id };
        (kept.id, event(provider, &client.id, None, now, removed))
    });
    let change = Update {
        client: client.clone(),
        digest: owned.row.digest,
        metadata: Value::Object(told.clone()).to_string(),
        secret: secret.as_ref().map(|new| new.to_keep(provider, None)),
        // Nobody vouches for it: where answers go is what people knew it by.
        forgets_consents: client.settings.is_unchecked()
            && client.settings.redirect_uris != owned.client.settings.redirect_uris,
        removed: removed.collect(),
        event: event(
            provider,
            &client.id,
            address,
            now,
            Event::client_updated(&owned.client, &client),
        ),
    };
    match provider.db.write(change).await {
        Ok(true) => {}
        // It was removed a moment ago.
        Ok(false) | Err(StoreError::Conflict(_)) => return Err(RegistrationError::BadToken),
        Err(error) => return Err(error.into()),
    }
    provider.clients.reload(&provider.db).await?;
    Ok(Registration {
        client,
        told,
        secret,
        access_token: owned.access_token,
    })
}

/// The body names the client whose token was presented, and its secret if any.
fn check_identity(
    provider: &Provider,
    owned: &Owned,
    said: &Metadata,
    now: Instant,
) -> Result<(), RegistrationError> {
    let invalid = |hint| OAuthError::invalid_request(hint).into();
    if OURS.iter().any(|member| said.has(member)) {
        let hint = "leave out what only the server says: registration_access_token, registration_client_uri, \
                    client_secret_expires_at and client_id_issued_at (RFC 7592 section 2.2)";
        return Err(invalid(hint));
    }
    if said.text("client_id")? != Some(owned.client.id.as_str()) {
        return Err(invalid("client_id is not that of this registration"));
    }
    if let Some(text) = said.text("client_secret")? {
        let digest = ClientSecret::presented(text).map(|secret| secret.digest());
        let kept = provider.clients.secrets(&owned.client.id);
        if !kept
            .iter()
            .any(|kept| kept.is_good(now) && Some(kept.digest) == digest)
        {
            return Err(invalid("client_secret is not the client's: nobody chooses one"));
        }
    }
    Ok(())
}

/// Removes a client with its sessions (RFC 7592 section 2.3).
pub async fn remove(provider: &Provider, owned: Owned) -> Result<(), RegistrationError> {
    clients::remove(provider, owned.client.id.clone(), None).await?;
    Ok(())
}

/// How many are removed in one sweep.
const BATCH: i64 = 50;

/// Removes open registrations that waited for their first person in vain.
pub async fn sweep(provider: &Provider) -> Result<(), StoreError> {
    let now = provider.clock.now();
    provider.db.execute(rows::KEEP_USED, ()).await?;
    for (client,) in provider.db.read_all(rows::UNUSED_SINCE, (now, BATCH)).await? {
        tracing::info!(%client, "a client that registered itself was never used and is removed");
        clients::remove(provider, client, Some(Actor::System.into())).await?;
    }
    Ok(())
}

pub(super) fn event(
    provider: &Provider,
    client: &ClientId,
    address: Option<String>,
    now: Instant,
    event: Event,
) -> EventRecord {
    let subject = Subject {
        client: Some(client.clone()),
        address,
        ..Subject::default()
    };
    provider.event(now, subject, event)
}
