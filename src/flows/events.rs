//! What happened, oldest first: for archives, and for what a backup has lost.

use crate::{
    base::{id::EventId, time::Instant},
    domain::event::EventLine,
    flows::Provider,
    store::{error::Result, events},
};

/// How many events are read at once.
const PAGE: i64 = 500;

/// A span of events, in pages: however many there are, a few are in memory.
#[derive(Debug)]
pub struct Export {
    after: EventId,
    before: EventId,
}

impl Export {
    /// Events from `since` on, until `until` if that is given, which is not included.
    pub fn new(since: Instant, until: Option<Instant>) -> Self {
        Self {
            after: EventId::first_at(since),
            before: until.map_or(EventId::from_bytes([u8::MAX; 16]), EventId::first_at),
        }
    }

    /// The next page; an empty one at the end.
    pub async fn next(&mut self, provider: &Provider) -> Result<Vec<EventLine>> {
        let page = events::between(&provider.db, self.after, self.before, PAGE).await?;
        if let Some(last) = page.last() {
            self.after = last.id;
        }
        Ok(page)
    }
}
