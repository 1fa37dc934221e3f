//! A backup knows nothing of what ended after it was made. What events tell of that is done again.

use std::collections::BTreeSet;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;

use crate::{
    base::{id::UserId, time::Instant},
    domain::{
        actor::Actor,
        event::{Event, EventLine, Subject},
        role::Role,
    },
    flows::{Provider, end::revoked_until},
    store::{
        ending::Ended,
        error::{Result, StoreError},
        events::{self, RecordEvent},
        restore::{Effect, WriteAgain},
        users,
    },
};

/// Why a line is no event.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is not what `postern events export` prints.
    #[error("it is no line of `postern events export`: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It does not say whom it is about.
    #[error("an event {kind} has to say which {missing} it is about")]
    Incomplete {
        /// What it is.
        kind: String,
        /// What it lacks.
        missing: &'static str,
    },
}

/// An event that the database may have lost.
#[derive(Debug)]
pub struct Lost {
    /// As it was exported.
    pub line: EventLine,
    /// What it tells of.
    pub event: Event,
    /// What has to be done again.
    pub effect: Effect,
}

/// The event in this line of an export.
pub fn read(line: &str) -> std::result::Result<Lost, LineError> {
    let line: EventLine = serde_json::from_str(line)?;
    let event = line.event()?;
    let effect = effect(&line, &event)?;
    Ok(Lost { line, event, effect })
}

/// Names every kind of event, so that none which ends something is forgotten.
fn effect(line: &EventLine, event: &Event) -> std::result::Result<Effect, LineError> {
    let subject = &line.subject;
    let lacks = |missing| {
        let kind = line.kind.clone();
        LineError::Incomplete { kind, missing }
    };
    let user = || subject.user.ok_or_else(|| lacks("user"));
    let session = || subject.session.ok_or_else(|| lacks("session"));
    let client = || subject.client.clone().ok_or_else(|| lacks("client"));
    Ok(match event {
        Event::SessionsEnded { ending, reason, .. } => Effect::Ended(ending.clone(), *reason),
        Event::SessionOpened { .. } => Effect::Opened(session()?),
        Event::UserDisabled => Effect::UserDisabled(user()?),
        // What was given after the backup is given again by somebody who may.
        Event::RoleChanged { before, after } if takes_away(*before, *after) => {
            Effect::RoleTaken(user()?, *after)
        }
        Event::UserEnabled => Effect::UserEnabled(user()?),
        Event::PasswordChanged => Effect::PasswordChanged(user()?),
        Event::ClientRemoved { .. } => Effect::ClientRemoved(client()?),
        Event::ClientSecretRemoved { secret } => Effect::SecretRemoved(*secret, client()?),
        Event::ClientSecretRotated { secret, expires_at } => Effect::SecretEnds(*secret, *expires_at),
        Event::RegistrationTokenRemoved { token } => Effect::RegistrationTokenRemoved(*token),
        Event::TokenRevoked { jti } => {
            let jti = Base64UrlUnpadded::decode_vec(jti).map_err(|_| lacks("jti"))?;
            Effect::TokenRevoked(jti, subject.session)
        }
        Event::UserCreated { .. }
        | Event::RoleChanged { .. }
        | Event::SignedIn { .. }
        | Event::ConsentGranted { .. }
        | Event::RefreshSlowProcess
        | Event::RefreshFastForwarded { .. }
        | Event::DatabaseWentBack
        | Event::RevocationsRewritten
        | Event::KeyForgerySuspected
        | Event::MessageUndelivered { .. }
        | Event::ClientAdded { .. }
        | Event::ClientRegistered { .. }
        | Event::ClientUpdated { .. }
        | Event::SignInFailed { .. }
        | Event::ClientDisabled
        | Event::SettingsChanged { .. }
        | Event::AuditDeleted { .. }
        | Event::AuditWentBack { .. }
        | Event::DatabaseRestored { .. }
        | Event::RegistrationTokenCreated { .. }
        | Event::ClientSecretCreated { .. }
        | Event::ClientSecretExpiring { .. }
        | Event::KeyCreated { .. }
        | Event::KeyActivated { .. }
        | Event::KeyRetired { .. }
        | Event::KeyDestroyed { .. }
        | Event::KeyWithdrawn { .. }
        | Event::MassEndBegun { .. }
        | Event::MassEndDone { .. }
        // Its sessions' end says the same.
        | Event::ConsentWithdrawn
        | Event::Newer => Effect::Nothing,
    })
}

/// Whether a change of roles gave nothing that the person did not have.
fn takes_away(before: Option<Role>, after: Option<Role>) -> bool {
    let has = |role: Option<Role>| role.map(Role::permissions).unwrap_or_default();
    has(after).is_within(has(before))
}

/// What was done again, and what cannot be.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Events that the backup had lost.
    pub lost: u64,
    /// Events that are older than any that the backup keeps: their time to be kept was over.
    pub too_old: u64,
    /// What they ended of what the backup has.
    pub ended: Ended,
    /// How many sessions were opened after the backup: these people sign in again.
    pub sessions_lost: u64,
    /// Whose password was changed after the backup: the older one counts again.
    pub old_passwords: BTreeSet<String>,
    /// Who was added after the backup and is not there any more.
    pub users_lost: BTreeSet<String>,
    /// How many keys began their work after the backup: older ones are back.
    pub keys_lost: u64,
    /// How many keys were withdrawn after the backup: they are back and have to be withdrawn again.
    pub withdrawn_keys: u64,
    /// Which apps were added after the backup and are not there any more.
    pub clients_lost: BTreeSet<String>,
    /// Which apps got a secret after the backup that is not good any more.
    pub secrets_lost: BTreeSet<String>,
}

/// Writes again what a restored database has lost.
#[derive(Debug)]
pub struct Restoring<'a> {
    provider: &'a Provider,
    known_since: Option<Instant>,
    /// When the oldest event happened that was lost.
    lost_since: Option<Instant>,
    report: Report,
}

impl<'a> Restoring<'a> {
    /// Begins, before anything is written into the restored database.
    pub async fn begin(provider: &'a Provider) -> Result<Self> {
        let oldest = provider.db.read(events::OLDEST, ()).await?;
        Ok(Self {
            provider,
            known_since: oldest.map(|(at,): (Instant,)| at),
            lost_since: None,
            report: Report::default(),
        })
    }

    /// Does again what an event did, unless the database has it.
    pub async fn write_again(&mut self, lost: Lost) -> Result<()> {
        let Lost { line, event, effect } = lost;
        if self.known_since.is_some_and(|oldest| line.at < oldest) {
            self.report.too_old += 1;
            return Ok(());
        }
        let now = self.provider.clock.now();
        let (subject, at) = (line.subject.clone(), line.at);
        let change = WriteAgain {
            line,
            effect,
            now,
            until: revoked_until(self.provider, now),
        };
        let Some(ended) = self.provider.db.write(change).await? else {
            return Ok(());
        };
        self.report.lost += 1;
        self.lost_since = Some(self.lost_since.map_or(at, |since| since.min(at)));
        self.report.ended.devices += ended.devices;
        self.report.ended.browsers += ended.browsers;
        self.note(event, subject).await
    }

    /// Tells of the restore; what was done again.
    pub async fn finish(self) -> Result<Report> {
        let mut report = self.report;
        let event = Event::DatabaseRestored {
            lost: report.lost,
            since: self.lost_since,
        };
        let now = self.provider.clock.now();
        let event = self.provider.event(now, Subject::default(), event);
        let event = RecordEvent(event.by(Actor::Operator));
        self.provider.db.write(event).await?;
        // Who is gone needs no secret.
        report.secrets_lost = &report.secrets_lost - &report.clients_lost;
        Ok(report)
    }

    async fn note(&mut self, event: Event, subject: Subject) -> Result<()> {
        let report = &mut self.report;
        match event {
            Event::SessionOpened { .. } => report.sessions_lost += 1,
            Event::PasswordChanged => {
                // Who is not in the backup has no older password.
                if let Some(user) = subject.user {
                    report.old_passwords.extend(email(self.provider, user).await?);
                }
            }
            Event::UserCreated { email } => {
                report.users_lost.insert(email.to_string());
            }
            Event::KeyActivated { .. } => report.keys_lost += 1,
            Event::KeyWithdrawn { .. } => report.withdrawn_keys += 1,
            Event::ClientAdded { .. } | Event::ClientRegistered { .. } => {
                report
                    .clients_lost
                    .extend(subject.client.map(|client| client.to_string()));
            }
            Event::ClientSecretCreated { .. } => {
                report
                    .secrets_lost
                    .extend(subject.client.map(|client| client.to_string()));
            }
            _ => {}
        }
        Ok(())
    }
}

async fn email(provider: &Provider, user: UserId) -> Result<Option<String>, StoreError> {
    let found = users::find(&provider.db, user).await?;
    Ok(found.map(|user| user.email.to_string()))
}
