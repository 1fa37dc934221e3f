//! Events that somebody wants to see: newest first, or as they come. Each list goes along the index of the narrowest thing
//! that is asked for and judges the rest row by row.

use crate::{
    base::{
        digest::Digest,
        id::{ClientId, DeviceSessionId, EventId, UserId},
        time::Instant,
    },
    domain::{audit::Place, event::EventLine, event_filter::EventFilter},
    store::{
        db::{Db, statements},
        error::Result,
        events::{EventRow, actor_column},
    },
};

/// What every list binds: before which id, after which, how many; then what is asked for, where it is.
type Asked = (
    EventId,
    EventId,
    i64,
    Option<String>,
    Option<UserId>,
    Option<ClientId>,
    Option<DeviceSessionId>,
    Option<String>,
    Option<String>,
);

/// The same list along each index.
macro_rules! lists {
    ($($name:ident = $along:literal;)*) => {
        statements! {
            $($name: (EventId, EventId, i64, Option<String>, Option<UserId>, Option<ClientId>, Option<DeviceSessionId>,
                      Option<String>, Option<String>) => EventRow =
                "SELECT id, at, kind, user_id, client_id, session_id, address, actor, data FROM events
                 WHERE id < $1 AND id > $2 " { sqlite: $along, postgres: $along }
                " AND ($4 IS NULL OR kind = $4) AND ($5 IS NULL OR user_id = $5) AND ($6 IS NULL OR client_id = $6)
                 AND ($7 IS NULL OR session_id = $7) AND ($8 IS NULL OR actor = $8) AND ($9 IS NULL OR address = $9)
                 ORDER BY id DESC LIMIT $3";)*
            /// What came behind a number of the chain, in its order: number, limit.
            SINCE: (i64, i64) => NumberedRow =
                "SELECT seq, hash, id, at, kind, user_id, client_id, session_id, address, actor, data FROM events
                 WHERE seq > $1 ORDER BY seq LIMIT $2";
            /// How often something happened in each hour: from, until, kinds of this one or all.
            COUNTS: (Instant, Instant, Option<String>) => (Instant, String, i64) =
                "SELECT hour, kind, count FROM event_counts
                 WHERE hour >= $1 AND hour < $2 AND ($3 IS NULL OR kind = $3) ORDER BY hour, kind";
        }
    };
}

lists! {
    LIST_ALL = "";
    LIST_OF_SESSION = "AND session_id = $7";
    LIST_OF_USER = "AND user_id = $5";
    LIST_BY_ACTOR = "AND actor = $8";
    LIST_FROM_ADDRESS = "AND address = $9";
    LIST_OF_CLIENT = "AND client_id = $6";
    LIST_OF_KIND = "AND kind = $4";
}

#[derive(Debug, sqlx::FromRow)]
struct NumberedRow {
    seq: i64,
    hash: Option<Digest>,
    #[sqlx(flatten)]
    row: EventRow,
}

/// Those that `filter` takes before an id, newest first, so many at most.
pub async fn newest(
    db: &Db,
    filter: &EventFilter,
    before: Option<EventId>,
    limit: i64,
) -> Result<Vec<EventLine>> {
    let last = EventId::from_bytes([u8::MAX; 16]);
    let until = filter.until.map_or(last, EventId::first_at);
    // Ids begin with the time: what is not before `since` is behind the last id of the millisecond before it.
    let since = filter
        .since
        .map_or(EventId::from_bytes([0; 16]), EventId::first_at);
    let asked: Asked = (
        before.map_or(until, |before| before.min(until)),
        since,
        limit,
        filter.kind.map(|kind| kind.as_str().to_owned()),
        filter.user,
        filter.client.clone(),
        filter.session,
        actor_column(filter.actor.as_ref())?,
        filter.address.clone(),
    );
    let along = if filter.session.is_some() {
        LIST_OF_SESSION
    } else if filter.user.is_some() {
        LIST_OF_USER
    } else if filter.actor.is_some() {
        LIST_BY_ACTOR
    } else if filter.address.is_some() {
        LIST_FROM_ADDRESS
    } else if filter.client.is_some() {
        LIST_OF_CLIENT
    } else if filter.kind.is_some() {
        LIST_OF_KIND
    } else {
        LIST_ALL
    };
    let rows = db.read_all(along, asked).await?;
    rows.into_iter().map(EventRow::read).collect()
}

/// What came behind a number of the chain, each with the place behind it, so many at most.
pub async fn since(db: &Db, seq: i64, limit: i64) -> Result<Vec<(Place, EventLine)>> {
    let rows = db.read_all(SINCE, (seq, limit)).await?;
    rows.into_iter()
        .map(|NumberedRow { seq, hash, row }| {
            // Whose hash somebody took away is no place to go on from.
            let place = Place::behind(seq, hash.unwrap_or_else(Digest::zero));
            Ok((place, row.read()?))
        })
        .collect()
}

/// How often what happened in each hour from `since` until `until`: hour, kind, count.
pub async fn counts(
    db: &Db,
    since: Instant,
    until: Instant,
    kind: Option<&str>,
) -> Result<Vec<(Instant, String, i64)>> {
    db.read_all(COUNTS, (since, until, kind.map(str::to_owned))).await
}
