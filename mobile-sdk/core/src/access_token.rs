//! Which access token an app gets: one that is at hand, or one of a refresh.

use crate::{
    account,
    clock::{Moment, Until},
    config::{is_resource, is_scope},
    error::{ErrorCode, SdkError},
    host::{Host, Result},
    memory::{Session, Shared},
    outcome::{Outcome, Token, Want},
    record::account::{AccessToken, Account},
    refresh,
};

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
    let stored = refresh::store_again(host, &id).await;
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
    let token = refresh::until_settled(host, &id, want, &began).await;
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
pub(crate) fn fresh(host: &Host, account: &Account, want: &Want, began: &Moment) -> Option<AccessToken> {
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

pub(crate) fn asked(want: &Want) -> Option<String> {
    want.scopes.as_ref().map(|scopes| scopes.join(" "))
}
