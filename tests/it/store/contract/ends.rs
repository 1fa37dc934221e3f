use postern::{
    base::id::DeviceSessionId,
    domain::{device_session::Life, ending::Ending, event::Event},
    store::{
        ending::EndSessions,
        ends::{BROWSERS, DEVICES, EndAgain, REVOCATIONS, RevokeAgain},
        revocations::{SESSION, TOKEN},
    },
};

use super::world::{World, at};

pub(crate) async fn what_ended_lately_is_listed_newest_first_with_what_was_never_redeemed(world: World) {
    let (alice, notes) = (world.user("alice@example.com").await, world.client("notes").await);
    let (first, second) = (world.browser(alice).await, world.browser(alice).await);
    let active = world.active(alice, &notes, first, Life::WithBrowser).await;
    let granted = world.granted(alice, &notes, second, Life::WithBrowser).await;
    for (id, now) in [(first, at(10)), (second, at(20))] {
        let end = EndSessions {
            now,
            ..world.end_of(Ending::Browser { id })
        };
        let ended = world.db.write(end).await.expect("ended");
        assert_eq!(
            (ended.at, ended.browsers, ended.devices.len()),
            (now, vec![id], 1)
        );
    }
    let devices = async |after, limit| {
        world
            .db
            .read_all(DEVICES, (at(after), limit))
            .await
            .expect("read")
    };
    assert_eq!(devices(9, 10).await, [(granted, at(20)), (active, at(10))]);
    assert_eq!(devices(9, 1).await, [(granted, at(20))]);
    assert_eq!(devices(10, 10).await, [(granted, at(20))], "after, not at");
    let browsers = world.db.read_all(BROWSERS, (at(9), 10)).await.expect("read");
    assert_eq!(browsers, [(second, at(20)), (first, at(10))]);

    let revocations = async |after, now| {
        world
            .db
            .read_all(REVOCATIONS, (at(after), at(now), 10))
            .await
            .expect("read")
    };
    let listed = (
        SESSION.to_owned(),
        active.to_bytes().to_vec(),
        None,
        at(1000),
        at(10),
    );
    assert_eq!(revocations(9, 999).await, [listed]);
    assert!(revocations(10, 999).await.is_empty(), "recorded earlier");
    assert!(revocations(9, 1000).await.is_empty(), "not in force any more");
}

pub(crate) async fn what_lives_although_it_ended_is_ended_again_once(world: World) {
    let (alice, notes) = (world.user("alice@example.com").await, world.client("notes").await);
    let browser = world.browser(alice).await;
    let devices = [
        world.active(alice, &notes, browser, Life::Own).await,
        world.granted(alice, &notes, browser, Life::Own).await,
    ];
    let gone = DeviceSessionId::from_bytes([9; 16]);
    for expected in [[1, 1, 0, 1], [0, 0, 0, 0]] {
        let endings = [devices[0], devices[1], gone].map(|id| Ending::Device { id });
        let endings = endings.into_iter().chain([Ending::Browser { id: browser }]);
        let again = EndAgain(endings.map(|ending| world.end_of(ending)).collect());
        let ended = world.db.write(again).await.expect("ended");
        let counts: Vec<u64> = ended
            .iter()
            .map(|ended| ended.count().browsers + ended.count().devices)
            .collect();
        assert_eq!(counts, expected);
        assert_eq!(world.count_events("session.ended").await, 3);
    }
}

pub(crate) async fn a_revocation_that_was_lost_is_listed_again_once(world: World) {
    let session = DeviceSessionId::from_bytes([9; 16]);
    let again = |until| RevokeAgain {
        revocations: vec![
            ((SESSION.to_owned(), session.to_bytes().to_vec()), None),
            ((TOKEN.to_owned(), b"a jti of 16 byte".to_vec()), Some(session)),
        ],
        now: at(10),
        until: at(until),
        event: world.event(Event::RevocationsRewritten),
    };
    assert_eq!(world.db.write(again(1000)).await.expect("listed"), 2);
    assert_eq!(world.db.write(again(2000)).await.expect("answered"), 0);
    let mut listed = world
        .db
        .read_all(REVOCATIONS, (at(9), at(999), 10))
        .await
        .expect("read");
    listed.sort();
    let expected = [
        (
            SESSION.to_owned(),
            session.to_bytes().to_vec(),
            None,
            at(1000),
            at(10),
        ),
        (
            TOKEN.to_owned(),
            b"a jti of 16 byte".to_vec(),
            Some(session),
            at(1000),
            at(10),
        ),
    ];
    assert_eq!(listed, expected);
    assert_eq!(world.count_events("revocation.rewritten").await, 1);
}
