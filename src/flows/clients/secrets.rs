//! The secrets of clients: made, rotated with an overlap, removed; and a word before one ends.

use crate::{
    base::{
        id::{ClientId, ClientSecretId},
        time::{Instant, Lifetime},
    },
    domain::{
        actor::{Actor, Initiator},
        client_secret::{AT_ONCE, ClientSecret, KeptSecret, LivesError, WARNED_BEFORE, judge_lives},
        event::{Event, EventRecord, Subject},
    },
    flows::Provider,
    store::{
        client_secrets::{self, RemoveSecret, RotateSecret, WarnOfEnd},
        error::StoreError,
    },
};

/// A secret that was just made: the only time that it is there to be shown.
#[derive(Debug)]
pub struct NewSecret {
    /// As the client needs it.
    pub secret: ClientSecret,
    /// As it is kept.
    pub kept: KeptSecret,
}

/// Why a client's secrets stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No such client.
    #[error("there is no such client")]
    UnknownClient,
    /// It authenticates in another way.
    #[error("the client authenticates with {0}, not with a secret")]
    NoSecrets(&'static str),
    /// One of them would live too long, or not at all.
    #[error(transparent)]
    Lives(#[from] LivesError),
    /// A rotation is under way already.
    #[error("the client has {AT_ONCE} secrets that are good already")]
    TooMany,
    /// Somebody else changed them at the same moment.
    #[error("the secrets of the client were changed by somebody else at the same moment")]
    Lost,
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a rotation did.
#[derive(Debug)]
pub struct RotatedSecret {
    /// The new secret.
    pub new: NewSecret,
    /// The old ones that stay good for a while, with their last instant.
    pub kept: Vec<(ClientSecretId, Instant)>,
    /// The old ones that are gone.
    pub removed: Vec<ClientSecretId>,
}

/// A secret that lives for as long as is said, or until it is replaced.
pub(in crate::flows) fn make(
    provider: &Provider,
    client: &ClientId,
    life: Option<Lifetime>,
    now: Instant,
) -> NewSecret {
    let secret = ClientSecret::new(&provider.entropy);
    let kept = KeptSecret {
        id: ClientSecretId::new(now, &provider.entropy),
        client: client.clone(),
        digest: secret.digest(),
        created_at: now,
        last_used_at: None,
        expires_at: life.map(|life| now.plus(life)),
    };
    NewSecret { secret, kept }
}

impl NewSecret {
    /// What is written of it.
    pub(in crate::flows) fn to_keep(
        &self,
        provider: &Provider,
        by: Option<Initiator>,
    ) -> (KeptSecret, EventRecord) {
        let event = Event::ClientSecretCreated {
            secret: self.kept.id,
            expires_at: self.kept.expires_at,
        };
        let about = about(&self.kept.client);
        let record = provider.event(self.kept.created_at, about, event);
        let record = match by {
            Some(by) => record.by(by),
            None => record,
        };
        (self.kept.clone(), record)
    }
}

/// A new secret. The one before it stays good for `overlap`, so that it can be replaced wherever it is; without an overlap
/// all others end at once.
pub async fn rotate(
    provider: &Provider,
    client: &ClientId,
    life: Option<Lifetime>,
    overlap: Lifetime,
    by: impl Into<Initiator>,
) -> Result<RotatedSecret, SecretError> {
    let by = by.into();
    judge_lives(life, overlap)?;
    let registered = provider
        .clients
        .find(client.as_str())
        .ok_or(SecretError::UnknownClient)?;
    if !registered.settings.has_secret() {
        let method = registered.settings.token_endpoint_auth_method;
        return Err(SecretError::NoSecrets(method.as_str()));
    }
    let now = provider.clock.now();
    let until = now.plus(overlap);
    let mut good = client_secrets::of_client(&provider.db, client.clone()).await?;
    good.retain(|secret| secret.is_good(now));
    if good.len() >= AT_ONCE && until > now {
        return Err(SecretError::TooMany);
    }
    let new = make(provider, client, life, now);
    let (secret, event) = new.to_keep(provider, Some(by.clone()));
    let (mut kept, mut removed, mut old) = (Vec::new(), Vec::new(), Vec::new());
    for one in good {
        let until = one.expires_at.map_or(until, |at| at.min(until));
        let event = if until > now {
            kept.push((one.id, until));
            Event::ClientSecretRotated {
                secret: one.id,
                expires_at: until,
            }
        } else {
            removed.push(one.id);
            Event::ClientSecretRemoved { secret: one.id }
        };
        old.push((
            one.id,
            until,
            provider.event_by(now, by.clone(), about(client), event),
        ));
    }
    let change = RotateSecret {
        secret,
        event,
        old,
        now,
    };
    match provider.db.write(change).await {
        Ok(()) => {}
        Err(StoreError::Conflict(_)) => return Err(SecretError::Lost),
        Err(error) => return Err(error.into()),
    }
    provider.clients.reload(&provider.db).await?;
    Ok(RotatedSecret { new, kept, removed })
}

/// Ends a secret at once. False when the client has none with this name.
pub async fn remove(
    provider: &Provider,
    client: &ClientId,
    id: ClientSecretId,
    by: impl Into<Initiator>,
) -> Result<bool, StoreError> {
    let now = provider.clock.now();
    let event = Event::ClientSecretRemoved { secret: id };
    let change = RemoveSecret {
        id,
        client: client.clone(),
        event: provider.event_by(now, by, about(client), event),
    };
    let removed = provider.db.write(change).await?;
    provider.clients.reload(&provider.db).await?;
    Ok(removed)
}

/// How many are told of at once; the rest is told of next time.
const BATCH: i64 = 100;

/// Tells once of each secret that ends soon.
pub async fn warn_of_ends(provider: &Provider) -> Result<(), StoreError> {
    let now = provider.clock.now();
    let binds = (now.plus(WARNED_BEFORE), now, BATCH);
    for (id, client, expires_at) in provider.db.read_all(client_secrets::EXPIRING, binds).await? {
        let event = Event::ClientSecretExpiring {
            secret: id,
            expires_at,
        };
        let event = provider.event(now, about(&client), event).by(Actor::System);
        if provider.db.write(WarnOfEnd { id, now, event }).await? {
            let at = expires_at.to_rfc3339();
            tracing::warn!(%client, secret = %id, %at, "a client's secret ends soon: make a new one");
        }
    }
    Ok(())
}

fn about(client: &ClientId) -> Subject {
    Subject {
        client: Some(client.clone()),
        ..Subject::default()
    }
}
