//! What happened: oldest first for archives and for what a backup has lost, newest first and live for who looks, and counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        id::EventId,
        page::Page,
        time::{Instant, Lifetime},
    },
    domain::{audit::Place, event::EventLine, event_filter::EventFilter, event_kind::EventKind},
    flows::Provider,
    store::{
        audit,
        error::{Result, StoreError},
        events::{
            self,
            list::{self, newest},
        },
    },
};

/// A page of events, oldest first, behind `after`. So many of the kind are looked at, or of all kinds, so a page may have
/// fewer, and there are more all the same: go on as long as it has a `next`.
pub async fn oldest(
    provider: &Provider,
    filter: &EventFilter,
    after: Option<EventId>,
    limit: i64,
) -> Result<Page<EventLine>> {
    let first = EventId::first_at(filter.since.unwrap_or(Instant::from_millis(0)));
    let after = after.map_or(first, |after| after.max(first));
    let until = filter.until.map(EventId::first_at);
    let until = until.unwrap_or(EventId::from_bytes([u8::MAX; 16]));
    let rows = events::between(&provider.db, (after, until), filter.kind, limit.saturating_add(1)).await?;
    let mut page = Page::cut(rows, limit, |event| event.id.to_string());
    page.items.retain(|event| filter.takes(event));
    Ok(page)
}

/// A page of events, newest first, and where the next one begins.
pub async fn list(
    provider: &Provider,
    filter: &EventFilter,
    before: Option<EventId>,
    limit: i64,
) -> Result<Page<EventLine>> {
    let rows = newest(&provider.db, filter, before, limit.saturating_add(1)).await?;
    Ok(Page::cut(rows, limit, |event| event.id.to_string()))
}

/// What came behind a place in the trail, and the place behind that.
#[derive(Debug)]
pub struct Live {
    /// The events, oldest first.
    pub events: Vec<EventLine>,
    /// Where to go on.
    pub cursor: Place,
}

/// Why nobody can go on from a place.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The database went back behind it, or what was there is not kept any more.
    #[error(
        "the trail does not have this place: the database went back behind it, or what was there is not kept any more; begin \
         again without a cursor, and read with GET /events what you have not seen"
    )]
    WentBack,
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came behind `cursor`, at most so many looked at; nothing begins with what comes from now on. An event is here a
/// second after it was committed, and none is missed: they come in the order of the chain, not of their ids.
pub async fn live(
    provider: &Provider,
    filter: &EventFilter,
    cursor: Option<Place>,
    limit: i64,
) -> std::result::Result<Live, LiveError> {
    let Some(mut cursor) = cursor else {
        let head = audit::head(&provider.db).await?;
        return Ok(Live {
            events: Vec::new(),
            cursor: Place::behind(head.seq, head.hash),
        });
    };
    if !has(provider, cursor).await? {
        return Err(LiveError::WentBack);
    }
    let rows = list::since(&provider.db, cursor.seq, limit).await?;
    if let Some((place, _)) = rows.last() {
        cursor = *place;
    }
    let events = rows.into_iter().map(|(_, event)| event);
    Ok(Live {
        events: events.filter(|event| filter.takes(event)).collect(),
        cursor,
    })
}

/// Whether the trail has a place: an event of it, or what the oldest that is kept comes behind.
async fn has(provider: &Provider, place: Place) -> Result<bool> {
    if let Some(hash) = audit::hash_at(&provider.db, place.seq).await? {
        return Ok(Place::behind(place.seq, hash) == place);
    }
    let kept = audit::kept(&provider.db).await?;
    Ok(Place::behind(kept.seq, kept.hash) == place)
}

/// How long what is counted together is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An hour.
    Hour,
    /// A day (UTC).
    Day,
}

impl Step {
    /// How long it is.
    pub const fn length(self) -> Lifetime {
        match self {
            Self::Hour => Lifetime::from_secs(3600),
            Self::Day => Lifetime::from_days(1),
        }
    }

    /// When the one began that an instant is in.
    pub fn start(self, at: Instant) -> Instant {
        let length = self.length().millis();
        Instant::from_millis(at.millis().div_euclid(length) * length)
    }
}

/// How often something happened in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// When the step began.
    pub at: Instant,
    /// What.
    pub kind: String,
    /// How often. Failed sign-ins are counted one by one.
    pub count: i64,
}

/// How often things happened from `since` until `until`, step by step; of one kind or all. Steps in which nothing happened
/// are left out.
pub async fn counts(
    provider: &Provider,
    since: Instant,
    until: Instant,
    step: Step,
    kind: Option<EventKind>,
) -> Result<Vec<Counted>> {
    let mut steps = BTreeMap::new();
    let kind = kind.map(EventKind::as_str);
    for (hour, kind, count) in list::counts(&provider.db, step.start(since), until, kind).await? {
        *steps.entry((step.start(hour), kind)).or_insert(0) += count;
    }
    let counted = steps.into_iter();
    Ok(counted
        .map(|((at, kind), count)| Counted { at, kind, count })
        .collect())
}
