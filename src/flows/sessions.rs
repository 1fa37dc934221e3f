//! Where somebody is signed in: sessions that would still be answered.

use crate::{
    base::{
        id::{DeviceSessionId, UserId},
        page::Page,
    },
    domain::device_session::lives_until,
    flows::Provider,
    store::{browser_sessions, device_sessions, error::Result},
};

/// The fewest rows that are read at once: idle ones among them cost no statement of their own.
const BATCH: i64 = 100;

/// Device sessions after an id, in order; of one user, or of everybody. Those that a refresh would not revive any more
/// are left out: their own end has come, or they idled for longer than their client allows.
pub async fn devices(
    provider: &Provider,
    user: Option<UserId>,
    after: Option<DeviceSessionId>,
    limit: i64,
) -> Result<Page<device_sessions::list::Listed>> {
    let now = provider.clock.now();
    let is_live = |session: &device_sessions::list::Listed| {
        let lifetimes = provider.clients.lifetimes(&session.client, &provider.lifetimes);
        lives_until(
            session.last_used_at,
            lifetimes.device_session_idle,
            session.expires_at,
        ) > now
    };
    // One more than asked for tells whether there are more.
    let wanted = usize::try_from(limit).unwrap_or(0) + 1;
    let batch = BATCH.max(limit + 1);
    let mut after = after.unwrap_or_else(|| DeviceSessionId::from_bytes([0; 16]));
    let mut live = Vec::new();
    while live.len() < wanted {
        let rows = device_sessions::list::active(&provider.db, user, after, now, batch).await?;
        let is_last = i64::try_from(rows.len()).is_ok_and(|rows| rows < batch);
        if let Some(last) = rows.last() {
            after = last.id;
        }
        live.extend(rows.into_iter().filter(is_live));
        if is_last {
            break;
        }
    }
    Ok(Page::cut(live, limit, |session| session.id.to_string()))
}

/// A person's browser sessions, newest first.
pub async fn browsers(provider: &Provider, user: UserId) -> Result<Vec<browser_sessions::Listed>> {
    let now = provider.clock.now();
    browser_sessions::of_user(&provider.db, user, now, provider.idle_since(now)).await
}
