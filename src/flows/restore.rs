//! A backup knows nothing of what ended after it was made. What events tell of that is done again.

use std::collections::BTreeSet;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use crate::{
    base::{
        id::UserId,
        time::{Instant, Lifetime},
    },
    domain::{
        ending::{Ending, Reason},
        event::EventLine,
    },
    flows::{Provider, end::revoked_until},
    store::{
        ending::Ended,
        error::{Result, StoreError},
        events,
        restoring::{Effect, WriteAgain},
        users,
    },
};

/// An event that is this much older than the newest of the backup was in it: a transaction takes seconds, and clocks
/// differ by half a minute. If it is not there, its time to be kept was over.
const SURELY_KNOWN: Lifetime = Lifetime::from_secs(600);

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

/// What has to be done again for this line of an export.
pub fn read(line: &str) -> std::result::Result<(EventLine, Effect), LineError> {
    let line: EventLine = serde_json::from_str(line)?;
    let effect = effect(&line)?;
    Ok((line, effect))
}

/// The fields of an end besides what it ended.
#[derive(Deserialize)]
struct End {
    #[serde(flatten)]
    ending: Ending,
    reason: Reason,
}

#[derive(Deserialize)]
struct Token {
    jti: String,
}

fn effect(line: &EventLine) -> std::result::Result<Effect, LineError> {
    let subject = &line.subject;
    let lacks = |missing| {
        let kind = line.kind.clone();
        LineError::Incomplete { kind, missing }
    };
    let user = || subject.user.ok_or_else(|| lacks("user"));
    let session = || subject.session.ok_or_else(|| lacks("session"));
    Ok(match line.kind.as_str() {
        "session.ended" => {
            let End { ending, reason } = serde_json::from_value(line.data.clone())?;
            Effect::Ended(ending, reason)
        }
        "session.opened" => Effect::Opened(session()?),
        "user.disabled" => Effect::UserDisabled(user()?),
        "user.password_changed" => Effect::PasswordChanged(user()?),
        "client.removed" => Effect::ClientRemoved(subject.client.clone().ok_or_else(|| lacks("client"))?),
        "token.revoked" => {
            let Token { jti } = serde_json::from_value(line.data.clone())?;
            let jti = Base64UrlUnpadded::decode_vec(&jti).map_err(|_| lacks("jti"))?;
            Effect::TokenRevoked(jti, session()?)
        }
        // Kinds of a newer version are kept, too.
        _ => Effect::Nothing,
    })
}

/// What was done again, and what cannot be.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Events that the backup had lost.
    pub lost: u64,
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
    /// Which apps were added after the backup and are not there any more.
    pub clients_lost: BTreeSet<String>,
}

/// Writes again what a restored database has lost.
#[derive(Debug)]
pub struct Restoring<'a> {
    provider: &'a Provider,
    known_until: Option<Instant>,
    report: Report,
}

impl<'a> Restoring<'a> {
    /// Begins, before anything is written into the restored database.
    pub async fn begin(provider: &'a Provider) -> Result<Self> {
        let newest = provider.db.read(events::NEWEST, ()).await?;
        Ok(Self {
            provider,
            known_until: newest.map(|(at,): (Instant,)| at.minus(SURELY_KNOWN)),
            report: Report::default(),
        })
    }

    /// Does again what an event did, unless the database has it.
    pub async fn write_again(&mut self, line: EventLine, effect: Effect) -> Result<()> {
        if self.known_until.is_some_and(|known| line.at < known) {
            return Ok(());
        }
        let now = self.provider.clock.now();
        let change = WriteAgain {
            line: line.clone(),
            effect: effect.clone(),
            now,
            until: revoked_until(self.provider, now),
        };
        let Some(ended) = self.provider.db.write(change).await? else {
            return Ok(());
        };
        self.report.lost += 1;
        self.report.ended.devices += ended.devices;
        self.report.ended.browsers += ended.browsers;
        self.note(line, effect).await
    }

    /// What was done again.
    pub fn report(self) -> Report {
        self.report
    }

    async fn note(&mut self, line: EventLine, effect: Effect) -> Result<()> {
        let report = &mut self.report;
        match (line.kind.as_str(), effect) {
            (_, Effect::Opened(_)) => report.sessions_lost += 1,
            (_, Effect::PasswordChanged(user)) => {
                // Who is not in the backup has no older password.
                report.old_passwords.extend(email(self.provider, user).await?);
            }
            ("user.created", _) => {
                let email = line.data["email"].as_str().map(str::to_owned);
                report.users_lost.extend(email);
            }
            ("key.activated", _) => report.keys_lost += 1,
            ("client.added", _) => {
                report
                    .clients_lost
                    .extend(line.subject.client.map(|client| client.to_string()));
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
