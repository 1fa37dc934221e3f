//! Sessions that somebody else's assertion opens (RFC 7523 section 2.1).

use crate::{
    base::{
        digest::Digest,
        id::{ClientId, DeviceSessionId, EventId, UserId},
        text::AppVersion,
        time::Instant,
    },
    domain::device_session::Grant,
    store::{
        db::{Change, WriteTx, statements},
        device_sessions::{Opening, Redeemed},
        error::{Result, StoreError},
        used_assertions,
    },
};

statements! {
    /// A session that is active at once. Reads the live rows that it hangs on, so an end of the person or the app makes it
    /// find nothing. id, user, client, now, handle, grant, a code that nobody has, what it is shown as, end,
    /// the app's version, the address.
    OPEN_ASSERTED: (DeviceSessionId, UserId, ClientId, Instant, Digest, String, Digest, String, Instant, Option<String>,
                    Option<String>) => Redeemed =
        "INSERT INTO device_sessions
           (id, user_id, client_id, life, state, generation, rotated_at, retries, handle_digest, grant_json, code_digest,
            code_expires_at, redirect_uri, challenge, device, granted_at, activated_at, expires_at, app_version, address)
         SELECT $1, u.id, c.id, 'own', 'active', 1, $4, 0, $5, $6, $7, $4, '', $7, $8, $4, $4, $9, $10, $11
         FROM users u JOIN clients c ON c.id = $3
         WHERE u.id = $2 AND u.disabled_at IS NULL AND c.disabled_at IS NULL "
        { sqlite: "", postgres: "FOR SHARE" }
        " RETURNING user_id, grant_json, jkt, device";
}

/// Opens a session by an assertion, which is used up by it. Nothing when it was used before, or when the person or the app
/// is disabled.
#[derive(Debug)]
pub struct OpenAsserted {
    /// The new session.
    pub id: DeviceSessionId,
    /// Whose.
    pub user: UserId,
    /// Which app's.
    pub client: ClientId,
    /// What the app may do.
    pub grant: Grant,
    /// Digest of the handle.
    pub handle: Digest,
    /// What people see of it.
    pub device: String,
    /// Whose assertion it is and which.
    pub assertion: Digest,
    /// Until when that has to be remembered.
    pub remembered_until: Instant,
    /// When.
    pub now: Instant,
    /// When it ends at the latest.
    pub expires_at: Instant,
    /// The id of the event that tells of it.
    pub event: EventId,
    /// Where the request came from.
    pub address: Option<String>,
    /// Which version the app says that it is.
    pub app_version: Option<AppVersion>,
}

impl Change for OpenAsserted {
    type Out = Option<Redeemed>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Option<Redeemed>> {
        let grant = serde_json::to_string(&self.grant)
            .map_err(|_| StoreError::corrupt("device_sessions.grant_json"))?;
        let used = (self.assertion, self.remembered_until);
        if tx.one(used_assertions::USE, used).await?.is_none() {
            return Ok(None);
        }
        let binds = (
            self.id,
            self.user,
            self.client.clone(),
            self.now,
            self.handle,
            grant,
            Digest::zero(),
            self.device.clone(),
            self.expires_at,
            self.app_version.as_ref().map(ToString::to_string),
            self.address.clone(),
        );
        let Some(opened) = tx.one(OPEN_ASSERTED, binds).await? else {
            return Ok(None);
        };
        let opening = Opening {
            event: self.event,
            at: self.now,
            session: self.id,
            client: &self.client,
            address: self.address.as_deref(),
        };
        opening.record(tx, &opened, self.grant.scope.clone()).await?;
        Ok(Some(opened))
    }
}
