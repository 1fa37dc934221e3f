//! Access tokens, and the refresh that brings new ones: a transaction whose truth is in the store, not a call.
//!
//! Two processes that both send generation g get the same g + 1; one compare-and-swap wins, and the other takes what is
//! stored. A process that is killed after it has sent still has g, which the server answers with g + 1 again. One that slept
//! for generations notices before it sends, or is refused with the session alive.

use crate::{
    account,
    blob::{AccessToken, Account},
    clock::{Moment, Until},
    config::{is_resource, is_scope},
    discovery, end,
    error::{ErrorCode, SdkError},
    event::{EndReason, Event},
    form::Form,
    memory::{Session, Shared},
    outcome::{Outcome, Token, Want},
    patience::{self, Patience},
    store::{Host, Result},
    token_response::{self, Granted, Reply},
};

/// How often another process may be faster.
const ROUNDS: u32 = 6;

pub(crate) async fn access_token(host: &Host, account: Option<String>, want: Want) -> Result<Outcome> {
    let (_, token) = obtain(host, account, &want).await?;
    let token = token.token(&host.now());
    Ok(Outcome::Token { token })
}

/// What is at hand, without asking anybody.
pub(crate) fn cached(shared: &Shared, account: Option<String>, want: &Want, now: &Moment) -> Option<Token> {
    let mut memory = shared.memory();
    let account = account.or_else(|| memory.default.clone())?;
    let session = memory.session(&account);
    if session.unstored.is_some() {
        // Not before another try to store it.
        return None;
    }
    Some(good(session, want, now)?.token(now))
}

/// A token for what is wanted, and the account that it is of.
pub(crate) async fn obtain(
    host: &Host,
    account: Option<String>,
    want: &Want,
) -> Result<(String, AccessToken)> {
    check(want)?;
    let id = account::resolve(host, account).await?;
    let stored = store_again(host, &id).await;
    let began = host.now();
    let at_hand = {
        let mut memory = host.memory();
        let session = memory.session(&id);
        good(session, want, &began).cloned()
    };
    if let Some(token) = at_hand {
        return Ok((id, token));
    }
    // Nothing follows from a token that is not stored.
    stored?;
    if host.config().read_only {
        let (account, _) = account::load(host, &id).await?;
        let token = fresh(host, &account, want, &began).ok_or(ErrorCode::ReadOnly)?;
        return Ok((id, token));
    }
    let patience = host
        .memory()
        .session(&id)
        .wait
        .as_ref()
        .map_or(0, |until| until.left(&began));
    if patience > 0 {
        return Err(SdkError::after(ErrorCode::RateLimited, Some(patience)));
    }
    let lease = format!("refresh/{id}");
    let held = host.lock(&lease).await;
    let token = until_settled(host, &id, want, &began).await;
    if held {
        host.unlock(&lease).await;
    }
    if let Err(error) = &token
        && let Some(wait) = error.retry_after_ms
    {
        let until = Until::after(&host.now(), i64::try_from(wait).unwrap_or(0));
        host.memory().session(&id).wait = Some(until);
    }
    Ok((id, token?))
}

fn check(want: &Want) -> Result<()> {
    if !want.scopes.iter().flatten().all(|scope| is_scope(scope)) {
        return Err(ErrorCode::InvalidArgument.into());
    }
    if want
        .resource
        .as_ref()
        .is_some_and(|resource| !is_resource(resource))
    {
        return Err(ErrorCode::InvalidArgument.into());
    }
    Ok(())
}

/// A token that fits and is good for long enough.
fn good<'a>(session: &'a Session, want: &Want, now: &Moment) -> Option<&'a AccessToken> {
    if want.fresh {
        return None;
    }
    let fits = |token: &&AccessToken| matches(token, want, now) && token.since >= session.refused_before;
    session.tokens.iter().find(fits)
}

/// The same of what is stored: also one that another process has got since we were asked.
fn fresh(host: &Host, account: &Account, want: &Want, began: &Moment) -> Option<AccessToken> {
    let now = host.now();
    let refused_before = host.memory().session(&account.id).refused_before;
    let since = if want.fresh {
        // Not one that was asked for in this very millisecond, which may be the one that is to be replaced.
        began.monotonic_ms.saturating_add(1)
    } else {
        refused_before
    };
    let fits = |token: &&AccessToken| matches(token, want, &now) && token.since >= since;
    account.tokens.iter().find(fits).cloned()
}

fn matches(token: &AccessToken, want: &Want, now: &Moment) -> bool {
    let ttl = if want.min_ttl_ms == 0 {
        30_000
    } else {
        want.min_ttl_ms
    };
    token.resource == want.resource && token.asked == asked(want) && token.until.left(now) > ttl
}

fn asked(want: &Want) -> Option<String> {
    want.scopes.as_ref().map(|scopes| scopes.join(" "))
}

async fn until_settled(host: &Host, id: &str, want: &Want, began: &Moment) -> Result<AccessToken> {
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
                    // Another sign-in may have taken this one's place, and its key away.
                    if !is_still(host, &account, version).await? {
                        return Ok(None);
                    }
                    // Without its key the session can only end.
                    end::over(host, &account, EndReason::KeyLost).await?;
                    return Err(error);
                }
                made => Some(made?),
            },
        };
        // After the proof: so it is older than whatever another process has made of this store.
        if !is_still(host, &account, version).await? {
            return Ok(None);
        }
        let sent = host.now();
        let before = patience::offset(host);
        let reply = token_response::post(host, &account.server, &form, account.key.as_ref(), proof).await?;
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
        token_response::request(host, "refresh_token")
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
async fn store_again(host: &Host, id: &str) -> Result<()> {
    let unstored = host.memory().session(id).unstored.clone();
    let Some((account, version)) = unstored else {
        return Ok(());
    };
    if write(host, &account, version).await? {
        host.tell(Event::StorageRecovered {
            account: id.to_owned(),
        });
    }
    host.memory().session(id).unstored = None;
    Ok(())
}
