//! How events come into the chain: whatever the order in which they are committed, once each, by one process.

use postern::{
    base::id::EventId,
    domain::{
        event::{Event, Subject},
        event_filter::EventFilter,
    },
    flows::{
        audit::{
            Chain,
            verify::{Finding, Notice, Verdict, verify},
        },
        events::{LiveError, live},
    },
    store::audit,
};

use super::{checkpoint, findings, findings_against, verified, with_a_trail};
use crate::harness::Postern;

const UNCHAINED: &str = "SELECT COUNT(*) FROM events WHERE seq IS NULL";

/// An event that was made so long ago and is committed now.
async fn committed_late(postern: &Postern, ago: &str) {
    let at = postern.clock.now().minus(ago.parse().expect("a length of time"));
    postern.happened(at, Event::UserDisabled).await;
}

#[tokio::test]
async fn what_is_committed_late_comes_behind_what_was_faster() {
    let postern = with_a_trail().await;
    for _ in 0..3 {
        committed_late(&postern, "20s").await;
        postern.chains().await;
    }
    assert_eq!(postern.number(UNCHAINED).await, 0);
    assert_eq!(findings(&postern).await, []);
}

#[tokio::test]
async fn many_are_taken_in_in_small_changes_and_each_once() {
    let postern = Postern::start().await;
    for _ in 0..457 {
        committed_late(&postern, "1s").await;
    }
    let rows = postern.number("SELECT COUNT(*) FROM events").await;
    postern.chains().await;
    let report = verified(&postern).await;
    assert_eq!((report.last, report.findings), (rows, vec![]));
    // Who has nothing to do writes nothing.
    let mut chain = Chain::default();
    while chain.round(postern.provider()).await.expect("answered") {}
    let (count, _) = postern.statements(chain.round(postern.provider())).await;
    assert_eq!(count, 2, "one look at the events, one at failed sign-ins");
}

#[tokio::test]
async fn of_two_processes_one_has_the_job_and_the_other_goes_on_when_it_is_gone() {
    let postern = with_a_trail().await;
    let other = postern.beside().await;
    postern.add_user("carol@example.com").await;
    assert!(!Chain::default().round(other.provider()).await.expect("answered"));
    assert_eq!(postern.number(UNCHAINED).await, 1);
    postern.advance("31s");
    other.chains().await;
    assert_eq!(postern.number(UNCHAINED).await, 0);
    assert_eq!(findings(&postern).await, []);
}

#[tokio::test]
async fn it_is_signed_each_minute_and_only_when_there_is_something_new() {
    const CHECKPOINTS: &str = "SELECT COUNT(*) FROM audit_checkpoints";
    let postern = with_a_trail().await;
    let mut chain = Chain::default();
    let mut round = async || while chain.round(postern.provider()).await.expect("answered") {};
    round().await;
    for (wait, count) in [("30s", 1), ("31s", 2), ("2m", 2)] {
        if count == 2 && wait == "31s" {
            postern.add_user("carol@example.com").await;
        }
        postern.advance(wait);
        round().await;
        assert_eq!(postern.number(CHECKPOINTS).await, count, "after {wait}");
    }
}

#[tokio::test]
async fn a_checkpoint_verifies_when_its_key_is_long_gone() {
    let postern = with_a_trail().await;
    let kept = checkpoint(&postern).await;
    for _ in 0..3 {
        postern.advance("31d");
        let rotated = postern::flows::keys::rotate::rotate_due(postern.provider()).await;
        rotated.expect("rotated");
        postern.chains().await;
    }
    assert!(
        postern
            .number("SELECT COUNT(*) FROM keys WHERE state = 'gone' AND public IS NOT NULL")
            .await
            > 0
    );
    let report = verified(&postern).await;
    assert_eq!((report.findings, report.checkpoints), (vec![], 4));
    assert_eq!(report.vouched, report.last);
    assert_eq!(findings_against(&postern, &kept).await, []);
}

#[tokio::test]
async fn a_verification_may_begin_at_a_checkpoint() {
    let postern = with_a_trail().await;
    let first = verified(&postern).await.last;
    postern
        .tamper("UPDATE events SET address = 'x' WHERE seq = 2")
        .await;
    postern.advance("1h");
    postern.add_user("carol@example.com").await;
    postern.chains().await;
    let since = postern
        .clock
        .now()
        .minus("10m".parse().expect("a length of time"));
    let report = verify(postern.provider(), Some(since), None)
        .await
        .expect("answered");
    assert_eq!(
        (report.first, report.events, report.findings),
        (first + 1, 1, vec![])
    );
    assert!(matches!(
        findings(&postern).await[..],
        [Finding::Changed { seq: 2, .. }]
    ));
}

#[tokio::test]
async fn a_database_that_went_back_is_told_of_and_goes_on() {
    let postern = with_a_trail().await;
    let mut chain = Chain::default();
    postern.add_user("carol@example.com").await;
    postern.add_user("dave@example.com").await;
    while chain.round(postern.provider()).await.expect("answered") {}
    let kept = checkpoint(&postern).await;
    let follow = async |cursor| live(postern.provider(), &EventFilter::default(), cursor, 100).await;
    let followed = follow(None).await.expect("a place").cursor;
    assert_eq!(
        follow(Some(followed)).await.expect("nothing yet").cursor,
        followed
    );
    // The database as it was two events ago: they and all that came of them are not there.
    let db = &postern.provider().db;
    let known = audit::head(db).await.expect("read").seq;
    let found = known - 2;
    let hash = audit::hash_at(db, found).await.expect("read").expect("a hash");
    let set = postern::store::db::Statement::<(i64, postern::base::digest::Digest), ()>::new(
        "UPDATE audit_heads SET seq = $1, hash = $2 WHERE name = 'newest'",
    );
    let _: Option<()> = db.execute(set, (found, hash)).await.expect("written");
    let cut = postern::store::db::Statement::<(i64,), ()>::new("DELETE FROM events WHERE seq > $1");
    let _: Option<()> = db.execute(cut, (found,)).await.expect("written");
    let cut =
        postern::store::db::Statement::<(i64,), ()>::new("DELETE FROM audit_checkpoints WHERE seq > $1");
    let _: Option<()> = db.execute(cut, (found,)).await.expect("written");

    // Who followed it is told so, while the trail is shorter than where they were and when it has come further again.
    assert!(matches!(follow(Some(followed)).await, Err(LiveError::WentBack)));
    let anew = follow(None).await.expect("a place").cursor;
    postern.advance("2m");
    for n in 0..5 {
        postern.add_user(&format!("later{n}@example.com")).await;
    }
    while chain.round(postern.provider()).await.expect("answered") {}
    while chain.round(postern.provider()).await.expect("answered") {}
    assert!(matches!(follow(Some(followed)).await, Err(LiveError::WentBack)));
    assert_eq!(follow(Some(anew)).await.expect("what came since").events.len(), 6);
    let told = postern.events().await;
    let told = told
        .iter()
        .find(|(kind, _)| kind == "audit.went_back")
        .expect("told of");
    assert_eq!(
        (told.1["known"].as_i64(), told.1["found"].as_i64()),
        (Some(known), Some(found))
    );
    assert_eq!(postern.count_events("audit.went_back").await, 1);
    // The trail is right in itself, and says that somebody has to look; against what was kept it is another one, and says why.
    let report = verified(&postern).await;
    assert_eq!(
        (&report.findings[..], report.verdict),
        (&[][..], Verdict::Suspicious)
    );
    assert!(
        matches!(report.notices[..], [Notice::WentBack { seq, .. }] if seq > found),
        "{report:?}"
    );
    let against = findings_against(&postern, &kept).await;
    assert!(
        matches!(against[..], [Finding::NotAsKept { seq, went_back: Some(_) }] if seq == known),
        "{against:?}"
    );
}

#[tokio::test]
async fn what_a_restore_writes_again_is_not_taken_for_put_in() {
    let postern = with_a_trail().await;
    postern.advance("3h");
    postern.add_user("carol@example.com").await;
    postern.chains().await;
    let lost = {
        let at = postern.clock.now().minus("1h".parse().expect("a length of time"));
        let record = postern
            .provider()
            .event(at, Subject::default(), Event::ClientDisabled);
        postern::domain::event::EventLine::of(&record).expect("a line")
    };
    let line = serde_json::to_string(&lost).expect("JSON");
    // As an older backup would: the oldest event is from before.
    let mut earlier = postern.provider().event(
        postern.clock.now().minus("2h".parse().expect("a length of time")),
        Subject::default(),
        Event::ClientDisabled,
    );
    earlier.id = EventId::first_at(earlier.at);
    let stranger = earlier.id;
    postern.record(earlier).await;
    let mut restoring = postern::flows::restore::Restoring::begin(postern.provider())
        .await
        .expect("begun");
    let lost = postern::flows::restore::read(&line).expect("an event");
    restoring.write_again(lost).await.expect("written");
    let report = restoring.finish().await.expect("told of");
    assert_eq!(report.lost, 1);
    postern.chains().await;
    let report = verified(&postern).await;
    assert!(
        matches!(report.findings[..], [Finding::Inserted { id, .. }] if id == stranger),
        "only the one that no restore tells of: {report:?}"
    );
    assert!(
        matches!(report.notices[..], [Notice::Restored { late: 1, .. }]),
        "{report:?}"
    );
    assert_eq!(postern.count_events("database.restored").await, 1);
}
