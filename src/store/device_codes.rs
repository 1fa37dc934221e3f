//! Device authorizations under way (RFC 8628): one row each, until it is over. What a person allows becomes a `granted`
//! device session under the same id, which the device's next poll redeems as if its code were an authorization code.

use crate::{
    base::{
        digest::Digest,
        id::{ClientId, DeviceSessionId, UserId},
        time::Instant,
    },
    domain::device_code::{DeviceRequest, Waiting},
    store::{
        db::{Change, Db, WriteTx, statements},
        device_sessions::Allow,
        error::{Result, StoreError},
    },
};

statements! {
    /// A device begins, unless so many are under way already: id, code, the person's code, client, request, now, end,
    /// how many at most, how many of the client, whether it is unchecked, how many of all that are.
    INSERT: (DeviceSessionId, Digest, Digest, ClientId, String, Instant, Instant, i64, i64, i64, i64) => (DeviceSessionId,) =
        "INSERT INTO device_codes (id, code_digest, user_code, client_id, request, expires_at, unchecked)
         SELECT $1, $2, $3, $4, $5, $7, $10
         WHERE (SELECT COUNT(*) FROM (SELECT 1 FROM device_codes WHERE expires_at > $6 LIMIT $8) AS under_way) < $8
           AND (SELECT COUNT(*) FROM (SELECT 1 FROM device_codes WHERE client_id = $4 AND expires_at > $6 LIMIT $9) AS its_own) < $9
           AND ($10 = 0 OR (SELECT COUNT(*) FROM (SELECT 1 FROM device_codes WHERE unchecked <> 0 AND expires_at > $6 LIMIT $11) AS of_strangers) < $11)
         RETURNING id";
    /// What a person's code stands for while it may be decided: code, now.
    FIND: (Digest, Instant) => (DeviceSessionId, Digest, ClientId, String, Instant) =
        "SELECT id, code_digest, client_id, request, expires_at FROM device_codes
         WHERE user_code = $1 AND expires_at > $2 AND denied_at IS NULL";
    /// How far it came, for the device: id, code.
    POLL: (DeviceSessionId, Digest) => (ClientId, Instant, Option<Instant>, Option<String>) =
        "SELECT c.client_id, c.expires_at, c.denied_at, s.state
         FROM device_codes c LEFT JOIN device_sessions s ON s.id = c.id
         WHERE c.id = $1 AND c.code_digest = $2";
    /// The first person who allows it has it: id, person, now.
    APPROVE: (DeviceSessionId, UserId, Instant) => (DeviceSessionId,) =
        "UPDATE device_codes SET user_id = $2
         WHERE id = $1 AND expires_at > $3 AND denied_at IS NULL AND (user_id IS NULL OR user_id = $2)
         RETURNING id";
    /// Nobody may allow it any more, but who has: id, person, now.
    pub DENY: (DeviceSessionId, UserId, Instant) => (DeviceSessionId,) =
        "UPDATE device_codes SET denied_at = $3
         WHERE id = $1 AND denied_at IS NULL AND (user_id IS NULL OR user_id = $2)
         RETURNING id";
    /// Deletes what expired before an instant: so many at most. No row: none was left.
    pub DELETE_EXPIRED: (Instant, i64) => (DeviceSessionId,) =
        "DELETE FROM device_codes
         WHERE expires_at < $1 AND id IN (SELECT id FROM device_codes WHERE expires_at < $1 LIMIT $2)
         RETURNING id";
}

/// How many may be under way at once. Who asks for one has proved nothing, so what that costs is bounded.
pub const MANY: i64 = 10_000;
/// How many of one client, so that it keeps no other's out.
pub const MANY_OF_CLIENT: i64 = 1_000;
/// How many of all clients together that nobody has checked: anybody may make as many of those as there is room for.
pub const MANY_OF_UNCHECKED: i64 = 1_000;

/// A device authorization that begins.
#[derive(Debug)]
pub struct Begin<'a> {
    /// The session to be.
    pub id: DeviceSessionId,
    /// Digest of the device's code.
    pub code: Digest,
    /// Digest of the person's code.
    pub user_code: Digest,
    /// Which client.
    pub client: ClientId,
    /// Whether nobody has checked what that says of itself.
    pub unchecked: bool,
    /// What it asks for.
    pub request: &'a DeviceRequest,
    /// When.
    pub now: Instant,
    /// Until when it may be decided and redeemed.
    pub expires_at: Instant,
}

/// Begins; false when too many are under way. A person's code that another has is a conflict.
pub async fn begin(db: &Db, begin: Begin<'_>) -> Result<bool> {
    let request =
        serde_json::to_string(begin.request).map_err(|_| StoreError::corrupt("device_codes.request"))?;
    let binds = (
        begin.id,
        begin.code,
        begin.user_code,
        begin.client,
        request,
        begin.now,
        begin.expires_at,
        MANY,
        MANY_OF_CLIENT,
        i64::from(begin.unchecked),
        MANY_OF_UNCHECKED,
    );
    Ok(db.execute(INSERT, binds).await?.is_some())
}

/// What a person's code stands for.
pub async fn find(db: &Db, user_code: Digest, now: Instant) -> Result<Option<Waiting>> {
    let row = db.read(FIND, (user_code, now)).await?;
    row.map(|(session, code, client, request, expires_at)| {
        Ok(Waiting {
            session,
            code,
            client,
            request: serde_json::from_str(&request)
                .map_err(|_| StoreError::corrupt("device_codes.request"))?,
            expires_at,
        })
    })
    .transpose()
}

/// How far a device authorization came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Whose it is.
    pub client: ClientId,
    /// Until when it may be redeemed.
    pub expires_at: Instant,
    /// What became of it.
    pub answer: Answer,
}

/// What a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet.
    None,
    /// No.
    Denied,
    /// Yes: the session waits to be redeemed.
    Granted,
    /// It was redeemed, or ended before that.
    Over,
}

/// How far the authorization with this code came; nothing when there is none.
pub async fn poll(db: &Db, id: DeviceSessionId, code: Digest) -> Result<Option<Progress>> {
    let row = db.read(POLL, (id, code)).await?;
    Ok(row.map(|(client, expires_at, denied_at, state)| Progress {
        client,
        expires_at,
        answer: match (denied_at, state.as_deref()) {
            (Some(_), _) => Answer::Denied,
            (None, None) => Answer::None,
            (None, Some("granted")) => Answer::Granted,
            (None, Some(_)) => Answer::Over,
        },
    }))
}

/// The person allows the device: its authorization is theirs, and the `granted` row waits for its next poll. False when
/// it cannot be (any more).
#[derive(Debug)]
pub struct AllowDevice(pub Allow);

impl Change for AllowDevice {
    type Out = bool;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<bool> {
        let Self(allow) = self;
        let approved = tx.one(APPROVE, (allow.id, allow.user, allow.now)).await?;
        Ok(approved.is_some() && allow.apply(tx).await?)
    }
}
