//! The secrets of clients. They are held in memory with them, so every change but a coarse "last used" raises the same
//! version.

use crate::{
    base::{
        digest::Digest,
        id::{ClientId, ClientSecretId},
        time::Instant,
    },
    domain::{
        client_secret::{AT_ONCE, KeptSecret},
        event::EventRecord,
    },
    store::{
        clients::VERSION,
        db::{Change, Db, WriteTx, statements},
        error::{Result, StoreError},
        events, facts,
    },
};

type SecretRow = (
    ClientSecretId,
    ClientId,
    Digest,
    Instant,
    Option<Instant>,
    Option<Instant>,
);

statements! {
    ALL_SECRETS: () => SecretRow =
        "SELECT id, client_id, digest, created_at, last_used_at, expires_at FROM client_secrets ORDER BY client_id, id";
    OF_CLIENT: (ClientId,) => SecretRow =
        "SELECT id, client_id, digest, created_at, last_used_at, expires_at FROM client_secrets
         WHERE client_id = $1 ORDER BY id";
    /// A secret of a client that is there, unless so many are good: id, client, digest, now, its end, how many.
    INSERT: (ClientSecretId, ClientId, Digest, Instant, Option<Instant>, i64) => () =
        "INSERT INTO client_secrets (id, client_id, digest, created_at, expires_at)
         SELECT $1, c.id, $3, $4, $5 FROM clients c
         WHERE c.id = $2 AND c.disabled_at IS NULL AND $6 > (
           SELECT COUNT(*) FROM client_secrets s WHERE s.client_id = $2 AND (s.expires_at IS NULL OR s.expires_at > $4))";
    /// Ends a secret at an instant, unless it ends before: id, the end, now.
    END_AT: (ClientSecretId, Instant, Instant) => () =
        "UPDATE client_secrets SET expires_at = $2, warned_at = $3
         WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2)";
    DELETE: (ClientSecretId, ClientId) => () =
        "DELETE FROM client_secrets WHERE id = $1 AND client_id = $2";
    /// Deletes the secrets of a client that is removed.
    pub(super) DELETE_OF_CLIENT: (ClientId,) => () =
        "DELETE FROM client_secrets WHERE client_id = $1";
    /// Remembers that a secret was used: id, now, unless that is known since.
    pub USED: (ClientSecretId, Instant, Instant) => (ClientSecretId,) =
        "UPDATE client_secrets SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)
         RETURNING id";
    /// Secrets that end before $1 and after $2, of which nobody was told; so many at most.
    pub EXPIRING: (Instant, Instant, i64) => (ClientSecretId, ClientId, Instant) =
        "SELECT id, client_id, expires_at FROM client_secrets
         WHERE expires_at <= $1 AND expires_at > $2 AND warned_at IS NULL ORDER BY id LIMIT $3";
    WARN: (ClientSecretId, Instant) => () =
        "UPDATE client_secrets SET warned_at = $2 WHERE id = $1 AND warned_at IS NULL";
    /// Deletes what ended before an instant, so many at most. No row: none was left.
    pub DELETE_PAST: (Instant, i64) => (ClientSecretId,) =
        "DELETE FROM client_secrets
         WHERE expires_at < $1 AND id IN (SELECT id FROM client_secrets WHERE expires_at < $1 LIMIT $2)
         RETURNING id";
}

/// Every secret of every client.
pub async fn all(db: &Db) -> Result<Vec<KeptSecret>> {
    Ok(db
        .read_all(ALL_SECRETS, ())
        .await?
        .into_iter()
        .map(read)
        .collect())
}

/// The secrets of a client, oldest first, also those that have ended and are not deleted yet.
pub async fn of_client(db: &Db, client: ClientId) -> Result<Vec<KeptSecret>> {
    let rows = db.read_all(OF_CLIENT, (client,)).await?;
    Ok(rows.into_iter().map(read).collect())
}

fn read((id, client, digest, created_at, last_used_at, expires_at): SecretRow) -> KeptSecret {
    KeptSecret {
        id,
        client,
        digest,
        created_at,
        last_used_at,
        expires_at,
    }
}

/// Writes a new secret of a client that has fewer than [`AT_ONCE`].
pub(super) async fn insert(tx: &mut WriteTx<'_>, secret: &KeptSecret, event: &EventRecord) -> Result<()> {
    let most = i64::try_from(AT_ONCE).unwrap_or(1);
    let binds = (
        secret.id,
        secret.client.clone(),
        secret.digest,
        secret.created_at,
        secret.expires_at,
        most,
    );
    if tx.run(INSERT, binds).await? == 0 {
        let why = "the client has as many secrets as it may, or is gone";
        return Err(StoreError::Conflict(why.to_owned()));
    }
    events::record(tx, event).await
}

/// A new secret in the place of those that are good. A conflict when the client has too many, or is gone.
#[derive(Debug)]
pub struct RotateSecret {
    /// The new one.
    pub secret: KeptSecret,
    /// The event of its making.
    pub event: EventRecord,
    /// The old ones, with their last instant; one that is not later than now is deleted.
    pub old: Vec<(ClientSecretId, Instant, EventRecord)>,
    /// When.
    pub now: Instant,
}

impl Change for RotateSecret {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        // First: whoever changes clients at the same time waits for this, and counts what is there then.
        tx.run(facts::RAISE_VERSION, (VERSION,)).await?;
        for (id, until, event) in &self.old {
            let changed = if *until > self.now {
                tx.run(END_AT, (*id, *until, self.now)).await?
            } else {
                tx.run(DELETE, (*id, self.secret.client.clone())).await?
            };
            if changed > 0 {
                events::record(tx, event).await?;
            }
        }
        insert(tx, &self.secret, &self.event).await?;
        tx.notify();
        Ok(())
    }
}

/// Removes a secret at once. False when there was none with this name.
#[derive(Debug)]
pub struct RemoveSecret {
    /// Which.
    pub id: ClientSecretId,
    /// Whose.
    pub client: ClientId,
    /// The event.
    pub event: EventRecord,
}

impl Change for RemoveSecret {
    type Out = bool;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<bool> {
        if !delete(tx, self.id, &self.client).await? {
            return Ok(false);
        }
        events::record(tx, &self.event).await?;
        tx.notify();
        Ok(true)
    }
}

/// The row of [`RemoveSecret`].
pub(super) async fn delete(tx: &mut WriteTx<'_>, id: ClientSecretId, client: &ClientId) -> Result<bool> {
    if tx.run(DELETE, (id, client.clone())).await? == 0 {
        return Ok(false);
    }
    tx.run(facts::RAISE_VERSION, (VERSION,)).await?;
    Ok(true)
}

/// Whether a client has a secret, be it good or not.
pub(super) async fn has_any(tx: &mut WriteTx<'_>, client: &ClientId) -> Result<bool> {
    Ok(tx.one(OF_CLIENT, (client.clone(),)).await?.is_some())
}

/// Ends a secret no later than `until`, again after a database went back.
pub(super) async fn end_again(
    tx: &mut WriteTx<'_>,
    id: ClientSecretId,
    until: Instant,
    now: Instant,
) -> Result<()> {
    tx.run(END_AT, (id, until, now)).await?;
    tx.run(facts::RAISE_VERSION, (VERSION,)).await?;
    Ok(())
}

/// Tells once that a secret ends soon. False when somebody else did.
#[derive(Debug)]
pub struct WarnOfEnd {
    /// Which.
    pub id: ClientSecretId,
    /// When.
    pub now: Instant,
    /// The event.
    pub event: EventRecord,
}

impl Change for WarnOfEnd {
    type Out = bool;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<bool> {
        if tx.run(WARN, (self.id, self.now)).await? == 0 {
            return Ok(false);
        }
        events::record(tx, &self.event).await?;
        Ok(true)
    }
}
