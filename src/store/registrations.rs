//! Clients that registered themselves (RFC 7591), and the initial access tokens that let them in. Both are asked for only
//! when somebody registers or looks at a registration, so neither is held in memory.

use crate::{
    base::{
        digest::Digest,
        id::{ClientId, ClientSecretId, RegistrationTokenId},
        time::Instant,
    },
    domain::{
        client::Client, client_secret::KeptSecret, event::EventRecord, registration::KeptInitialAccessToken,
    },
    store::{
        client_secrets,
        clients::{self, VERSION},
        consents,
        db::{Change, Db, WriteTx, statements},
        error::{Result, StoreError},
        events, facts,
    },
};

type TokenRow = (
    RegistrationTokenId,
    Digest,
    Option<String>,
    Option<i64>,
    Instant,
    Option<Instant>,
);

statements! {
    /// A registration waits for its first person, unless so many do: client, digest of its token, what it said, until when,
    /// how many.
    INSERT_OPEN: (ClientId, Digest, String, Instant, i64) => () =
        "INSERT INTO registrations (client_id, digest, metadata, unused_until)
         SELECT $1, $2, $3, $4
         WHERE (SELECT COUNT(*) FROM (SELECT 1 FROM registrations WHERE unused_until IS NOT NULL LIMIT $5) AS waiting) < $5";
    /// A registration that somebody vouches for.
    INSERT_VOUCHED: (ClientId, Digest, RegistrationTokenId, String) => () =
        "INSERT INTO registrations (client_id, digest, token_id, metadata) VALUES ($1, $2, $3, $4)";
    /// A registration: digest of its token, who let it in, what it said.
    FIND: (ClientId,) => (Digest, Option<RegistrationTokenId>, String) =
        "SELECT digest, token_id, metadata FROM registrations WHERE client_id = $1";
    /// Other words in the place of what a client said.
    REPLACE: (ClientId, Digest, String) => () =
        "UPDATE registrations SET metadata = $3 WHERE client_id = $1 AND digest = $2";
    /// Forgets the registration of a client that is removed.
    pub(super) DELETE_OF_CLIENT: (ClientId,) => () =
        "DELETE FROM registrations WHERE client_id = $1";
    /// Those that people have come to by now wait no more. What proves it is a session that a person allowed: a secret
    /// is used by whoever registered.
    pub KEEP_USED: () => (ClientId,) =
        "UPDATE registrations SET unused_until = NULL
         WHERE unused_until IS NOT NULL
           AND EXISTS (SELECT 1 FROM device_sessions d WHERE d.client_id = registrations.client_id)
         RETURNING client_id";
    /// Those that waited in vain until an instant, so many at most.
    pub UNUSED_SINCE: (Instant, i64) => (ClientId,) =
        "SELECT client_id FROM registrations WHERE unused_until <= $1 ORDER BY unused_until LIMIT $2";

    /// A new initial access token.
    INSERT_TOKEN: (RegistrationTokenId, Digest, Option<String>, Option<i64>, Instant, Option<Instant>) => () =
        "INSERT INTO registration_tokens (id, digest, scope, uses_left, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)";
    /// Every initial access token.
    ALL_TOKENS: () => TokenRow =
        "SELECT id, digest, scope, uses_left, created_at, expires_at FROM registration_tokens ORDER BY id";
    /// One that is good: digest, now.
    FIND_TOKEN: (Digest, Instant) => TokenRow =
        "SELECT id, digest, scope, uses_left, created_at, expires_at FROM registration_tokens
         WHERE digest = $1 AND (expires_at IS NULL OR expires_at > $2) AND (uses_left IS NULL OR uses_left > 0)";
    /// One use of it, if it is good still.
    USE_TOKEN: (RegistrationTokenId, Instant) => () =
        "UPDATE registration_tokens SET uses_left = uses_left - 1
         WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2) AND (uses_left IS NULL OR uses_left > 0)";
    /// It is not good any more.
    pub(super) DELETE_TOKEN: (RegistrationTokenId,) => () =
        "DELETE FROM registration_tokens WHERE id = $1";
    /// Deletes those that ended before an instant, so many at most. No row: none was left.
    pub DELETE_PAST_TOKENS: (Instant, i64) => (RegistrationTokenId,) =
        "DELETE FROM registration_tokens
         WHERE expires_at < $1 AND id IN (SELECT id FROM registration_tokens WHERE expires_at < $1 LIMIT $2)
         RETURNING id";
}

/// A client's registration.
#[derive(Debug)]
pub struct Registration {
    /// Digest of its registration access token.
    pub digest: Digest,
    /// Who let it in; nothing for open registration.
    pub token: Option<RegistrationTokenId>,
    /// What it said besides its settings, as JSON.
    pub metadata: String,
}

/// The registration of a client, if it registered itself.
pub async fn find(db: &Db, client: ClientId) -> Result<Option<Registration>> {
    let row = db.read(FIND, (client,)).await?;
    Ok(row.map(|(digest, token, metadata)| Registration {
        digest,
        token,
        metadata,
    }))
}

/// The initial access token with this digest, if it is good.
pub async fn find_token(db: &Db, digest: Digest, now: Instant) -> Result<Option<KeptInitialAccessToken>> {
    let row = db.read(FIND_TOKEN, (digest, now)).await?;
    row.map(read).transpose()
}

/// Every initial access token, oldest first.
pub async fn tokens(db: &Db) -> Result<Vec<KeptInitialAccessToken>> {
    let rows = db.read_all(ALL_TOKENS, ()).await?;
    rows.into_iter().map(read).collect()
}

fn read((id, digest, scope, uses_left, created_at, expires_at): TokenRow) -> Result<KeptInitialAccessToken> {
    let scope = scope.map(|text| text.parse()).transpose();
    Ok(KeptInitialAccessToken {
        id,
        digest,
        scope: scope.map_err(|_| StoreError::corrupt("registration_tokens.scope"))?,
        uses_left,
        created_at,
        expires_at,
    })
}

/// Whose word a registration has.
#[derive(Debug, Clone, Copy)]
pub enum Admission {
    /// Nobody's: until when it waits for its first person, and how many may wait.
    Open {
        /// Until when.
        until: Instant,
        /// How many.
        most: i64,
    },
    /// That of who gave out this initial access token.
    Token(RegistrationTokenId),
}

/// A client registers itself.
#[derive(Debug)]
pub struct Register {
    /// The client.
    pub client: Client,
    /// Its first secret, with the event of its making.
    pub secret: Option<(KeptSecret, EventRecord)>,
    /// Digest of its registration access token.
    pub digest: Digest,
    /// What it said besides its settings.
    pub metadata: String,
    /// Whose word it has.
    pub admission: Admission,
    /// The event.
    pub event: EventRecord,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// It is there.
    Done,
    /// Its initial access token was used up, or ended, a moment ago.
    TokenSpent,
    /// As many wait for their first person as may.
    TooMany,
}

impl Change for Register {
    type Out = Registered;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Registered> {
        let (id, now) = (self.client.id.clone(), self.client.created_at);
        if let Admission::Token(token) = self.admission
            && tx.run(USE_TOKEN, (token, now)).await? == 0
        {
            return Ok(Registered::TokenSpent);
        }
        // Before anything is counted: whoever changes clients at the same time waits for this, and counts what is there then.
        tx.run(facts::RAISE_VERSION, (VERSION,)).await?;
        match self.admission {
            Admission::Open { until, most } => {
                let binds = (id, self.digest, self.metadata.clone(), until, most);
                if tx.run(INSERT_OPEN, binds).await? == 0 {
                    return Ok(Registered::TooMany);
                }
            }
            Admission::Token(token) => {
                let binds = (id, self.digest, token, self.metadata.clone());
                tx.run(INSERT_VOUCHED, binds).await?;
            }
        }
        clients::insert(tx, &self.client).await?;
        events::record(tx, &self.event).await?;
        if let Some((secret, event)) = &self.secret {
            client_secrets::insert(tx, secret, event).await?;
        }
        tx.notify();
        Ok(Registered::Done)
    }
}

/// A client replaces its registration.
#[derive(Debug)]
pub struct Update {
    /// The client as it is from now on.
    pub client: Client,
    /// Digest of its registration access token.
    pub digest: Digest,
    /// What it said besides its settings.
    pub metadata: String,
    /// A secret that it needs from now on, with the event of its making.
    pub secret: Option<(KeptSecret, EventRecord)>,
    /// Whether people are asked again.
    pub forgets_consents: bool,
    /// Secrets that it needs no more.
    pub removed: Vec<(ClientSecretId, EventRecord)>,
    /// The event.
    pub event: EventRecord,
}

impl Change for Update {
    type Out = bool;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<bool> {
        if !clients::replace(tx, &self.client).await? {
            return Ok(false);
        }
        let id = &self.client.id;
        let binds = (id.clone(), self.digest, self.metadata.clone());
        if tx.run(REPLACE, binds).await? == 0 {
            return Err(StoreError::Conflict("the registration is gone".to_owned()));
        }
        tx.run(facts::RAISE_VERSION, (VERSION,)).await?;
        if self.forgets_consents {
            tx.run(consents::DELETE_OF_CLIENT, (id.clone(),)).await?;
        }
        for (secret, event) in &self.removed {
            if client_secrets::delete(tx, *secret, id).await? {
                events::record(tx, event).await?;
            }
        }
        if let Some((secret, event)) = &self.secret {
            client_secrets::insert(tx, secret, event).await?;
        }
        events::record(tx, &self.event).await?;
        tx.notify();
        Ok(true)
    }
}

/// An initial access token begins to be good.
#[derive(Debug)]
pub struct AddToken {
    /// The token.
    pub token: KeptInitialAccessToken,
    /// The event.
    pub event: EventRecord,
}

impl Change for AddToken {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        let token = &self.token;
        let scope = token.scope.as_ref().map(ToString::to_string);
        let binds = (
            token.id,
            token.digest,
            scope,
            token.uses_left,
            token.created_at,
            token.expires_at,
        );
        tx.run(INSERT_TOKEN, binds).await?;
        events::record(tx, &self.event).await
    }
}

/// An initial access token ends at once. False when there was none with this name.
#[derive(Debug)]
pub struct RemoveToken {
    /// Which.
    pub id: RegistrationTokenId,
    /// The event.
    pub event: EventRecord,
}

impl Change for RemoveToken {
    type Out = bool;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<bool> {
        if tx.run(DELETE_TOKEN, (self.id,)).await? == 0 {
            return Ok(false);
        }
        events::record(tx, &self.event).await?;
        Ok(true)
    }
}
