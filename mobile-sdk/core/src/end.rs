//! The end of a session on this device: first a note of what is to be done, then the doing, so that a process that is killed
//! in between leaves nothing half done.

use serde_json::{Map, Value, json};

use crate::{
    account,
    blob::{Account, SCHEMA, is_newer, secret},
    deadline::Deadline,
    discovery::{self, Server},
    dpop::Key,
    effect::Header,
    error::ErrorCode,
    event::{EndReason, Event},
    form::Form,
    json,
    outcome::{LogoutMode, Outcome},
    pending, refresh,
    secret::Secret,
    store::{Host, Result},
    token_response::{Refusal, is_elsewhere, send},
    url,
};

/// What is to be done.
struct Note {
    account: String,
    server: Server,
    key: Option<Key>,
    refresh_token: Option<Secret>,
    reason: EndReason,
    /// How long it is tried. The first notes did not say.
    until: Option<Deadline>,
}

/// A server that was not to be reached for so long has forgotten the session, or never comes back.
const LIFE: i64 = 90 * 86_400_000;
/// How long a session may take to come that is to take the place of another.
const COMING: i64 = 600_000;

impl Note {
    /// How old it is, if it is of any use.
    fn age(&self, host: &Host) -> Option<i64> {
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
        // A sign-in that begins anew to take its place has its time anew.
        if reason != EndReason::Replaced
            && found
                .as_ref()
                .is_some_and(|found| say_the_same(&found.value, &note))
        {
            return Ok(());
        }
        let version = found.map_or(0, |found| found.version);
        if host.put(&name, note.clone(), version).await?.is_ok() {
            return Ok(());
        }
    }
    Err(ErrorCode::Busy.into())
}

/// Whether two notes of a session differ in nothing but their time.
fn say_the_same(one: &Secret, other: &Secret) -> bool {
    let (Some(one), Some(other)) = (json::object(one.bytes()), json::object(other.bytes())) else {
        return false;
    };
    ["refresh_token", "reason"]
        .iter()
        .all(|name| one.get(*name) == other.get(*name))
}

/// What is noted. One that cannot be read is dropped; one of another app or server, or of a newer SDK, is left alone.
async fn read(host: &Host, flow: &str) -> Result<Option<Note>> {
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

/// Does what is noted. What the server cannot be told now stays noted.
pub(crate) async fn finish(host: &Host, flow: &str) -> Result<()> {
    finish_with(host, flow, false).await
}

async fn finish_with(host: &Host, flow: &str, browser: bool) -> Result<()> {
    let Some(note) = read(host, flow).await? else {
        return Ok(());
    };
    match remove(host, flow, &note).await? {
        // Another process is about to put a session in its place, or the session never came.
        Found::Stays if note.age(host).is_some_and(|age| age < COMING) => return Ok(()),
        Found::Stays => return drop_note(host, flow).await,
        Found::Removed => host.tell(match note.reason {
            EndReason::LoggedOut => Event::AccountRemoved {
                account: note.account.clone(),
            },
            reason => Event::SessionEnded {
                account: note.account.clone(),
                reason,
            },
        }),
        Found::Gone => {}
    }
    let mut told = false;
    if browser && let Some(key) = &note.key {
        told = tell_with_proof(host, &note, key).await;
    }
    if browser && !told {
        host.tell(Event::BrowserSessionKept {
            account: note.account.clone(),
        });
    }
    if let Some(key) = &note.key {
        host.delete_key(&key.id).await;
    }
    if told || tell(host, &note).await || note.age(host).is_some_and(|age| age > LIFE) {
        return drop_note(host, flow).await;
    }
    host.tell(Event::RevocationQueued {
        account: note.account,
    });
    Ok(())
}

async fn drop_note(host: &Host, flow: &str) -> Result<()> {
    let _any = host.delete(&record(flow), None).await?;
    Ok(())
}

/// What was found in the account's place.
enum Found {
    /// It was this session, and we took it away.
    Removed,
    /// Another process was faster, or another session is there.
    Gone,
    /// It is this session, which has to stay.
    Stays,
}

/// Takes the account away if it is still this session's. One process only does it, so the app is told once.
async fn remove(host: &Host, flow: &str, note: &Note) -> Result<Found> {
    let name = Account::record(&note.account);
    for _ in 0..8 {
        let found = match host.get(&name).await {
            // It is wiped where it is used.
            Err(error) if error.code == ErrorCode::StorageCorrupt => return Ok(Found::Gone),
            found => found?,
        };
        let Some(found) = found else {
            account::forget(host, &note.account);
            return Ok(Found::Gone);
        };
        if !Account::read(&found.value, host.config()).is_ok_and(|account| account.flow == flow) {
            return Ok(Found::Gone);
        }
        if note.reason == EndReason::Replaced {
            return Ok(Found::Stays);
        }
        if host.delete(&name, Some(found.version)).await?.is_ok() {
            account::forget(host, &note.account);
            return Ok(Found::Removed);
        }
    }
    Err(ErrorCode::Busy.into())
}

/// Revokes the refresh token (RFC 7009). Whether nothing more is to be done.
async fn tell(host: &Host, note: &Note) -> bool {
    let Some(token) = &note.refresh_token else {
        return true;
    };
    let mut endpoint = note.server.revocation.clone();
    let mut looked = false;
    while let Some(to) = &endpoint {
        let Ok(Ok(response)) = send(host, to, &revocation(host, token), Vec::new()).await else {
            return false;
        };
        if response.status == 200 {
            return true;
        }
        // A well-formed no will be one tomorrow too.
        if Refusal::parse(response.body.bytes()).is_some() {
            return response.status < 500 && response.status != 429;
        }
        if !is_elsewhere(response.status) || std::mem::replace(&mut looked, true) {
            return false;
        }
        // The server may have moved since the sign-in; its issuer still knows where it is.
        match discovery::ask(host).await {
            Ok(server) if server.revocation != endpoint => endpoint = server.revocation,
            _ => return false,
        }
    }
    true
}

/// The same, together with the browser session that it came from: an extension of Postern's.
async fn tell_with_proof(host: &Host, note: &Note, key: &Key) -> bool {
    let (Some(endpoint), Some(token)) = (&note.server.revocation, &note.refresh_token) else {
        return false;
    };
    let form = revocation(host, token).with("end_browser_session", "true");
    for _ in 0..2 {
        let Ok(proof) = key.proof(host, "POST", endpoint, None).await else {
            return false;
        };
        let proof = Header {
            name: "DPoP".to_owned(),
            value: proof.into(),
        };
        match send(host, endpoint, &form, vec![proof]).await {
            Ok(Ok(response)) if response.status == 200 => return true,
            // Once more with the nonce that came.
            Ok(Ok(response))
                if Refusal::parse(response.body.bytes()).is_some_and(|no| no.error == "use_dpop_nonce") => {}
            _ => return false,
        }
    }
    false
}

fn revocation(host: &Host, token: &Secret) -> Form {
    Form::default()
        .with("client_id", &host.config().client_id)
        .with("token", token.text())
        .with("token_type_hint", "refresh_token")
}

pub(crate) async fn logout(host: &Host, account: Option<String>, mode: LogoutMode) -> Result<Outcome> {
    let id = account::resolve(host, account).await?;
    let (account, version) = match account::load(host, &id).await {
        Ok(found) => found,
        // Gone already.
        Err(error) if matches!(error.code, ErrorCode::NoSuchAccount | ErrorCode::StorageCorrupt) => {
            return Ok(Outcome::Done);
        }
        Err(error) => return Err(error),
    };
    if mode == LogoutMode::LocalOnly {
        if host.delete(&Account::record(&id), Some(version)).await?.is_err() {
            return Err(ErrorCode::Busy.into());
        }
        account::forget(host, &id);
        host.tell(Event::AccountRemoved { account: id });
        if let Some(key) = &account.key {
            host.delete_key(&key.id).await;
        }
    } else {
        note(host, &account, EndReason::LoggedOut).await?;
        finish_with(host, &account.flow, mode == LogoutMode::SessionAndBrowser).await?;
    }
    Ok(Outcome::Done)
}

/// A session that is over: it goes from here, and what is left of it is given back, so that no copy of it lives on.
pub(crate) async fn over(host: &Host, account: &Account, reason: EndReason) -> Result<()> {
    note(host, account, reason).await?;
    finish(host, &account.flow).await
}

/// Gives tokens back that were refused. It is only good manners: what fails is forgotten.
pub(crate) async fn give_back(host: &Host, account: &Account) {
    let note = Note {
        account: account.id.clone(),
        server: account.server.clone(),
        key: None,
        refresh_token: account.refresh_token.clone(),
        reason: EndReason::Refused,
        until: None,
    };
    tell(host, &note).await;
}

pub(crate) async fn resume(host: &Host) -> Result<Outcome> {
    refresh::store_all_again(host).await;
    for name in host.keys("logout/").await? {
        finish(host, name.trim_start_matches("logout/")).await?;
    }
    pending::tidy(host, 0).await?;
    Ok(Outcome::Done)
}

/// OpenID Connect RP-Initiated Logout section 2.
pub(crate) async fn end_session_url(
    host: &Host,
    account: Option<String>,
    then: Option<String>,
    state: Option<String>,
) -> Result<Outcome> {
    let Some(endpoint) = discovery::server(host).await?.end_session else {
        return Err(ErrorCode::NotSupported.into());
    };
    let id = account::resolve(host, account).await?;
    let (account, _) = account::load(host, &id).await?;
    let query = Form::default()
        .with_some("id_token_hint", account.id_token.as_ref().map(Secret::text))
        .with("client_id", &host.config().client_id)
        .with_some("post_logout_redirect_uri", then.as_deref())
        .with_some("state", state.as_deref());
    Ok(Outcome::Url {
        url: url::with_query(&endpoint, &query),
    })
}
