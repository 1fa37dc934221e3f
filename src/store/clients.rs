//! Clients. Read into memory as a whole; every change raises the version that other processes watch.

use crate::{
    base::{
        id::{ClientId, ClientSecretId},
        time::Instant,
    },
    domain::{client::Client, client_secret::KeptSecret, event::EventRecord},
    store::{
        client_secrets, consents,
        db::{Change, Db, WriteTx, statements},
        ending::{self, EndSessions, EndedSessions},
        error::{Result, StoreError},
        events, facts, keys, registrations,
    },
};

/// The name of the clients' version.
pub const VERSION: &str = "clients";

type ClientRow = (String, String, String, Instant, Option<Instant>);

statements! {
    INSERT: (ClientId, String, String, i64, Instant) => () =
        "INSERT INTO clients (id, name, settings, hears_logout, created_at) VALUES ($1, $2, $3, $4, $5)";
    REPLACE: (ClientId, String, String, i64) => () =
        "UPDATE clients SET name = $2, settings = $3, hears_logout = $4 WHERE id = $1 AND disabled_at IS NULL";
    /// Other settings in the place of those that were read: id, name, settings, hears logout, settings and name as read.
    SET: (ClientId, String, String, i64, String, String) => () =
        "UPDATE clients SET name = $2, settings = $3, hears_logout = $4
         WHERE id = $1 AND settings = $5 AND name = $6 AND disabled_at IS NULL";
    FIND_CLIENT: (ClientId,) => ClientRow =
        "SELECT id, name, settings, created_at, disabled_at FROM clients WHERE id = $1";
    ALL_CLIENTS: () => ClientRow =
        "SELECT id, name, settings, created_at, disabled_at FROM clients ORDER BY id";
    /// Nothing is opened, refreshed or redeemed for it any more.
    DISABLE: (ClientId, Instant) => () =
        "UPDATE clients SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL";
    DELETE: (ClientId,) => () =
        "DELETE FROM clients WHERE id = $1";
    /// Remembers that a client proved itself by its key: id, now, unless that is known since.
    pub USED: (ClientId, Instant, Instant) => (String,) =
        "UPDATE clients SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3) RETURNING id";
    /// Clients that did nothing after $1: neither a key nor a secret was used, nor a session of people.
    UNUSED: (Instant,) => (String, Option<Instant>) =
        "SELECT c.id, COALESCE(
           (SELECT MAX(s.last_used_at) FROM client_secrets s WHERE s.client_id = c.id), c.last_used_at)
         FROM clients c
         WHERE c.created_at <= $1 AND (c.last_used_at IS NULL OR c.last_used_at <= $1)
           AND NOT EXISTS (SELECT 1 FROM client_secrets s WHERE s.client_id = c.id AND s.last_used_at > $1)
           AND NOT EXISTS (SELECT 1 FROM device_sessions d WHERE d.client_id = c.id AND d.rotated_at > $1)
         ORDER BY c.id";
    /// Tokens of a client without a session are refused from now on: client, issued before, until, recorded at.
    pub(super) REVOKE: (Vec<u8>, Instant, Instant, Instant) => () =
        "INSERT INTO revocations (kind, id, issued_before, until, recorded_at) VALUES ('client', $1, $2, $3, $4)
         ON CONFLICT (kind, id) DO UPDATE SET issued_before = excluded.issued_before, until = excluded.until,
           recorded_at = excluded.recorded_at";
}

/// Every client, with the version that this reading is of (read before the rows: never newer than they are).
pub async fn all(db: &Db) -> Result<(i64, Vec<Client>)> {
    let version = facts::version(db, VERSION).await?;
    let rows = db.read_all(ALL_CLIENTS, ()).await?;
    Ok((version, rows.into_iter().map(read).collect::<Result<_>>()?))
}

fn read((id, name, settings, created_at, disabled_at): ClientRow) -> Result<Client> {
    Ok(Client {
        id: id.parse().map_err(|_| StoreError::corrupt("clients.id"))?,
        name: name.parse().map_err(|_| StoreError::corrupt("clients.name"))?,
        settings: serde_json::from_str(&settings).map_err(|_| StoreError::corrupt("clients.settings"))?,
        created_at,
        disabled_at,
    })
}

/// The clients that nobody has used since an instant, with their last use by a secret or key of their own.
pub async fn unused_since(db: &Db, since: Instant) -> Result<Vec<(ClientId, Option<Instant>)>> {
    let rows = db.read_all(UNUSED, (since,)).await?.into_iter();
    rows.map(|(id, at)| Ok((id.parse().map_err(|_| StoreError::corrupt("clients.id"))?, at)))
        .collect()
}

/// Registers a client. A taken id is a conflict.
#[derive(Debug)]
pub struct AddClient {
    /// The client.
    pub client: Client,
    /// The event.
    pub event: EventRecord,
    /// Its first secret, with the event of its making.
    pub secret: Option<(KeptSecret, EventRecord)>,
}

impl Change for AddClient {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        insert(tx, &self.client).await?;
        tx.run(facts::RAISE_VERSION, (VERSION,)).await?;
        events::record(tx, &self.event).await?;
        if let Some((secret, event)) = &self.secret {
            client_secrets::insert(tx, secret, event).await?;
        }
        Ok(())
    }
}

/// The row of a new client.
pub(super) async fn insert(tx: &mut WriteTx<'_>, client: &Client) -> Result<()> {
    let Client { id, name, .. } = client;
    let binds = (
        id.clone(),
        name.to_string(),
        settings_text(client)?,
        hears_logout(client),
        client.created_at,
    );
    tx.run(INSERT, binds).await.map(drop)
}

/// Other settings in the place of a client's. False when there is no such client any more.
pub(super) async fn replace(tx: &mut WriteTx<'_>, client: &Client) -> Result<bool> {
    let binds = (
        client.id.clone(),
        client.name.to_string(),
        settings_text(client)?,
        hears_logout(client),
    );
    Ok(tx.run(REPLACE, binds).await? > 0)
}

/// A client as it was read from its row.
#[derive(Debug)]
pub struct Found {
    /// The client.
    pub client: Client,
    /// Its settings to the letter.
    settings: String,
}

/// The client with this id, from its row.
pub async fn find(db: &Db, id: &ClientId) -> Result<Option<Found>> {
    let row = db.read(FIND_CLIENT, (id.clone(),)).await?;
    row.map(|row| {
        let settings = row.2.clone();
        read(row).map(|client| Found { client, settings })
    })
    .transpose()
}

/// Its operator gives a client other settings. A conflict when it, or its secrets, are not any more as they were found.
#[derive(Debug)]
pub struct SetClient {
    /// As it was.
    pub found: Found,
    /// As it is from now on.
    pub after: Client,
    /// The event.
    pub event: EventRecord,
    /// All of its secrets when it has none from now on, with the events of their removal.
    pub removed: Vec<(ClientSecretId, EventRecord)>,
}

impl Change for SetClient {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        let Self { found, after, .. } = self;
        // First: whoever makes it a secret at the same time waits for this, or this for them.
        tx.run(facts::RAISE_VERSION, (VERSION,)).await?;
        let binds = (
            after.id.clone(),
            after.name.to_string(),
            settings_text(after)?,
            hears_logout(after),
            found.settings.clone(),
            found.client.name.to_string(),
        );
        let changed = || StoreError::Conflict("the client was changed meanwhile".to_owned());
        if tx.run(SET, binds).await? == 0 {
            return Err(changed());
        }
        events::record(tx, &self.event).await?;
        for (secret, event) in &self.removed {
            if client_secrets::delete(tx, *secret, &after.id).await? {
                events::record(tx, event).await?;
            }
        }
        // A secret that nobody knows of would be good again when the client authenticates with one once more.
        if !after.settings.has_secret() && client_secrets::has_any(tx, &after.id).await? {
            return Err(changed());
        }
        tx.notify();
        Ok(())
    }
}

/// As a column of its own: an end asks it of many clients at once.
fn hears_logout(client: &Client) -> i64 {
    i64::from(client.settings.backchannel_logout_uri.is_some())
}

fn settings_text(client: &Client) -> Result<String> {
    serde_json::to_string(&client.settings).map_err(|_| StoreError::corrupt("clients.settings"))
}

/// The first step of a removal: the client may do nothing any more. Nothing changes when that is so already.
#[derive(Debug)]
pub struct DisableClient {
    /// Which.
    pub id: ClientId,
    /// When.
    pub now: Instant,
    /// Until when the tokens have to be refused that it got for itself, if it could, as far as is known before it is written.
    pub revoked_until: Option<Instant>,
    /// The event.
    pub event: EventRecord,
}

/// Until when its tokens are listed.
impl Change for DisableClient {
    type Out = Option<Instant>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Option<Instant>> {
        let mut until = self.revoked_until;
        if tx.run(DISABLE, (self.id.clone(), self.now)).await? > 0 {
            tx.run(facts::RAISE_VERSION, (VERSION,)).await?;
            if let Some(known) = self.revoked_until {
                let later = keys::revoked_until(tx, self.now, known).await?;
                until = Some(later);
                let id = self.id.as_str().as_bytes().to_vec();
                let issued_before = self.now.plus(ending::ISSUED_BEFORE);
                tx.run(REVOKE, (id, issued_before, later, self.now)).await?;
            }
            events::record(tx, &self.event).await?;
            tx.notify();
        }
        Ok(until)
    }
}

/// Removes a client with its consents, and ends its sessions. What ended; nothing when there was no such client.
#[derive(Debug)]
pub struct RemoveClient {
    /// Which.
    pub id: ClientId,
    /// The end of its sessions.
    pub end: EndSessions,
    /// The event.
    pub event: EventRecord,
}

impl Change for RemoveClient {
    type Out = Option<EndedSessions>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Option<EndedSessions>> {
        // The node first, then what hangs on it.
        if !delete(tx, &self.id).await? {
            return Ok(None);
        }
        let ended = ending::end(tx, &self.end).await?;
        events::record(tx, &self.event).await?;
        Ok(Some(ended))
    }
}

/// The rows of [`RemoveClient`]: the client and its consents. False when there was no such client.
pub(super) async fn delete(tx: &mut WriteTx<'_>, id: &ClientId) -> Result<bool> {
    if tx.run(DELETE, (id.clone(),)).await? == 0 {
        return Ok(false);
    }
    tx.run(consents::DELETE_OF_CLIENT, (id.clone(),)).await?;
    tx.run(client_secrets::DELETE_OF_CLIENT, (id.clone(),)).await?;
    tx.run(registrations::DELETE_OF_CLIENT, (id.clone(),)).await?;
    tx.run(facts::RAISE_VERSION, (VERSION,)).await?;
    Ok(true)
}
