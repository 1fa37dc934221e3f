//! Where somebody is signed in: sessions that would still be answered.

pub mod browsers;

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        id::{ClientId, DeviceSessionId},
        page::Page,
        time::Instant,
    },
    domain::{device_session::lives_until, session_filter::SessionFilter},
    flows::Provider,
    store::{
        app_versions::{self, VersionCount},
        device_sessions,
        device_sessions::list::{self, Along, ListedDeviceSession, SessionState},
        error::Result,
    },
};

/// The fewest rows that are read at once: ended ones among them cost no statement of their own.
const FEWEST: i64 = 100;
/// The most.
const STRIDE: i64 = 1000;
/// How many rows one search looks at, so that none takes long.
const BUDGET: u64 = 4000;

/// What a search found. It looks at a bounded number of sessions, so a page may have fewer items than were asked for, even
/// none, and there is more all the same: go on as long as it has a `next`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Search<T> {
    /// The page.
    #[serde(flatten)]
    pub page: Page<T>,
    /// How many sessions were looked at.
    pub looked_at: u64,
}

impl<T> Search<T> {
    /// A page of what was found; `before` is where the walk stopped that did not come to its end.
    fn cut(
        found: Vec<T>,
        limit: i64,
        looked_at: u64,
        before: Option<String>,
        key: impl Fn(&T) -> String,
    ) -> Self {
        let mut page = Page::cut(found, limit, key);
        page.next = page.next.or(before);
        Self { page, looked_at }
    }
}

/// Live device sessions that fit, newest first, before `after` when that is there. Those that a refresh would not revive any
/// more are left out: their own end has come, or they idled for longer than their client allows.
pub async fn list(
    provider: &Provider,
    filter: &SessionFilter,
    after: Option<DeviceSessionId>,
    limit: i64,
) -> Result<Search<ListedDeviceSession>> {
    let now = provider.clock.now();
    let limit = limit.max(1);
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut walk = Walk::new(filter, after);
    // One more than asked for tells whether there are more.
    let mut stride = (limit + 1).clamp(FEWEST, STRIDE);
    let mut found = Vec::new();
    while found.len() <= wanted && walk.looked_at < BUDGET && !walk.is_over {
        let rows = walk.next(provider, stride).await?;
        let fits = |row: &ListedDeviceSession| is_live(provider, row, now) && filter.fits(&row.traits());
        found.extend(rows.into_iter().filter(fits));
        stride = STRIDE;
    }
    let before = (!walk.is_over).then(|| walk.before.to_string());
    let id = |session: &ListedDeviceSession| session.id.to_string();
    Ok(Search::cut(found, limit, walk.looked_at, before, id))
}

/// Whether a refresh would be answered.
fn is_live(provider: &Provider, session: &ListedDeviceSession, now: Instant) -> bool {
    let lifetimes = provider.clients.lifetimes(&session.client, &provider.lifetimes);
    let until = || {
        lives_until(
            session.last_used_at,
            lifetimes.device_session_idle,
            session.expires_at,
        )
    };
    session.state == SessionState::Active && until() > now
}

/// A walk over the sessions among which those are that fit, newest first.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    along: Along<'a>,
    since: DeviceSessionId,
    /// How far it came.
    pub(super) before: DeviceSessionId,
    /// How many rows it has seen.
    pub(super) looked_at: u64,
    /// Whether there are no more.
    pub(super) is_over: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(filter: &'a SessionFilter, after: Option<DeviceSessionId>) -> Self {
        let (since, before) = filter.drawn();
        let newest = before.map_or(DeviceSessionId::from_bytes([0xff; 16]), DeviceSessionId::first_at);
        Self {
            along: match (filter.user, &filter.client) {
                (Some(user), _) => Along::User(user),
                (None, Some(client)) => Along::Client(client),
                (None, None) => Along::All,
            },
            since: since.map_or(DeviceSessionId::from_bytes([0; 16]), DeviceSessionId::first_at),
            before: after.map_or(newest, |after| after.min(newest)),
            looked_at: 0,
            is_over: false,
        }
    }

    /// The next rows, whatever their state.
    pub(super) async fn next(
        &mut self,
        provider: &Provider,
        stride: i64,
    ) -> Result<Vec<ListedDeviceSession>> {
        let rows = list::newest(&provider.db, self.along, self.before, self.since, stride).await?;
        if let Some(last) = rows.last() {
            self.before = last.id;
        }
        self.looked_at += rows.len() as u64;
        self.is_over = i64::try_from(rows.len()).is_ok_and(|rows| rows < stride);
        Ok(rows)
    }
}

/// How a session stands, as who looks at it sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was allowed, and its app has not come for it yet.
    Granted,
    /// A refresh would be answered.
    Active,
    /// It ended by itself.
    Expired,
    /// It was ended.
    Ended,
}

impl State {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Ended => "ended",
        }
    }
}

/// A session with what became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shown<T = ListedDeviceSession> {
    /// The session.
    #[serde(flatten)]
    pub session: T,
    /// How it stands.
    pub state: State,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Instant>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<String>,
}

/// One device session; ended ones are there for two days.
pub async fn show(provider: &Provider, id: DeviceSessionId) -> Result<Option<Shown>> {
    let Some(session) = list::one(&provider.db, id).await? else {
        return Ok(None);
    };
    let end = match session.state {
        SessionState::Ended => list::end(&provider.db, id).await?,
        SessionState::Granted | SessionState::Active => None,
    };
    let state = match session.state {
        SessionState::Granted => State::Granted,
        SessionState::Active if is_live(provider, &session, provider.clock.now()) => State::Active,
        SessionState::Active => State::Expired,
        SessionState::Ended => State::Ended,
    };
    let (ended_at, end_reason) = end.unzip();
    Ok(Some(Shown {
        session,
        state,
        ended_at,
        end_reason,
    }))
}

/// A device session with what was allowed.
#[derive(Debug, Serialize)]
pub struct Detailed {
    /// The session.
    #[serde(flatten)]
    pub shown: Shown,
    /// What its tokens may at most.
    pub scope: String,
    /// When its person proved who they are.
    pub auth_time: Instant,
}

/// One device session, likewise.
pub async fn detailed(provider: &Provider, id: DeviceSessionId) -> Result<Option<Detailed>> {
    let shown = show(provider, id).await?;
    let found = device_sessions::find(&provider.db, id).await?;
    Ok(shown.zip(found).map(|(shown, found)| Detailed {
        shown,
        scope: found.grant.scope.to_string(),
        auth_time: found.grant.auth_time,
    }))
}

/// How many live sessions each version of an app has, most first; of every app without `client`. They are counted by a walk
/// over all sessions (`sweep/walk.rs`), and each count says when it was finished.
pub async fn versions(provider: &Provider, client: Option<&ClientId>) -> Result<Vec<VersionCount>> {
    app_versions::list(&provider.db, client).await
}
