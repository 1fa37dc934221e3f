//! The browsers in which somebody is signed in.

use super::{BUDGET, FEWEST, STRIDE, Search, Shown, State};
use crate::{
    base::{
        id::{BrowserSessionId, UserId},
        time::Instant,
    },
    domain::browser_session_filter::BrowserSessionFilter,
    flows::Provider,
    store::{
        browser_sessions::list::{self, ListedBrowserSession},
        error::Result,
    },
};

/// Live browser sessions that fit, newest first, before `after` when that is there.
pub async fn list(
    provider: &Provider,
    filter: &BrowserSessionFilter,
    after: Option<BrowserSessionId>,
    limit: i64,
) -> Result<Search<ListedBrowserSession>> {
    let now = provider.clock.now();
    let limit = limit.max(1);
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let (since, before) = filter.drawn();
    let since = since.map_or(BrowserSessionId::from_bytes([0; 16]), BrowserSessionId::first_at);
    let newest = before.map_or(
        BrowserSessionId::from_bytes([0xff; 16]),
        BrowserSessionId::first_at,
    );
    let mut before = after.map_or(newest, |after| after.min(newest));
    // One more than asked for tells whether there are more.
    let mut stride = (limit + 1).clamp(FEWEST, STRIDE);
    let (mut found, mut looked_at, mut is_over) = (Vec::new(), 0, false);
    while found.len() <= wanted && looked_at < BUDGET && !is_over {
        let rows = list::newest(&provider.db, filter.user, before, since, stride).await?;
        before = rows.last().map_or(before, |last| last.id);
        looked_at += rows.len() as u64;
        is_over = i64::try_from(rows.len()).is_ok_and(|rows| rows < stride);
        let fits = |row: &ListedBrowserSession| is_live(provider, row, now) && filter.fits(&row.traits());
        found.extend(rows.into_iter().filter(fits));
        stride = STRIDE;
    }
    let before = (!is_over).then(|| before.to_string());
    Ok(Search::cut(found, limit, looked_at, before, |session| {
        session.id.to_string()
    }))
}

/// Whether its cookie would be taken.
fn is_live(provider: &Provider, session: &ListedBrowserSession, now: Instant) -> bool {
    session.end.is_none() && session.expires_at > now && session.last_seen_at > provider.idle_since(now)
}

/// One browser session; ended ones are there for two days.
pub async fn show(provider: &Provider, id: BrowserSessionId) -> Result<Option<Shown<ListedBrowserSession>>> {
    let found = list::one(&provider.db, id).await?;
    Ok(found.map(|session| {
        let state = match &session.end {
            Some(_) => State::Ended,
            None if is_live(provider, &session, provider.clock.now()) => State::Active,
            None => State::Expired,
        };
        let (ended_at, end_reason) = session.end.clone().unzip();
        Shown {
            session,
            state,
            ended_at,
            end_reason,
        }
    }))
}

/// A person's browser sessions, newest first; 200 at most.
pub async fn of_user(provider: &Provider, user: UserId) -> Result<Vec<ListedBrowserSession>> {
    let now = provider.clock.now();
    list::of_user(&provider.db, user, now, provider.idle_since(now)).await
}
