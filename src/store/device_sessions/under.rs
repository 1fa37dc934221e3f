//! Sessions that hang under another: an app signed in by one of the same maker on the same device (Native SSO).

use crate::{
    base::{
        digest::Digest,
        id::{ClientId, DeviceSessionId, EventId, UserId},
        text::AppVersion,
        time::Instant,
    },
    domain::{binding::Thumbprint, device_session::Grant, scope::ScopeSet},
    store::{
        consents::{self, NewConsent},
        db::{Change, WriteTx, statements},
        device_sessions::{Opening, Redeemed},
        error::{Result, StoreError},
    },
};

statements! {
    /// A session that is active at once, under one that lives: its end is that one's at the latest. Reads the live rows that
    /// it hangs on, so an end either sees it or makes it find nothing; the person and the apps first, as those that disable
    /// them write them first. id, parent, user, client, the parent's client, now, handle, key, grant, a code that nobody has,
    /// end, the parent used since, the device secret, the consent that must still stand if one is needed, the app's version,
    /// the address.
    OPEN_UNDER: (DeviceSessionId, DeviceSessionId, UserId, ClientId, ClientId, Instant, Digest, Option<Thumbprint>, String,
                 Digest, Instant, Instant, Digest, Option<String>, Option<String>, Option<String>) => Redeemed =
        "INSERT INTO device_sessions
           (id, user_id, client_id, parent_id, life, state, generation, rotated_at, retries, handle_digest, jkt, grant_json,
            code_digest, code_expires_at, redirect_uri, challenge, device, granted_at, activated_at, expires_at,
            app_version, address)
         SELECT $1, u.id, c.id, p.id, 'own', 'active', 1, $6, 0, $7, $8, $9, $10, $6, '', $10, p.device, $6, $6,
           CASE WHEN p.expires_at < $11 THEN p.expires_at ELSE $11 END, $15, $16
         FROM users u
         JOIN clients c ON c.id = $4
         JOIN clients f ON f.id = $5
         JOIN device_sessions p ON p.id = $2
         WHERE u.id = $3 AND u.disabled_at IS NULL AND c.disabled_at IS NULL AND f.disabled_at IS NULL
           AND p.user_id = $3 AND p.client_id = $5 AND p.state = 'active' AND p.expires_at > $6 AND p.rotated_at > $12
           AND p.device_secret = $13
           AND ($14 IS NULL OR EXISTS (
             SELECT 1 FROM consents k WHERE k.user_id = $3 AND k.client_id = $4 AND k.scope = $14 "
        { sqlite: "", postgres: "FOR SHARE" }
        ")) "
        { sqlite: "", postgres: "FOR SHARE" }
        " RETURNING user_id, grant_json, jkt, device";
}

/// What lets an app in without asking.
#[derive(Debug)]
pub enum Allowed {
    /// The person has allowed it this, and still does.
    Remembered(ScopeSet),
    /// It is the operator's own; what is new of it is remembered all the same.
    Always(Option<Box<NewConsent>>),
}

/// Opens a session under another. Nothing when what it hangs on does not live any more.
#[derive(Debug)]
pub struct OpenUnder {
    /// The new session.
    pub id: DeviceSessionId,
    /// The one that it hangs under.
    pub parent: DeviceSessionId,
    /// Whose.
    pub user: UserId,
    /// Which app's.
    pub client: ClientId,
    /// Which app's the other one is.
    pub parent_client: ClientId,
    /// Since when that one must have been used.
    pub idle_since: Instant,
    /// Digest of the device secret.
    pub secret: Digest,
    /// What the app may do.
    pub grant: Grant,
    /// Why nobody is asked.
    pub allowed: Allowed,
    /// The key that the app proved.
    pub key: Option<Thumbprint>,
    /// Digest of the handle.
    pub handle: Digest,
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

impl Change for OpenUnder {
    type Out = Option<Redeemed>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Option<Redeemed>> {
        let grant = serde_json::to_string(&self.grant)
            .map_err(|_| StoreError::corrupt("device_sessions.grant_json"))?;
        let (consent, remembered) = match &self.allowed {
            Allowed::Remembered(scope) => (None, Some(scope.to_string())),
            Allowed::Always(consent) => (consent.as_deref(), None),
        };
        let binds = (
            self.id,
            self.parent,
            self.user,
            self.client.clone(),
            self.parent_client.clone(),
            self.now,
            self.handle,
            self.key,
            grant,
            Digest::zero(),
            self.expires_at,
            self.idle_since,
            self.secret,
            remembered,
            self.app_version.as_ref().map(ToString::to_string),
            self.address.clone(),
        );
        let Some(opened) = tx.one(OPEN_UNDER, binds).await? else {
            return Ok(None);
        };
        if let Some(consent) = consent {
            consents::remember(tx, self.user, &self.client, consent, self.now).await?;
        }
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
