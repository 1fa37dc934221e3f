//! What is left to do for a session that ends, written down before it is done.

use serde_json::{Map, Value, json};

use crate::{
    deadline::Deadline,
    discovery::Server,
    dpop::Key,
    error::ErrorCode,
    event::EndReason,
    host::{Host, Result},
    json::{self, secret},
    record::{SCHEMA, account::Account, is_newer},
    secret::Secret,
};

/// What is to be done.
pub(super) struct Note {
    pub(super) account: String,
    pub(super) server: Server,
    pub(super) key: Option<Key>,
    pub(super) refresh_token: Option<Secret>,
    pub(super) reason: EndReason,
    /// How long it is tried. The first notes did not say.
    pub(super) until: Option<Deadline>,
}

/// A server that was not to be reached for so long has forgotten the session, or never comes back.
pub(super) const LIFE: i64 = 90 * 86_400_000;

impl Note {
    /// How old it is, if it is of any use.
    pub(super) fn age(&self, host: &Host) -> Option<i64> {
        let until = self.until.as_ref()?;
        Some(LIFE.saturating_sub(until.left(host)))
    }
}

/// Reasons, as they are stored.
const REASONS: [(&str, EndReason); 5] = [
    ("logged_out", EndReason::LoggedOut),
    ("refused", EndReason::Refused),
    ("key_lost", EndReason::KeyLost),
    ("corrupt", EndReason::Corrupt),
    ("replaced", EndReason::Replaced),
];

fn record(flow: &str) -> String {
    format!("logout/{flow}")
}

/// Writes down that a session is to end.
pub(crate) async fn note(host: &Host, account: &Account, reason: EndReason) -> Result<()> {
    let named = REASONS.iter().find(|(_, known)| *known == reason);
    let mut note = json!({
        "schema": SCHEMA,
        "issuer": host.config().issuer,
        "client_id": host.config().client_id,
        "account": account.id,
        "server": account.server.members(),
        "key": account.key.as_ref().map(Key::members),
        "refresh_token": account.refresh_token.as_ref().map(Secret::text),
        "reason": named.map(|(name, _)| *name),
    });
    Deadline::after(host, LIFE).write(&mut note);
    let note = json::write(note);
    let name = record(&account.flow);
    for _ in 0..4 {
        let found = host.get_or_drop(&name).await?;
        if found.as_ref().is_some_and(|found| says_all(&found.value, &note)) {
            return Ok(());
        }
        let version = found.map_or(0, |found| found.version);
        if host.put(&name, note.clone(), version).await?.is_ok() {
            return Ok(());
        }
    }
    Err(ErrorCode::Busy.into())
}

/// Whether what is noted of a session ends it already, and whatever a new note would have the server told.
fn says_all(noted: &Secret, new: &Secret) -> bool {
    let (Some(noted), Some(new)) = (json::object(noted.bytes()), json::object(new.bytes())) else {
        return false;
    };
    let token = |note: &Map<String, Value>| secret(note, "refresh_token");
    // A session that is to be replaced stays until it is; a sign-in that begins anew to replace it has its time anew.
    reason(&noted).is_some_and(|reason| reason != EndReason::Replaced)
        && (token(&new).is_none()
            || token(&new) == token(&noted)
            || reason(&new) == Some(EndReason::Replaced))
}

/// What is noted. One that cannot be read is dropped; one of another app or server, or of a newer SDK, is left alone.
pub(super) async fn read(host: &Host, flow: &str) -> Result<Option<Note>> {
    let Some(found) = host.get_or_drop(&record(flow)).await? else {
        return Ok(None);
    };
    let members = json::object(found.value.bytes());
    if members
        .as_ref()
        .is_some_and(|members| host.config().is_anothers(members) || is_newer(members))
    {
        return Ok(None);
    }
    let note = members.and_then(|members| {
        Some(Note {
            account: json::owned(&members, "account")?,
            server: Server::from_members(members.get("server")?.as_object()?, host.config()).ok()?,
            key: members.get("key").and_then(|key| Key::read(key.as_object()?)),
            refresh_token: secret(&members, "refresh_token"),
            reason: reason(&members)?,
            until: Deadline::read(&members),
        })
    });
    if note.is_none() {
        drop_note(host, flow).await?;
    }
    Ok(note)
}

/// The first notes said only whether another session took the place of theirs.
fn reason(members: &Map<String, Value>) -> Option<EndReason> {
    match json::text(members, "reason") {
        Some(name) => REASONS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, reason)| *reason),
        None if json::flag(members, "replaced") => Some(EndReason::Replaced),
        None => Some(EndReason::LoggedOut),
    }
}

pub(super) async fn drop_note(host: &Host, flow: &str) -> Result<()> {
    let _any = host.delete(&record(flow), None).await?;
    Ok(())
}
