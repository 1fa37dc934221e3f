//! Clients: registered, changed and removed by the operator or an admin.

pub mod secrets;
pub mod set;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::secrets::NewSecret;
use crate::{
    base::{
        id::ClientId,
        text::DisplayName,
        time::{Instant, Lifetime},
    },
    domain::{
        actor::{Actor, Initiator},
        client::{Client, ClientKind, ClientSettings, Contradiction, GrantType},
        client_secret,
        ending::{Ending, Reason},
        event::{Changed, Event, EventRecord, Subject},
        key::Ring,
    },
    flows::{
        Provider,
        admin::console,
        end::{prepare, remember, revoked_until},
        keys::{KeysError, request, rotate::outlive},
    },
    store::{
        self,
        clients::{AddClient, DisableClient, RemoveClient},
        ending::Ended,
        error::StoreError,
    },
};

/// Why a client was not registered.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Settings contradict each other, or the server's: every rule that is broken.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Contradictions(Vec<Contradiction>),
    /// The id is taken.
    #[error("there is a client with this id already")]
    Taken,
    /// The keys could not be made that it asks for.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A client that was registered, and its secret, which is shown now and never again.
#[derive(Debug)]
pub struct Registered {
    /// The client.
    pub client: Client,
    /// The secret of one that authenticates with a secret.
    pub secret: Option<NewSecret>,
}

/// Registers a client whose settings have been parsed; refuses settings that contradict each other or the server's.
pub async fn add(
    provider: &Provider,
    id: ClientId,
    name: DisplayName,
    settings: ClientSettings,
) -> Result<Client, ClientError> {
    let by = Actor::Operator;
    Ok(register(provider, id, name, settings, None, by).await?.client)
}

/// The same with the client's secret, which lives for as long as is said.
pub async fn register(
    provider: &Provider,
    id: ClientId,
    name: DisplayName,
    settings: ClientSettings,
    secret_life: Option<Lifetime>,
    by: impl Into<Initiator>,
) -> Result<Registered, ClientError> {
    let by = by.into();
    // Also before there is a private listener: whoever had its id would be taken for it later.
    console::keeps(&id).map_err(|_| ClientError::Taken)?;
    let now = provider.clock.now();
    let client = Client {
        id: id.clone(),
        name,
        settings,
        created_at: now,
        disabled_at: None,
    };
    let mut broken = contradictions(provider, &client.settings);
    broken.extend(of_secret(&client.settings, secret_life));
    refuse(broken)?;
    let subject = Subject {
        client: Some(id),
        ..Subject::default()
    };
    make_keys(provider, &client.settings).await?;
    let secret = client
        .settings
        .has_secret()
        .then(|| secrets::make(provider, &client.id, secret_life, now));
    let event = provider.event(now, subject, Event::client_added(&client));
    let event = event.by(by.clone());
    let change = AddClient {
        client: client.clone(),
        event,
        secret: secret.as_ref().map(|secret| secret.to_keep(provider, Some(by))),
    };
    match provider.db.write(change).await {
        Ok(()) => {}
        Err(StoreError::Conflict(_)) => return Err(ClientError::Taken),
        Err(error) => return Err(error.into()),
    }
    provider.clients.reload(&provider.db).await?;
    Ok(Registered { client, secret })
}

/// Makes the keys that a client with these settings is the first to ask for, and has the others outlive its tokens.
pub(in crate::flows) async fn make_keys(
    provider: &Provider,
    settings: &ClientSettings,
) -> Result<(), KeysError> {
    outlive(
        provider,
        settings.lifetimes.over(&provider.lifetimes).access_token,
    )
    .await?;
    if settings.needs_rs256() && provider.keys.load().rs256.is_none() {
        request(provider, Ring::SigningRs256).await?;
    }
    Ok(())
}

/// What the life of a new client's secret contradicts.
fn of_secret(settings: &ClientSettings, life: Option<Lifetime>) -> Option<Contradiction> {
    let life = life?;
    if !settings.has_secret() {
        return Some(Contradiction::new("secret_life", "this client has no secret"));
    }
    let wrong = client_secret::judge_lives(Some(life), Lifetime::from_secs(0)).err();
    wrong.map(|rule| Contradiction::new("secret_life", rule.to_string()))
}

/// Refuses what contradicts itself, or the server's settings.
pub(in crate::flows) fn check(provider: &Provider, client: &Client) -> Result<(), ClientError> {
    refuse(contradictions(provider, &client.settings))
}

fn contradictions(provider: &Provider, settings: &ClientSettings) -> Vec<Contradiction> {
    let mut all = settings.contradictions_with(&provider.lifetimes);
    all.extend(settings.contradictions(&provider.issuer));
    all
}

fn refuse(all: Vec<Contradiction>) -> Result<(), ClientError> {
    if all.is_empty() {
        Ok(())
    } else {
        Err(ClientError::Contradictions(all))
    }
}

/// A client that nobody has used for long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusedClient {
    /// Its id.
    pub id: ClientId,
    /// Its name.
    pub name: DisplayName,
    /// What kind of program it is.
    pub kind: ClientKind,
    /// When it was registered.
    pub created_at: Instant,
    /// When it proved itself the last time, if it ever did.
    pub last_used_at: Option<Instant>,
}

/// The clients that nobody has used since an instant, by id.
pub async fn unused_since(provider: &Provider, since: Instant) -> Result<Vec<UnusedClient>, StoreError> {
    let (_, clients) = store::clients::all(&provider.db).await?;
    let found = store::clients::unused_since(&provider.db, since).await?;
    let mut found: BTreeMap<_, _> = found.into_iter().collect();
    let unused = clients.into_iter().filter_map(|client| {
        let last_used_at = found.remove(&client.id)?;
        Some(UnusedClient {
            id: client.id,
            name: client.name,
            kind: client.settings.kind,
            created_at: client.created_at,
            last_used_at,
        })
    });
    Ok(unused.collect())
}

/// Removes a client and ends its sessions. How much ended; nothing when there was no such client. It may have millions of
/// sessions, and a change is bounded: first it is disabled, then its sessions end in batches, and last it goes.
/// Interrupted, it is asked for again.
pub async fn remove(
    provider: &Provider,
    id: ClientId,
    by: Option<Initiator>,
) -> Result<Option<Ended>, StoreError> {
    let now = provider.clock.now();
    let (actor, address) = by.map(|by| (by.actor, by.address)).unzip();
    let subject = Subject {
        client: Some(id.clone()),
        address: address.flatten(),
        ..Subject::default()
    };
    let before = set::find(provider, &id).await?;
    let ending = Ending::Client { id: id.clone() };
    let told = |event| EventRecord {
        actor: actor.clone(),
        ..provider.event(now, subject.clone(), event)
    };
    // What it got for itself hangs on no session that could end.
    let speaks_for_itself = before
        .as_ref()
        .is_some_and(|found| found.client.may(GrantType::ClientCredentials));
    let disable = DisableClient {
        id: id.clone(),
        now,
        revoked_until: speaks_for_itself.then(|| revoked_until(provider, now)),
        event: told(Event::ClientDisabled),
    };
    if let Some(until) = provider.db.write(disable).await? {
        provider.ends.remember_client(&id, until, now);
    }
    provider.clients.reload(&provider.db).await?;
    let mut all = Ended::default();
    loop {
        let mut end = prepare(
            provider,
            provider.clock.now(),
            ending.clone(),
            Reason::ClientRemoved,
            subject.clone(),
        );
        end.actor.clone_from(&actor);
        let ended = remember(provider, &provider.db.write(end).await?);
        if ended == Ended::default() {
            break;
        }
        all.devices += ended.devices;
    }
    // It may have taken long, and others look for what was recorded lately.
    let now = provider.clock.now();
    let mut end = prepare(provider, now, ending, Reason::ClientRemoved, subject.clone());
    end.actor.clone_from(&actor);
    let changed = Changed::default();
    let removal = before.map_or(Event::ClientRemoved { changed }, |found| {
        Event::client_removed(&found.client)
    });
    let event = told(removal);
    let removed = provider.db.write(RemoveClient { id, end, event }).await?;
    provider.clients.reload(&provider.db).await?;
    Ok(removed.map(|ended| {
        all.devices += remember(provider, &ended).devices;
        all
    }))
}
