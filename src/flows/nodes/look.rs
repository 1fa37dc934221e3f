//! How a node reads what others ended: page by page until there is nothing more, however much it is.
//!
//! A *complete* look reads everything that was recorded lately, so that what was committed late, out of turn, is found too.
//! After a great end it takes its time; so meanwhile, and between two of them, *quick* looks read what is new.

use crate::{
    base::{
        id::{BrowserSessionId, DeviceSessionId},
        time::{Instant, Lifetime},
    },
    domain::revocation::{Name, Revocation},
    flows::Provider,
    store::{
        ends::{self, RevocationRow},
        error::Result,
    },
};

/// How far back a complete look goes: longer than a transaction that ends something may take to be seen.
const LATELY: Lifetime = Lifetime::from_secs(60);
/// How far a quick look goes back behind the begin of the one before it: clocks differ a little, and commits take a moment.
const OVERLAP: Lifetime = Lifetime::from_millis(500);
/// How many rows of a kind are read at once.
const PAGE: i64 = 5000;
/// So many rows cost nothing: as long as there are no more, every look is complete.
const FEW: usize = 2000;
/// When there are more, the next complete look comes so long after the begin of the last.
const COMPLETE: Lifetime = Lifetime::from_secs(1);
/// How long a complete look goes on before a quick one comes between.
const QUICK: Lifetime = Lifetime::from_millis(250);

/// The looks of a node, with what it knows from one to the next.
#[derive(Debug)]
pub struct Looks {
    /// Since when, by the database's clock, a quick look reads.
    since: Instant,
    /// When the last look of any kind began, by this machine's clock.
    looked_at: Instant,
    /// The same of the last complete one, and how many rows it read.
    complete: Option<(Instant, usize)>,
}

impl Looks {
    /// Nothing is known yet.
    pub fn new(provider: &Provider) -> Self {
        Self {
            since: provider.clock.now().minus(LATELY),
            looked_at: provider.clock.own(),
            complete: None,
        }
    }

    /// Looks for what was recorded lately on any node. Whether that was complete.
    pub async fn catch_up(&mut self, provider: &Provider) -> Result<bool> {
        let own = provider.clock.own();
        let is_due = self
            .complete
            .is_none_or(|(began, rows)| rows <= FEW || own < began || own.since(began) >= COMPLETE);
        if is_due {
            let since = provider.clock.now().minus(LATELY);
            self.complete(provider, Pages::since(since)).await?;
        } else {
            self.quick(provider).await?;
        }
        Ok(is_due)
    }

    /// Reads all of `pages`, with quick looks between.
    pub async fn complete(&mut self, provider: &Provider, mut pages: Pages) -> Result<()> {
        let began = self.begin(provider);
        while pages.read_next(provider).await? {
            if provider.clock.own().since(self.looked_at) >= QUICK {
                self.quick(provider).await?;
            }
        }
        self.complete = Some((began, pages.rows));
        Ok(())
    }

    async fn quick(&mut self, provider: &Provider) -> Result<()> {
        let mut pages = Pages::since(self.since);
        self.begin(provider);
        while pages.read_next(provider).await? {}
        Ok(())
    }

    fn begin(&mut self, provider: &Provider) -> Instant {
        self.looked_at = provider.clock.own();
        self.since = provider.clock.now().minus(OVERLAP);
        self.looked_at
    }
}

/// Where the next page of each kind begins; nothing when the last one has been read.
#[derive(Debug)]
pub struct Pages {
    devices: Option<(Instant, DeviceSessionId)>,
    browsers: Option<(Instant, BrowserSessionId)>,
    revocations: Option<(Instant, Name)>,
    order: Order,
    rows: usize,
}

/// By what revocations are read.
#[derive(Debug, Clone, Copy)]
enum Order {
    Recorded,
    Until,
}

impl Pages {
    /// Everything that was recorded since.
    fn since(since: Instant) -> Self {
        Self::of(since, since, Order::Recorded)
    }

    /// What ended since, and every revocation in force.
    pub(super) fn in_force(ended_since: Instant, now: Instant) -> Self {
        Self::of(ended_since, now, Order::Until)
    }

    fn of(ended: Instant, revoked: Instant, order: Order) -> Self {
        // Before everything of the next millisecond.
        let [ended, revoked] = [ended, revoked].map(|at| at.plus(Lifetime::from_millis(1)));
        Self {
            devices: Some((ended, DeviceSessionId::from_bytes([0; 16]))),
            browsers: Some((ended, BrowserSessionId::from_bytes([0; 16]))),
            revocations: Some((revoked, Name::default())),
            order,
            rows: 0,
        }
    }

    /// Reads one page and remembers it. False when there was none left. What resource servers have to hear comes first.
    async fn read_next(&mut self, provider: &Provider) -> Result<bool> {
        let (db, memory) = (&provider.polled, &provider.ends);
        let is_last = |rows: usize| i64::try_from(rows) != Ok(PAGE);
        if let Some((at, (kind, id))) = self.revocations.take() {
            let statement = match self.order {
                Order::Recorded => ends::REVOCATIONS,
                Order::Until => ends::IN_FORCE,
            };
            let rows = db.read_all(statement, (at, kind, id, PAGE)).await?;
            self.rows += rows.len();
            let rows: Vec<_> = rows.into_iter().map(read).collect();
            if !is_last(rows.len()) {
                self.revocations = rows.last().map(|(name, last)| match self.order {
                    Order::Recorded => (last.recorded_at, name.clone()),
                    Order::Until => (last.until, name.clone()),
                });
            }
            memory.revoke(rows);
            return Ok(true);
        }
        if let Some((at, id)) = self.devices.take() {
            let rows = db.read_all(ends::DEVICES, (at, id, PAGE)).await?;
            self.rows += rows.len();
            if !is_last(rows.len()) {
                self.devices = rows.last().map(|(id, at)| (*at, *id));
            }
            for (id, at) in rows {
                memory.devices.insert(id, at);
            }
            return Ok(true);
        }
        if let Some((at, id)) = self.browsers.take() {
            let rows = db.read_all(ends::BROWSERS, (at, id, PAGE)).await?;
            self.rows += rows.len();
            if !is_last(rows.len()) {
                self.browsers = rows.last().map(|(id, at)| (*at, *id));
            }
            for (id, at) in rows {
                memory.browsers.insert(id, at);
            }
            return Ok(true);
        }
        Ok(false)
    }
}

fn read((kind, id, session, issued_before, until, recorded_at): RevocationRow) -> (Name, Revocation) {
    let revocation = Revocation {
        session,
        issued_before,
        until,
        recorded_at,
    };
    ((kind, id), revocation)
}
