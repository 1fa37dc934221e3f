//! What people have allowed apps.

use crate::{
    base::{
        id::{ClientId, UserId},
        time::Instant,
    },
    domain::{
        consent::needed,
        event::{Event, EventRecord},
        scope::ScopeSet,
    },
    store::{
        db::{Change, Db, WriteTx, statements},
        ending::{self, EndSessions, EndedSessions},
        error::{Result, StoreError},
        events,
    },
};

statements! {
    /// What a person has allowed a client.
    pub FIND: (UserId, ClientId) => (String,) =
        "SELECT scope FROM consents WHERE user_id = $1 AND client_id = $2";
    /// Remembers a first consent. No row: there is one already.
    INSERT: (UserId, ClientId, String, Instant) => () =
        "INSERT INTO consents (user_id, client_id, scope, updated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, client_id) DO NOTHING";
    /// Remembers a wider consent: user, client, scope, now, the scope that was allowed before.
    WIDEN: (UserId, ClientId, String, Instant, String) => () =
        "UPDATE consents SET scope = $3, updated_at = $4 WHERE user_id = $1 AND client_id = $2 AND scope = $5";
    /// What a person has allowed, whom.
    OF_USER: (UserId, i64) => (ClientId, String, Instant) =
        "SELECT client_id, scope, updated_at FROM consents WHERE user_id = $1 ORDER BY client_id LIMIT $2";
    /// Forgets what a person has allowed a client.
    pub(super) DELETE: (UserId, ClientId) => () =
        "DELETE FROM consents WHERE user_id = $1 AND client_id = $2";
    /// Forgets what a client was allowed.
    pub DELETE_OF_CLIENT: (ClientId,) => () =
        "DELETE FROM consents WHERE client_id = $1";
}

/// What a person has allowed an app.
#[derive(Debug, Clone)]
pub struct Consent {
    /// Which app.
    pub client: ClientId,
    /// What.
    pub scope: ScopeSet,
    /// Since when it is this much.
    pub since: Instant,
}

/// What a person has allowed, so many apps at most.
pub async fn of_user(db: &Db, user: UserId, limit: i64) -> Result<Vec<Consent>> {
    let rows = db.read_all(OF_USER, (user, limit)).await?.into_iter();
    rows.map(|(client, scope, since)| {
        Ok(Consent {
            client,
            scope: scope.parse().map_err(|_| StoreError::corrupt("consents.scope"))?,
            since,
        })
    })
    .collect()
}

/// A person takes back what they have allowed an app: its sessions end with it. What ended.
#[derive(Debug)]
pub struct WithdrawConsent {
    /// Whose.
    pub user: UserId,
    /// Which app's.
    pub client: ClientId,
    /// What ends.
    pub end: EndSessions,
    /// The event, when there was something to take back.
    pub event: EventRecord,
}

impl Change for WithdrawConsent {
    type Out = EndedSessions;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<EndedSessions> {
        if tx.one(FIND, (self.user, self.client.clone())).await?.is_some() {
            events::record(tx, &self.event).await?;
        }
        ending::end(tx, &self.end).await
    }
}

/// What a person allows an app from now on.
#[derive(Debug)]
pub struct NewConsent {
    /// What was allowed when the page was shown.
    pub before: Option<ScopeSet>,
    /// What the page asked for.
    pub asked: ScopeSet,
    /// The event; it says what was written, which may be more where another page was answered meanwhile.
    pub event: EventRecord,
}

/// How often a consent is written over another that came meanwhile.
const TRIES: usize = 3;

/// Remembers a consent: one statement, unless another page changed it meanwhile. Nothing is written over what was not read.
pub async fn remember(
    tx: &mut WriteTx<'_>,
    user: UserId,
    client: &ClientId,
    consent: &NewConsent,
    now: Instant,
) -> Result<()> {
    let mut before = consent.before.clone();
    for _ in 0..TRIES {
        // It may be the same page pressed twice, or another one that asked for as much.
        let Some(scope) = needed(before.as_ref(), &consent.asked) else {
            return Ok(());
        };
        let written = match before {
            None => {
                let binds = (user, client.clone(), scope.to_string(), now);
                tx.run(INSERT, binds).await?
            }
            Some(before) => {
                let binds = (user, client.clone(), scope.to_string(), now, before.to_string());
                tx.run(WIDEN, binds).await?
            }
        };
        if written > 0 {
            let record = EventRecord {
                event: Event::ConsentGranted { scope },
                ..consent.event.clone()
            };
            return events::record(tx, &record).await;
        }
        let row = tx.one(FIND, (user, client.clone())).await?;
        let found = row.map(|(scope,)| scope.parse()).transpose();
        before = found.map_err(|_| StoreError::corrupt("consents.scope"))?;
    }
    Err(StoreError::Busy)
}
