//! The refresh that brings new tokens: a transaction whose truth is in the store, not a call.
//!
//! Two processes that both send generation g get the same g + 1; one compare-and-swap wins, and the other takes what is
//! stored. A process that is killed after it has sent still has g, which the server answers with g + 1 again. One that slept
//! for generations notices before it sends, or is refused with the session alive.

use crate::{
    access_token::{asked, fresh},
    account,
    clock::Moment,
    discovery, end,
    error::ErrorCode,
    event::{EndReason, Event},
    form::Form,
    host::{Host, Result},
    outcome::Want,
    patience::Patience,
    record::account::{AccessToken, Account},
    token_endpoint,
    token_response::{Granted, Reply},
};

/// How often another process may be faster.
const ROUNDS: u32 = 6;

pub(crate) async fn until_settled(host: &Host, id: &str, want: &Want, began: &Moment) -> Result<AccessToken> {
    for _ in 0..ROUNDS {
        let (account, version) = account::load(host, id).await?;
        if let Some(token) = fresh(host, &account, want, began) {
            return Ok(token);
        }
        if let Some(token) = refresh(host, account, version, want).await? {
            return Ok(token);
        }
    }
    Err(ErrorCode::Busy.into())
}

/// One refresh of what is stored. `None`: somebody else was faster; look again.
async fn refresh(
    host: &Host,
    mut account: Account,
    version: i64,
    want: &Want,
) -> Result<Option<AccessToken>> {
    let Some(form) = request(host, &account, want) else {
        return Err(ErrorCode::NoRefreshToken.into());
    };
    let mut patience = Patience::default();
    let mut looked = false;
    loop {
        let proof = match &account.key {
            None => None,
            Some(key) => match key.proof(host, "POST", &account.server.token, None).await {
                Err(error) if error.code == ErrorCode::KeyLost => {
                    end::without_key(host, &account.id, key).await?;
                    return Ok(None);
                }
                made => Some(made?),
            },
        };
        // After the proof: so it is older than whatever another process has made of this store.
        if !is_still(host, &account, version).await? {
            return Ok(None);
        }
        let sent = host.now();
        let before = host.memory().offset();
        let reply = token_endpoint::post(host, &account.server, &form, account.key.as_ref(), proof).await?;
        if patience.again(host, &reply, before).await? {
            continue;
        }
        if matches!(reply, Reply::Moved) && !std::mem::replace(&mut looked, true) {
            // The server may have moved since the sign-in; its issuer still knows where it is.
            let server = discovery::ask(host).await?;
            if server.token != account.server.token {
                account.server = server;
                continue;
            }
        }
        return match reply {
            Reply::Granted(granted) => store(host, account, version, &granted, want, &sent).await,
            Reply::Refused(refusal) if refusal.error == "invalid_grant" => {
                if !is_still(host, &account, version).await? {
                    return Ok(None);
                }
                end::over(host, &account, EndReason::Refused).await?;
                Err(ErrorCode::SessionRevoked.into())
            }
            other => other.granted().map(|_| None),
        };
    }
}

/// RFC 6749 section 6.
fn request(host: &Host, account: &Account, want: &Want) -> Option<Form> {
    let token = account.refresh_token.as_ref()?;
    Some(
        token_endpoint::request(host, "refresh_token")
            .with("refresh_token", token.text())
            .with_some("resource", want.resource.as_deref())
            .with_some("scope", asked(want).as_deref()),
    )
}

async fn is_still(host: &Host, account: &Account, version: i64) -> Result<bool> {
    let found = host.get(&Account::record(&account.id)).await?;
    Ok(found.is_some_and(|found| found.version == version))
}

/// Stores the successor in one write, and only then is it used for anything but the caller's token.
async fn store(
    host: &Host,
    mut account: Account,
    version: i64,
    granted: &Granted,
    want: &Want,
    sent: &Moment,
) -> Result<Option<AccessToken>> {
    granted.check_type(account.key.is_some())?;
    if let Some(sub) = granted.subject(host, None)? {
        // OpenID Connect Core section 12.2.
        if account.sub.as_ref().is_some_and(|known| *known != sub) {
            return Err(ErrorCode::IdTokenSubject.into());
        }
        account.id_token.clone_from(&granted.id_token);
    }
    if let Some(successor) = &granted.refresh_token {
        account.refresh_token = Some(successor.clone());
    }
    let token = granted.access(want.resource.clone(), asked(want), &account.scopes, sent);
    account.keep(token.clone(), &host.now());
    account.anchor.clone_from(&host.memory().anchor);
    match write(host, &account, version).await {
        Ok(true) => {
            host.tell(Event::TokensRotated { account: account.id });
            Ok(Some(token))
        }
        // What is there is at least as new.
        Ok(false) => Ok(None),
        Err(_) => {
            host.tell(Event::StorageDegraded {
                account: account.id.clone(),
            });
            let mut memory = host.memory();
            memory.learn(&account);
            memory.session(&account.id).unstored = Some((account.clone(), version));
            Ok(Some(token))
        }
    }
}

async fn write(host: &Host, account: &Account, version: i64) -> Result<bool> {
    let stored = host
        .put(
            &Account::record(&account.id),
            account.write(host.config()),
            version,
        )
        .await?
        .is_ok();
    if stored {
        host.memory().learn(account);
    }
    Ok(stored)
}

/// Tries again to store what could not be stored, so that the session outlives this process.
pub(crate) async fn store_all_again(host: &Host) {
    let unstored = {
        let memory = host.memory();
        let sessions = memory.sessions.iter();
        let unstored = sessions.filter(|(_, session)| session.unstored.is_some());
        unstored.map(|(id, _)| id.clone()).collect::<Vec<_>>()
    };
    for id in unstored {
        // What cannot be stored now stays in memory.
        let _later = store_again(host, &id).await;
    }
}

/// What is there by now is at least as new.
pub(crate) async fn store_again(host: &Host, id: &str) -> Result<()> {
    let unstored = host.memory().session(id).unstored.clone();
    let Some((account, version)) = unstored else {
        return Ok(());
    };
    let stored = write(host, &account, version).await?;
    let mut memory = host.memory();
    let session = memory.session(id);
    if !stored {
        session.tokens.clear();
    }
    session.unstored.take_if(|(_, known)| *known == version);
    drop(memory);
    if stored {
        host.tell(Event::StorageRecovered {
            account: id.to_owned(),
        });
    }
    Ok(())
}
