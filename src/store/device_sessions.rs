//! Device sessions: one row for the whole life of a refresh token family. Refreshes never add a row.

use sqlx::FromRow;

use crate::{
    base::{
        digest::Digest,
        id::{BrowserSessionId, ClientId, DeviceSessionId, EventId, UserId},
        text::AppVersion,
        time::Instant,
    },
    domain::{
        binding::{Binding, Thumbprint},
        claims::Person,
        device_session::{DeviceSession, Grant, Life, State},
        event::{Event, EventRecord, Subject},
        refresh_token::Generation,
        scope::ScopeSet,
    },
    store::{
        consents::{self, NewConsent},
        db::{Change, Db, WriteTx, statements},
        error::{Result, StoreError},
        events, users,
    },
};

pub mod asserted;
pub mod list;
pub mod over;
pub mod under;

/// What a rotation or a redemption gives back: all that the new tokens say.
#[derive(Debug, FromRow)]
pub struct Redeemed {
    /// Whose session.
    pub user_id: UserId,
    grant_json: String,
    /// The key that the session is bound to.
    pub jkt: Option<Thumbprint>,
    /// What the browser said it is, when the person allowed the app.
    pub device: String,
    /// The person, where the ID token of this redemption tells of them.
    #[sqlx(skip)]
    pub person: Option<Person>,
}

impl Redeemed {
    /// What the person allowed.
    pub fn grant(&self) -> Result<Grant> {
        serde_json::from_str(&self.grant_json).map_err(|_| StoreError::corrupt("device_sessions.grant_json"))
    }
}

/// Since when a session must have been used. A type, since a statement's values go by their places.
#[derive(Debug, Clone, Copy, sqlx::Type)]
#[sqlx(transparent)]
pub struct UsedSince(pub Instant);

/// Since when a session must have been rotated, so that a lost refresh of a bearer may be repeated.
#[derive(Debug, Clone, Copy, sqlx::Type)]
#[sqlx(transparent)]
pub struct RepeatSince(pub Instant);

statements! {
    /// Allow: writes the `granted` row, or gives its code a new minute. Reads the live rows that it hangs on, so an
    /// end either sees it or makes it find nothing. The last value is the origin, which a device does not have.
    GRANT: (DeviceSessionId, UserId, ClientId, BrowserSessionId, &'static str, String, Option<Thumbprint>, Digest,
            Instant, String, Digest, String, Instant, Instant, Option<Digest>, Option<BrowserSessionId>)
            => (DeviceSessionId,) =
        "INSERT INTO device_sessions
           (id, user_id, client_id, browser_session_id, life, state, generation, rotated_at, retries, grant_json, jkt,
            code_digest, code_expires_at, redirect_uri, challenge, device, granted_at, expires_at, pushed_request)
         SELECT $1, u.id, c.id, $16, $5, 'granted', 0, $13, 0, $6, $7, $8, $9, $10, $11, $12, $13,
           CASE WHEN $5 = 'with_browser' AND b.expires_at < $14 THEN b.expires_at ELSE $14 END, $15
         FROM browser_sessions b
         JOIN users u ON u.id = b.user_id
         JOIN clients c ON c.id = $3
         WHERE b.id = $4 AND b.user_id = $2 AND b.ended_at IS NULL AND b.expires_at > $13
           AND u.disabled_at IS NULL AND c.disabled_at IS NULL "
        { sqlite: "", postgres: "FOR SHARE" }
        " ON CONFLICT (id) DO UPDATE SET code_expires_at = excluded.code_expires_at
         WHERE device_sessions.state = 'granted' AND device_sessions.user_id = excluded.user_id
           AND device_sessions.client_id = excluded.client_id
           AND device_sessions.browser_session_id IS NOT DISTINCT FROM excluded.browser_session_id
         RETURNING id";
    /// `granted > active`: the conditions are all the checks of a code. id, code, client, redirect URI, challenge,
    /// key, handle, now, the key that binds what follows, the device secret, the app's version, the address.
    REDEEM: (DeviceSessionId, Digest, ClientId, Option<String>, Digest, Option<Thumbprint>, Digest, Instant,
             Option<Thumbprint>, Option<Digest>, Option<String>, Option<String>) => Redeemed =
        "UPDATE device_sessions
         SET state = 'active', generation = 1, rotated_at = $8, activated_at = $8, handle_digest = $7,
           jkt = $9, device_secret = $10, app_version = $11, address = $12
         WHERE id = $1 AND state = 'granted' AND code_digest = $2 AND client_id = $3
           AND redirect_uri = COALESCE($4, redirect_uri) AND challenge = $5 AND code_expires_at > $8 AND expires_at > $8
           AND (jkt IS NULL OR jkt = $6)
         RETURNING user_id, grant_json, jkt, device";
    /// The rotation and the repeat of a lost one, in one statement: the newest generation moves on, its predecessor
    /// gives the same successor again. id, handle, client, generation, key, now, used since, repeat since, the app's
    /// version, the address.
    pub ROTATE: (DeviceSessionId, Digest, ClientId, i64, Option<Thumbprint>, Instant, UsedSince, RepeatSince,
                 Option<String>, Option<String>) => Redeemed =
        "UPDATE device_sessions
         SET generation = $4 + 1,
           rotated_at = CASE WHEN generation = $4 THEN $6 ELSE rotated_at END,
           retries = CASE WHEN generation = $4 THEN retries ELSE retries + 1 END,
           app_version = COALESCE($9, app_version), address = COALESCE($10, address)
         WHERE id = $1 AND state = 'active' AND handle_digest = $2 AND client_id = $3
           AND expires_at > $6 AND rotated_at > $7
           AND (jkt IS NULL OR jkt = $5)
           AND (generation = $4 OR (generation = $4 + 1 AND (jkt IS NOT NULL OR rotated_at >= $8)))
         RETURNING user_id, grant_json, jkt, device";
    /// A refresh token that stays, of a session that was used lately: any generation that was issued, and nothing is
    /// written. id, handle, client, generation, now, used since.
    pub STAY: (DeviceSessionId, Digest, ClientId, i64, Instant, UsedSince) => Redeemed =
        "SELECT user_id, grant_json, jkt, device FROM device_sessions
         WHERE id = $1 AND state = 'active' AND handle_digest = $2 AND client_id = $3 AND generation >= $4
           AND expires_at > $5 AND rotated_at > $6";
    /// The same for one that was not used lately, which is written: id, handle, client, generation, now, used since, the
    /// app's version, the address.
    pub STAY_AND_TOUCH: (DeviceSessionId, Digest, ClientId, i64, Instant, UsedSince, Option<String>, Option<String>)
            => Redeemed =
        "UPDATE device_sessions
         SET rotated_at = $5, app_version = COALESCE($7, app_version), address = COALESCE($8, address)
         WHERE id = $1 AND state = 'active' AND handle_digest = $2 AND client_id = $3 AND generation >= $4
           AND expires_at > $5 AND rotated_at > $6
         RETURNING user_id, grant_json, jkt, device";
    /// The row is older than the world: it goes on from the token. id, the row's generation, the token's, now.
    FAST_FORWARD: (DeviceSessionId, i64, i64, Instant) => Redeemed =
        "UPDATE device_sessions SET generation = $3 + 1, rotated_at = $4
         WHERE id = $1 AND state = 'active' AND generation = $2
         RETURNING user_id, grant_json, jkt, device";
    FIND: (DeviceSessionId,) => SessionRow =
        "SELECT id, user_id, client_id, browser_session_id, life, state, generation, rotated_at, handle_digest, jkt,
           grant_json, code_digest, code_expires_at, redirect_uri, challenge, expires_at, ended_at, device_secret
         FROM device_sessions WHERE id = $1";
    /// The live session of an access token with its person, unless the token itself was revoked: session, jti, now.
    FIND_LIVE_USER: (DeviceSessionId, Vec<u8>, Instant) => (UserId, String, Option<String>, Instant, String) =
        "SELECT u.id, u.email, u.name, u.updated_at, d.grant_json
         FROM device_sessions d JOIN users u ON u.id = d.user_id
         WHERE d.id = $1 AND d.state = 'active' AND d.expires_at > $3 AND u.disabled_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM revocations r WHERE r.kind = 'token' AND r.id = $2)";
}

#[derive(FromRow)]
struct SessionRow {
    id: DeviceSessionId,
    user_id: UserId,
    client_id: ClientId,
    browser_session_id: Option<BrowserSessionId>,
    life: String,
    state: String,
    generation: i64,
    rotated_at: Instant,
    handle_digest: Option<Digest>,
    jkt: Option<Thumbprint>,
    grant_json: String,
    code_digest: Digest,
    code_expires_at: Instant,
    redirect_uri: String,
    challenge: Digest,
    expires_at: Instant,
    ended_at: Option<Instant>,
    device_secret: Option<Digest>,
}

/// A session with what its code was issued for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The session.
    pub session: DeviceSession,
    /// What the person allowed.
    pub grant: Grant,
    /// Digest of the code's secret.
    pub code: Digest,
    /// When the code expires, whatever became of it.
    pub code_expires_at: Instant,
    /// The redirect URI that the code was sent to.
    pub redirect_uri: String,
    /// What the verifier has to answer.
    pub challenge: Digest,
    /// Digest of the secret by which other apps sign in.
    pub device_secret: Option<Digest>,
}

impl Found {
    /// Whether a refresh token with this handle was issued for the session.
    pub fn has_handle(&self, handle: Digest) -> bool {
        matches!(self.session.state, State::Active { handle: own, .. } if own == handle)
    }
}

impl SessionRow {
    fn read(self) -> Result<Found> {
        let state = match (self.state.as_str(), self.handle_digest, self.ended_at) {
            ("granted", None, None) => State::Granted {
                code_expires_at: self.code_expires_at,
            },
            ("active", Some(handle), None) => {
                let generation = Generation::from_i64(self.generation);
                State::Active {
                    handle,
                    generation,
                    rotated_at: self.rotated_at,
                }
            }
            ("ended", _, Some(at)) => State::Ended { at },
            _ => return Err(StoreError::corrupt("device_sessions.state")),
        };
        let life = Life::parse(&self.life).ok_or_else(|| StoreError::corrupt("device_sessions.life"))?;
        let session = DeviceSession {
            id: self.id,
            user: self.user_id,
            client: self.client_id,
            origin: self.browser_session_id,
            life,
            binding: Binding::from_column(self.jkt),
            expires_at: self.expires_at,
            state,
        };
        let grant = serde_json::from_str(&self.grant_json);
        Ok(Found {
            session,
            grant: grant.map_err(|_| StoreError::corrupt("device_sessions.grant_json"))?,
            code: self.code_digest,
            code_expires_at: self.code_expires_at,
            redirect_uri: self.redirect_uri,
            challenge: self.challenge,
            device_secret: self.device_secret,
        })
    }
}

/// A session, whatever its state.
pub async fn find(db: &Db, id: DeviceSessionId) -> Result<Option<Found>> {
    db.read(FIND, (id,)).await?.map(SessionRow::read).transpose()
}

/// A person whose session lives, and what they allowed in it.
#[derive(Debug)]
pub struct LiveUser {
    /// The `sub`.
    pub id: UserId,
    /// What is known of them.
    pub person: Person,
    /// What they allowed.
    pub grant: Grant,
}

/// The person of an access token; nothing when its session does not live, or the token was revoked by itself.
pub async fn find_live_user(
    db: &Db,
    session: DeviceSessionId,
    jti: Vec<u8>,
    now: Instant,
) -> Result<Option<LiveUser>> {
    let row = db.read(FIND_LIVE_USER, (session, jti, now)).await?;
    let Some((id, email, name, updated_at, grant)) = row else {
        return Ok(None);
    };
    let grant = serde_json::from_str(&grant);
    Ok(Some(LiveUser {
        id,
        person: Person {
            email,
            name,
            updated_at,
        },
        grant: grant.map_err(|_| StoreError::corrupt("device_sessions.grant_json"))?,
    }))
}

/// The person allowed the app: the `granted` row, and the consent when it is new. False when the row cannot be
/// (any more): it was redeemed or ended, or what it hangs on has ended.
#[derive(Debug)]
pub struct Allow {
    /// The session's id, drawn when the request was sealed for this person.
    pub id: DeviceSessionId,
    /// Who allows.
    pub user: UserId,
    /// Which app.
    pub client: ClientId,
    /// In which browser session.
    pub browser_session: BrowserSessionId,
    /// The same, when the app is opened from there; nothing for a device, which is only allowed there.
    pub origin: Option<BrowserSessionId>,
    /// Whether it outlives that.
    pub life: Life,
    /// What is allowed.
    pub grant: Grant,
    /// The key that the request named.
    pub key: Option<Thumbprint>,
    /// Digest of the code's secret.
    pub code: Digest,
    /// Until when the code may be redeemed.
    pub code_expires_at: Instant,
    /// Where the code goes.
    pub redirect_uri: String,
    /// What the verifier has to answer.
    pub challenge: Digest,
    /// What the browser says it is.
    pub device: String,
    /// When.
    pub now: Instant,
    /// When the session ends at the latest.
    pub expires_at: Instant,
    /// What the app is allowed from now on, when that is new.
    pub consent: Option<NewConsent>,
    /// Digest of the `request_uri` (RFC 9126); another session that has it is a conflict.
    pub pushed_request: Option<Digest>,
}

impl Change for Allow {
    type Out = bool;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<bool> {
        let grant = serde_json::to_string(&self.grant)
            .map_err(|_| StoreError::corrupt("device_sessions.grant_json"))?;
        let binds = (
            self.id,
            self.user,
            self.client.clone(),
            self.browser_session,
            self.life.as_str(),
            grant,
            self.key,
            self.code,
            self.code_expires_at,
            self.redirect_uri.clone(),
            self.challenge,
            self.device.clone(),
            self.now,
            self.expires_at,
            self.pushed_request,
            self.origin,
        );
        if tx.one(GRANT, binds).await?.is_none() {
            return Ok(false);
        }
        if let Some(consent) = &self.consent {
            consents::remember(tx, self.user, &self.client, consent, self.now).await?;
        }
        Ok(true)
    }
}

/// The app redeems its code. Nothing when a check fails: then the row is read to tell why.
#[derive(Debug)]
pub struct RedeemCode {
    /// The session that the code names.
    pub id: DeviceSessionId,
    /// Digest of the code's secret.
    pub code: Digest,
    /// The authenticated client.
    pub client: ClientId,
    /// The redirect URI that it says the code came to; OAuth 2.1 does not ask for it.
    pub redirect_uri: Option<String>,
    /// The challenge of its verifier.
    pub challenge: Digest,
    /// The key that it proved: the one that the request named, if it named one.
    pub key: Option<Thumbprint>,
    /// The same for a public client, whose refresh tokens are bound to it; nothing for one that authenticates
    /// (RFC 9449 section 5).
    pub binds: Option<Thumbprint>,
    /// Digest of the new handle.
    pub handle: Digest,
    /// Digest of the secret by which other apps sign in, where the app may let them in.
    pub device_secret: Option<Digest>,
    /// When.
    pub now: Instant,
    /// The id of the event that tells of it.
    pub event: EventId,
    /// Where the request came from.
    pub address: Option<String>,
    /// Which version the app says that it is.
    pub app_version: Option<AppVersion>,
}

impl Change for RedeemCode {
    type Out = Option<Redeemed>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Option<Redeemed>> {
        let (client, redirect_uri) = (self.client.clone(), self.redirect_uri.clone());
        let binds = (
            self.id,
            self.code,
            client,
            redirect_uri,
            self.challenge,
            self.key,
            self.handle,
            self.now,
            self.binds,
            self.device_secret,
            self.app_version.as_ref().map(ToString::to_string),
            self.address.clone(),
        );
        let Some(mut redeemed) = tx.one(REDEEM, binds).await? else {
            return Ok(None);
        };
        let grant = redeemed.grant()?;
        if grant.claims.want_person_in_id_token() {
            redeemed.person = users::person(tx, redeemed.user_id).await?;
        }
        let opening = Opening {
            event: self.event,
            at: self.now,
            session: self.id,
            client: &self.client,
            address: self.address.as_deref(),
        };
        opening.record(tx, &redeemed, grant.scope).await?;
        Ok(Some(redeemed))
    }
}

/// A row that is older than the world goes on from the token that proves it. Nothing when the row moved meanwhile.
#[derive(Debug)]
pub struct FastForward {
    /// Which.
    pub id: DeviceSessionId,
    /// The generation that was read in the row.
    pub row: Generation,
    /// The generation that was presented.
    pub presented: Generation,
    /// When.
    pub now: Instant,
    /// The event.
    pub event: EventRecord,
}

impl Change for FastForward {
    type Out = Option<Redeemed>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Option<Redeemed>> {
        let binds = (self.id, self.row.to_i64(), self.presented.to_i64(), self.now);
        let Some(redeemed) = tx.one(FAST_FORWARD, binds).await? else {
            return Ok(None);
        };
        events::record(tx, &self.event).await?;
        Ok(Some(redeemed))
    }
}

/// A session that begins, in whatever way.
struct Opening<'a> {
    /// The id of the event that tells of it.
    event: EventId,
    at: Instant,
    session: DeviceSessionId,
    client: &'a ClientId,
    /// Where the request came from.
    address: Option<&'a str>,
}

impl Opening<'_> {
    /// Writes the event.
    async fn record(&self, tx: &mut WriteTx<'_>, opened: &Redeemed, scope: ScopeSet) -> Result<()> {
        let record = EventRecord {
            id: self.event,
            at: self.at,
            subject: Subject {
                user: Some(opened.user_id),
                client: Some(self.client.clone()),
                session: Some(self.session),
                address: self.address.map(str::to_owned),
            },
            actor: None,
            event: Event::SessionOpened {
                scope,
                device: opened.device.clone(),
            },
        };
        events::record(tx, &record).await
    }
}
