//! Pages of one person that are answered at once, on PostgreSQL: each answer has a transaction of its own.

use std::{sync::Arc, time::Duration};

use postern::{
    base::{
        id::{ClientId, EventId, UserId},
        time::{Clock, Instant},
    },
    domain::event::{Event, EventRecord, Subject},
    store::{
        consents::{self, NewConsent},
        db::{Change, WriteTx},
        error::Result,
    },
};
use tokio::sync::Barrier;

use crate::harness::{ALICE, Postern, postgres::database};

/// An answer to a page that was shown when nothing was allowed yet.
struct Answer {
    user: UserId,
    client: ClientId,
    consent: NewConsent,
    now: Instant,
    /// Met when it is written, and again before it is committed.
    held: Option<Arc<Barrier>>,
}

impl Answer {
    async fn of(postern: &Postern, asked: &str) -> Self {
        let (now, user) = (postern.clock.now(), postern.user(ALICE).await.id);
        let asked = asked.parse().expect("a scope");
        let event = EventRecord {
            id: EventId::new(now, &postern.provider().entropy),
            at: now,
            subject: Subject::default(),
            actor: None,
            event: Event::ConsentGranted {
                scope: Clone::clone(&asked),
            },
        };
        Self {
            user,
            client: "notes".parse().expect("an id"),
            consent: NewConsent {
                before: None,
                asked,
                event,
            },
            now,
            held: None,
        }
    }
}

impl Change for Answer {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        consents::remember(tx, self.user, &self.client, &self.consent, self.now).await?;
        if let Some(held) = &self.held {
            held.wait().await;
            held.wait().await;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stale_pages_that_are_answered_at_once_lose_nothing_of_each_other() {
    let Some(database) = database().await else {
        return;
    };
    let clock = Clock::manual(Instant::from_millis(1_790_000_000_000));
    let postern = Postern::start_at(clock, Some(database), |_| {}).await;
    let db = postern.provider().db.clone();
    db.write(Answer::of(&postern, "openid").await)
        .await
        .expect("written");

    let held = Arc::new(Barrier::new(2));
    let first = Answer {
        held: Some(held.clone()),
        ..Answer::of(&postern, "email").await
    };
    let first = tokio::spawn({
        let db = db.clone();
        async move { db.write(first).await }
    });
    held.wait().await;
    let second = Answer::of(&postern, "profile").await;
    let second = tokio::spawn(async move { db.write(second).await });
    let waits = "SELECT COUNT(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'postern' AND wait_event_type = 'Lock'";
    while postern.number(waits).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    held.wait().await;
    for answered in [first, second] {
        answered.await.expect("joined").expect("written");
    }

    assert_eq!(
        postern.texts("SELECT scope FROM consents").await,
        ["email openid profile"]
    );
    assert_eq!(postern.count_events("consent.granted").await, 3);
}
