use std::collections::BTreeMap;

use futures_util::future::join;
use postern::{
    base::id::{DeviceSessionId, EventId},
    domain::{audit::Head, device_session::Life, ending::Ending, event::Event},
    store::{
        audit::{self, DELETE_EVENTS, Link},
        browser_sessions,
        device_sessions::{find, over},
        events::{LIST, RecordEvent},
        revocations,
    },
};

use super::world::{World, at};

async fn standing(world: &World, id: DeviceSessionId) -> over::WalkedSession {
    let start = DeviceSessionId::from_bytes([0; 16]);
    let rows = over::after(&world.db, start, 100).await.expect("read");
    rows.into_iter().find(|row| row.id == id).expect("a row")
}

async fn is_there(world: &World, id: DeviceSessionId) -> bool {
    find(&world.db, id).await.expect("answered").is_some()
}

pub(crate) async fn what_ended_before_is_deleted_so_many_at_once(world: World) {
    let (alice, notes) = (world.user("alice@example.com").await, world.client("notes").await);
    let mut ids = Vec::new();
    for _ in 0..4 {
        let browser = world.browser(alice).await;
        ids.push(world.active(alice, &notes, browser, Life::WithBrowser).await);
        if ids.len() < 4 {
            world.end(Ending::Browser { id: browser }).await;
        }
    }
    let left = async || {
        let mut left = 0;
        for id in &ids {
            left += usize::from(is_there(&world, *id).await);
        }
        left
    };
    let delete = async |before, at_most| {
        let sessions = world.db.execute(over::DELETE_ENDED, (at(before), at_most)).await;
        let browsers = world
            .db
            .execute(browser_sessions::DELETE_ENDED, (at(before), at_most))
            .await;
        (
            sessions.expect("answered").is_some(),
            browsers.expect("answered").is_some(),
        )
    };
    // They ended at 10.
    assert_eq!((delete(10, 100).await, left().await), ((false, false), 4));
    assert_eq!((delete(11, 2).await, left().await), ((true, true), 2));
    assert_eq!((delete(11, 2).await, left().await), ((true, true), 1));
    assert_eq!((delete(1000, 2).await, left().await), ((false, false), 1));
    assert!(is_there(&world, ids[3]).await, "the living one stays");
}

pub(crate) async fn what_was_used_meanwhile_or_has_others_under_it_is_not_deleted(world: World) {
    let (alice, notes) = (world.user("alice@example.com").await, world.client("notes").await);
    let browser = world.browser(alice).await;
    let used = world.active(alice, &notes, browser, Life::Own).await;
    let parent = world.active(alice, &notes, browser, Life::Own).await;
    let child = world.active(alice, &notes, browser, Life::Own).await;
    world.hang(child, parent).await;

    let seen = standing(&world, used).await;
    assert!(world.rotate(used, &notes, 1, None, at(100)).await.is_some());
    over::delete(&world.db, seen).await.expect("answered");
    assert!(is_there(&world, used).await);

    over::delete(&world.db, standing(&world, parent).await)
        .await
        .expect("answered");
    assert!(is_there(&world, parent).await);
    for id in [child, parent] {
        over::delete(&world.db, standing(&world, id).await)
            .await
            .expect("answered");
        assert!(!is_there(&world, id).await);
    }
}

pub(crate) async fn a_deletion_and_a_redemption_at_once_have_one_winner(world: World) {
    let (alice, notes) = (world.user("alice@example.com").await, world.client("notes").await);
    let browser = world.browser(alice).await;
    // Who comes first wins; at once (2 and above) it is either of them, and never both.
    for round in 0..20 {
        let id = world.granted(alice, &notes, browser, Life::Own).await;
        let seen = standing(&world, id).await;
        let redeem = world.db.write(world.redeem(id, &notes));
        let delete = over::delete(&world.db, seen);
        let got = match round {
            0 => {
                let got = redeem.await;
                delete.await.expect("answered");
                got
            }
            1 => {
                delete.await.expect("answered");
                redeem.await
            }
            _ if round % 2 == 0 => join(redeem, delete).await.0,
            _ => join(delete, redeem).await.1,
        };
        let got = got.expect("answered").is_some();
        assert_eq!(is_there(&world, id).await, got, "whoever has tokens has a row");
        assert!(round > 1 || got == (round == 0), "{round}");
    }
}

pub(crate) async fn the_oldest_events_are_deleted_so_many_at_once(world: World) {
    for n in [1u8, 2, 3, 4] {
        let mut record = world.event(Event::UserDisabled);
        record.id = EventId::from_bytes([n; 16]);
        world.db.write(RecordEvent(record)).await.expect("written");
    }
    let left = async || {
        let rows = world.db.read_all(LIST, (10,)).await.expect("read");
        rows.into_iter()
            .map(|row| row.0.to_bytes()[0])
            .collect::<Vec<_>>()
    };
    // What is not in the chain is not deleted.
    let delete = async |through, at_most| {
        let deleted = world.db.execute(DELETE_EVENTS, (through, at_most)).await;
        let _ = deleted.expect("answered");
    };
    delete(9, 100).await;
    assert_eq!(left().await, vec![4, 3, 2, 1]);
    let (from, mut to, mut links) = (Head::genesis(), Head::genesis(), Vec::new());
    for event in audit::waiting(&world.db, 3).await.expect("read") {
        to = to.and(&event);
        links.push((event.id, to.seq, to.hash));
    }
    let counts = BTreeMap::new();
    let link = Link {
        from,
        to,
        links,
        counts,
    };
    world.db.write(link).await.expect("linked");
    for (at_most, expected) in [(1, vec![4, 3, 2]), (100, vec![4, 3]), (100, vec![4, 3])] {
        delete(2, at_most).await;
        assert_eq!(left().await, expected);
    }
}

pub(crate) async fn a_revocation_that_still_matters_is_not_deleted(world: World) {
    let (alice, notes) = (world.user("alice@example.com").await, world.client("notes").await);
    let browser = world.browser(alice).await;
    let id = world.active(alice, &notes, browser, Life::Own).await;
    world.end(Ending::Device { id }).await;
    let delete = async |before| {
        let row = world.db.execute(revocations::DELETE_PAST, (at(before), 10)).await;
        row.expect("answered").is_some()
    };
    // It matters until 1000.
    assert!(!delete(1000).await && world.revoked().await.contains(&id));
    assert!(delete(1001).await && world.revoked().await.is_empty());
}
