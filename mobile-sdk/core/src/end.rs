//! The end of a session on this device: first a note of what is to be done, then the doing, so that a process that is killed
//! in between leaves nothing half done.

mod note;
mod revocation;

pub(crate) use self::note::note;
use self::{
    note::{LIFE, Note, drop_note, read},
    revocation::{tell, tell_with_proof},
};
use crate::{
    account, discovery,
    dpop::Key,
    error::ErrorCode,
    event::{EndReason, Event},
    form::Form,
    host::{Host, Result},
    outcome::{LogoutMode, Outcome},
    pending,
    record::account::Account,
    secret::Secret,
    url,
};

/// How long a session may take to come that is to take the place of another.
const COMING: i64 = 600_000;

pub(crate) async fn logout(host: &Host, account: Option<String>, mode: LogoutMode) -> Result<Outcome> {
    let id = account::resolve(host, account).await?;
    let (mut account, _) = match account::load(host, &id).await {
        Ok(found) => found,
        // Gone already.
        Err(error) if matches!(error.code, ErrorCode::NoSuchAccount | ErrorCode::StorageCorrupt) => {
            return Ok(Outcome::Done);
        }
        Err(error) => return Err(error),
    };
    if mode == LogoutMode::LocalOnly {
        // There is nothing that the server is to be told.
        account.refresh_token = None;
    }
    note(host, &account, EndReason::LoggedOut).await?;
    finish_with(host, &account.flow, mode == LogoutMode::SessionAndBrowser).await?;
    Ok(Outcome::Done)
}

/// A session that is over: it goes from here, and what is left of it is given back, so that no copy of it lives on.
pub(crate) async fn over(host: &Host, account: &Account, reason: EndReason) -> Result<()> {
    note(host, account, reason).await?;
    finish(host, &account.flow).await
}

/// What becomes of a session whose key was not to be had: without it, it can only end. Fails, unless the key was of an earlier
/// one: in another process the person has signed in anew.
pub(crate) async fn without_key(host: &Host, id: &str, key: &Key) -> Result<()> {
    let (account, _) = account::load(host, id).await?;
    if account.key.as_ref() != Some(key) {
        return Ok(());
    }
    if host.config().read_only {
        return Err(ErrorCode::ReadOnly.into());
    }
    over(host, &account, EndReason::KeyLost).await?;
    Err(ErrorCode::KeyLost.into())
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
        if !pending::is_of(host, &found.value, flow) {
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
