//! Browser sessions in lists: walked along a key, newest first, so many rows at a time whatever state they are in, like device
//! sessions (`store/device_sessions/list.rs`).

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        id::{BrowserSessionId, UserId},
        time::Instant,
    },
    domain::browser_session_filter::BrowserTraits,
    store::{
        db::{Db, statements},
        error::Result,
    },
};

type Row = (
    BrowserSessionId,
    UserId,
    String,
    Instant,
    Instant,
    Instant,
    Option<Instant>,
    Option<String>,
);

statements! {
    NEWEST: (BrowserSessionId, BrowserSessionId, i64) => Row =
        "SELECT id, user_id, label, created_at, last_seen_at, expires_at, ended_at, end_reason
         FROM browser_sessions WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3";
    NEWEST_OF_USER: (UserId, BrowserSessionId, BrowserSessionId, i64) => Row =
        "SELECT id, user_id, label, created_at, last_seen_at, expires_at, ended_at, end_reason
         FROM browser_sessions WHERE user_id = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4";
    /// A person's live ones.
    OF_USER: (UserId, Instant, Instant) => Row =
        "SELECT id, user_id, label, created_at, last_seen_at, expires_at, ended_at, end_reason
         FROM browser_sessions
         WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 AND last_seen_at > $3 ORDER BY id DESC LIMIT 200";
    ONE: (BrowserSessionId,) => Row =
        "SELECT id, user_id, label, created_at, last_seen_at, expires_at, ended_at, end_reason
         FROM browser_sessions WHERE id = $1";
}

/// A browser session in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListedBrowserSession {
    /// Its id.
    pub id: BrowserSessionId,
    /// Whose.
    pub user: UserId,
    /// What the browser said it is.
    pub label: String,
    /// When it began.
    pub created_at: Instant,
    /// When it was last seen.
    pub last_seen_at: Instant,
    /// When it ends at the latest.
    pub expires_at: Instant,
    /// When and why it ended.
    #[serde(skip)]
    pub end: Option<(Instant, String)>,
}

impl ListedBrowserSession {
    /// What filters look at.
    pub fn traits(&self) -> BrowserTraits<'_> {
        BrowserTraits {
            user: self.user,
            label: &self.label,
            used_at: self.last_seen_at,
            opened_at: self.created_at,
        }
    }
}

fn read(
    (id, user, label, created_at, last_seen_at, expires_at, ended_at, reason): Row,
) -> ListedBrowserSession {
    ListedBrowserSession {
        id,
        user,
        label,
        created_at,
        last_seen_at,
        expires_at,
        end: ended_at.zip(reason),
    }
}

/// The newest sessions before an id and not before another, whatever their state, so many at most; of one person when that is
/// said.
pub async fn newest(
    db: &Db,
    user: Option<UserId>,
    before: BrowserSessionId,
    since: BrowserSessionId,
    limit: i64,
) -> Result<Vec<ListedBrowserSession>> {
    let rows = match user {
        None => db.read_all(NEWEST, (before, since, limit)).await?,
        Some(user) => db.read_all(NEWEST_OF_USER, (user, before, since, limit)).await?,
    };
    Ok(rows.into_iter().map(read).collect())
}

/// A person's live browser sessions, newest first; 200 at most.
pub async fn of_user(
    db: &Db,
    user: UserId,
    now: Instant,
    idle_since: Instant,
) -> Result<Vec<ListedBrowserSession>> {
    let rows = db.read_all(OF_USER, (user, now, idle_since)).await?;
    Ok(rows.into_iter().map(read).collect())
}

/// One session, whatever its state.
pub async fn one(db: &Db, id: BrowserSessionId) -> Result<Option<ListedBrowserSession>> {
    Ok(db.read(ONE, (id,)).await?.map(read))
}
