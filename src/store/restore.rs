//! What a backup has lost is written again: the event as it was, and what it ended.

use crate::{
    base::{
        id::{ClientId, ClientSecretId, DeviceSessionId, RegistrationTokenId, UserId},
        time::Instant,
    },
    domain::{
        ending::{Ending, Reason},
        event::EventLine,
        role::Role,
    },
    store::{
        client_secrets, clients,
        db::{Change, WriteTx},
        ending::{self, EndSessions, Ended},
        error::Result,
        events, keys, registrations, revocations, users,
    },
};

/// What an event did that has to be done again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Sessions ended.
    Ended(Ending, Reason),
    /// A session was opened that the backup does not know, or knows as not redeemed yet: its tokens are not accepted.
    Opened(DeviceSessionId),
    /// A user was disabled.
    UserDisabled(UserId),
    /// A person lost what they could do as an admin, and is this now.
    RoleTaken(UserId, Option<Role>),
    /// A user who was disabled may sign in again.
    UserEnabled(UserId),
    /// A password was changed. The new one is lost; whoever signed in with the old one is signed out.
    PasswordChanged(UserId),
    /// A client was removed.
    ClientRemoved(ClientId),
    /// An access token was revoked: its `jti`, as bytes, and its session if it has one.
    TokenRevoked(Vec<u8>, Option<DeviceSessionId>),
    /// A client's secret was removed.
    SecretRemoved(ClientSecretId, ClientId),
    /// A client's secret got an end.
    SecretEnds(ClientSecretId, Instant),
    /// An initial access token was removed.
    RegistrationTokenRemoved(RegistrationTokenId),
    /// Nothing that ended anything.
    Nothing,
}

/// Writes a lost event again, and does again what it did. How much ended; nothing when the event was not lost.
#[derive(Debug)]
pub struct WriteAgain {
    /// The event.
    pub line: EventLine,
    /// What it did.
    pub effect: Effect,
    /// When it is done again.
    pub now: Instant,
    /// When the last token of what ends has expired everywhere, as far as is known before it is written.
    pub until: Instant,
}

impl Change for WriteAgain {
    type Out = Option<Ended>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Option<Ended>> {
        if !events::record_again(tx, &self.line).await? {
            return Ok(None);
        }
        self.do_again(tx).await.map(Some)
    }
}

impl WriteAgain {
    async fn do_again(&self, tx: &mut WriteTx<'_>) -> Result<Ended> {
        let now = self.now;
        let issued_before = now.plus(ending::ISSUED_BEFORE);
        match &self.effect {
            Effect::Ended(ending, reason) => self.end(tx, ending.clone(), *reason).await,
            Effect::Opened(id) => {
                let until = self.revoked_until(tx).await?;
                let binds = (id.to_bytes().to_vec(), issued_before, until, now);
                tx.run(revocations::INSERT_SESSION, binds).await?;
                self.end(tx, Ending::Granted { id: *id }, Reason::Expired).await
            }
            Effect::UserDisabled(user) => {
                users::disable(tx, *user, now).await?;
                self.end(tx, everything_of(*user), Reason::UserDisabled).await
            }
            Effect::RoleTaken(user, role) => {
                users::set_role_again(tx, *user, *role).await?;
                Ok(Ended::default())
            }
            Effect::UserEnabled(user) => {
                users::enable(tx, *user, now).await?;
                Ok(Ended::default())
            }
            Effect::PasswordChanged(user) => {
                self.end(tx, everything_of(*user), Reason::PasswordChanged).await
            }
            Effect::ClientRemoved(id) => {
                clients::delete(tx, id).await?;
                let client = id.as_str().as_bytes().to_vec();
                let until = self.revoked_until(tx).await?;
                tx.run(clients::REVOKE, (client, issued_before, until, now))
                    .await?;
                self.end(tx, Ending::Client { id: id.clone() }, Reason::ClientRemoved)
                    .await
            }
            Effect::TokenRevoked(jti, session) => {
                let until = self.revoked_until(tx).await?;
                let binds = (jti.clone(), *session, issued_before, until, now);
                tx.run(revocations::INSERT_TOKEN, binds).await?;
                Ok(Ended::default())
            }
            Effect::SecretRemoved(secret, client) => {
                client_secrets::delete(tx, *secret, client).await?;
                Ok(Ended::default())
            }
            Effect::SecretEnds(secret, until) => {
                client_secrets::end_again(tx, *secret, *until, now).await?;
                Ok(Ended::default())
            }
            Effect::RegistrationTokenRemoved(token) => {
                tx.run(registrations::DELETE_TOKEN, (*token,)).await?;
                Ok(Ended::default())
            }
            Effect::Nothing => Ok(Ended::default()),
        }
    }

    async fn revoked_until(&self, tx: &mut WriteTx<'_>) -> Result<Instant> {
        keys::revoked_until(tx, self.now, self.until).await
    }

    async fn end(&self, tx: &mut WriteTx<'_>, ending: Ending, reason: Reason) -> Result<Ended> {
        let end = EndSessions {
            ending,
            reason,
            now: self.now,
            until: self.until,
            event: self.line.id,
            subject: self.line.subject.clone(),
            actor: None,
            note: None,
        };
        let (_, ended) = ending::end_without_event(tx, &end).await?;
        Ok(ended.count())
    }
}

fn everything_of(id: UserId) -> Ending {
    Ending::User { id, keep: None }
}
