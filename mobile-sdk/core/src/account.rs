//! The accounts of a device.

use serde_json::{Value, json};

use crate::{
    base64,
    config::{AttestationPolicy, Config},
    discovery,
    error::ErrorCode,
    event::{EndReason, Event},
    host::{Host, Result},
    id_token::{self, Expected},
    json,
    outcome::{Outcome, StoredTokens},
    record::{SCHEMA, account::Account, is_newer},
    sign_in,
};

/// The name of the record that names the default account: each app that shares the store has its own.
fn default_record(config: &Config) -> String {
    let app = format!("{}\n{}", config.issuer, config.client_id);
    format!("default/{}", sign_in::short(&base64::digest(app.as_bytes())))
}

/// This app's accounts, also those that cannot be read now.
async fn ids(host: &Host) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for name in host.keys("account/").await? {
        let found = host.get(&name).await.ok().flatten();
        let members = found.and_then(|found| json::object(found.value.bytes()));
        if !members.is_some_and(|members| host.config().is_anothers(&members)) {
            ids.push(name.trim_start_matches("account/").to_owned());
        }
    }
    Ok(ids)
}

/// The default account, and the version that another may take the place of; none of a newer SDK's.
async fn default(host: &Host) -> Result<(Option<String>, Option<i64>)> {
    let Some(found) = host.get_or_drop(&default_record(host.config())).await? else {
        return Ok((None, Some(0)));
    };
    let members = json::object(found.value.bytes());
    let newer = members.as_ref().is_some_and(|members| is_newer(members));
    let account = members.and_then(|members| json::owned(&members, "account"));
    Ok((account, (!newer).then_some(found.version)))
}

/// Who is meant: the named one, else the default, else the first.
pub(crate) async fn resolve(host: &Host, account: Option<String>) -> Result<String> {
    if let Some(account) = account {
        return Ok(account);
    }
    if let Some(account) = host.memory().default.clone() {
        return Ok(account);
    }
    let ids = ids(host).await?;
    let (chosen, _) = default(host).await?;
    let account = chosen
        .filter(|chosen| ids.contains(chosen))
        .or_else(|| ids.first().cloned());
    let account = account.ok_or(ErrorCode::NoSuchAccount)?;
    host.memory().default = Some(account.clone());
    Ok(account)
}

pub(crate) async fn list(host: &Host) -> Result<Outcome> {
    let accounts = ids(host).await?;
    let (chosen, _) = default(host).await?;
    let default = chosen
        .filter(|chosen| accounts.contains(chosen))
        .or_else(|| accounts.first().cloned());
    host.memory().default.clone_from(&default);
    Ok(Outcome::Accounts { accounts, default })
}

pub(crate) async fn set_default(host: &Host, account: &str) -> Result<Outcome> {
    if !ids(host).await?.iter().any(|id| id == account) {
        return Err(ErrorCode::NoSuchAccount.into());
    }
    for _ in 0..4 {
        let (_, version) = default(host).await?;
        let version = version.ok_or(ErrorCode::StorageTooNew)?;
        if write_default(host, account, version).await? {
            return Ok(Outcome::Done);
        }
    }
    Err(ErrorCode::Busy.into())
}

async fn write_default(host: &Host, account: &str, version: i64) -> Result<bool> {
    let record = json::write(json!({ "schema": SCHEMA, "account": account }));
    let name = default_record(host.config());
    let stored = host.put(&name, record, version).await?.is_ok();
    if stored {
        host.memory().default = Some(account.to_owned());
    }
    Ok(stored)
}

/// The first account is the default one.
pub(crate) async fn make_default_if_none(host: &Host, account: &str) -> Result<()> {
    let (chosen, version) = default(host).await?;
    let gone = match &chosen {
        None => true,
        Some(chosen) => !ids(host).await?.contains(chosen),
    };
    if gone && let Some(version) = version {
        write_default(host, account, version).await?;
    }
    Ok(())
}

/// An account and its version. One that cannot be read is wiped; one of a newer SDK is left alone.
pub(crate) async fn load(host: &Host, id: &str) -> Result<(Account, i64)> {
    let record = Account::record(id);
    let found = match host.get(&record).await {
        Ok(Some(found)) => {
            let account = Account::read(&found.value, host.config());
            let named = account.and_then(|account| {
                let ours = account.id == id;
                ours.then_some(account).ok_or(ErrorCode::StorageCorrupt)
            });
            Ok((named, Some(found.version)))
        }
        Ok(None) => {
            // Another process may have signed it out: what is remembered of it is over too.
            forget(host, id);
            return Err(ErrorCode::NoSuchAccount.into());
        }
        Err(error) if error.code == ErrorCode::StorageCorrupt => Ok((Err(error.code), None)),
        Err(error) => Err(error),
    };
    match found? {
        (Ok(account), Some(version)) => {
            host.memory().learn(&account);
            Ok((account, version))
        }
        (Err(ErrorCode::StorageTooNew), _) => Err(ErrorCode::StorageTooNew.into()),
        (Err(ErrorCode::NoSuchAccount), _) => Err(ErrorCode::NoSuchAccount.into()),
        // Whoever only reads leaves the wiping to the app.
        (Err(code), _) if host.config().read_only => Err(code.into()),
        (_, version) => {
            if host.delete(&record, version).await?.is_err() {
                // Another process has put a session in its place.
                return Err(ErrorCode::Busy.into());
            }
            forget(host, id);
            host.tell(Event::SessionEnded {
                account: id.to_owned(),
                reason: EndReason::Corrupt,
            });
            Err(ErrorCode::StorageCorrupt.into())
        }
    }
}

/// Out of memory.
pub(crate) fn forget(host: &Host, id: &str) {
    let mut memory = host.memory();
    memory.sessions.remove(id);
    if memory.default.as_deref() == Some(id) {
        memory.default = None;
    }
}

pub(crate) async fn id_claims(host: &Host, account: Option<String>) -> Result<Outcome> {
    let id = resolve(host, account).await?;
    let (account, _) = load(host, &id).await?;
    let claims = account.id_token.as_ref().and_then(id_token::claims);
    let claims = claims.ok_or(ErrorCode::NotSupported)?;
    Ok(Outcome::Claims {
        json: json::write(Value::Object(claims.clone())),
    })
}

/// Takes over the tokens of another SDK: a bearer session, as they were. An account that is there already stays.
pub(crate) async fn adopt(host: &Host, tokens: StoredTokens) -> Result<Outcome> {
    if tokens.refresh_token.is_empty() {
        return Err(ErrorCode::InvalidArgument.into());
    }
    // It would never get a token: evidence is of a key, which it has not.
    if host.config().attestation == AttestationPolicy::Required {
        return Err(ErrorCode::AttestationUnavailable.into());
    }
    let server = discovery::server(host).await?;
    let expected = Expected {
        config: host.config(),
        nonce: None,
        access_token: None,
        // It may be as old as the session.
        now_ms: None,
    };
    let sub = match &tokens.id_token {
        Some(token) => Some(id_token::check(token, &expected)?),
        None => None,
    };
    // Without an ID token nobody knows whose they are; adopted twice they are the same account still.
    let flow = base64::digest(tokens.refresh_token.bytes());
    let id = match &sub {
        Some(sub) => sign_in::id_of(host.config(), sub),
        None => sign_in::short(&flow),
    };
    let account = Account {
        id: id.clone(),
        flow,
        server,
        key: None,
        refresh_token: Some(tokens.refresh_token),
        tokens: Vec::new(),
        scopes: host.config().scopes.clone(),
        sub,
        id_token: tokens.id_token,
        device_secret: None,
        anchor: host.memory().anchor.clone(),
    };
    for _ in 0..2 {
        let added = host
            .put(&Account::record(&id), account.write(host.config()), 0)
            .await?;
        if added.is_ok() {
            make_default_if_none(host, &id).await?;
            host.tell(Event::AccountAdded { account: id.clone() });
            break;
        }
        match load(host, &id).await {
            // It was wiped, and is in nobody's way any more.
            Err(error) if error.code == ErrorCode::StorageCorrupt => {}
            _ => break,
        }
    }
    Ok(Outcome::SignedIn { account: id })
}
