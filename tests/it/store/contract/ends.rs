use postern::{
    base::id::{BrowserSessionId, DeviceSessionId},
    domain::{device_session::Life, ending::Ending, event::Event},
    store::{
        ending::EndSessions,
        ends::{BROWSERS, DEVICES, EndAgain, IN_FORCE, REVOCATIONS, RevokeAgain},
        revocations::{SESSION, TOKEN},
    },
};

use super::world::{World, at};

pub(crate) async fn what_ended_lately_is_read_page_by_page_with_what_was_never_redeemed(world: World) {
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
    let first_of_all = DeviceSessionId::from_bytes([0; 16]);
    let devices = async |after, id, limit| {
        let page = world.db.read_all(DEVICES, (at(after), id, limit)).await;
        page.expect("read")
    };
    let both = [(active, at(10)), (granted, at(20))];
    assert_eq!(devices(9, granted, 10).await, both);
    assert_eq!(devices(10, first_of_all, 1).await, both[..1]);
    assert_eq!(devices(10, active, 10).await, both[1..], "after that one");
    assert_eq!(devices(20, granted, 10).await, []);
    let nobody = BrowserSessionId::from_bytes([0; 16]);
    let browsers = world
        .db
        .read_all(BROWSERS, (at(9), nobody, 10))
        .await
        .expect("read");
    assert_eq!(browsers, [(first, at(10)), (second, at(20))]);

    let id = active.to_bytes().to_vec();
    let listed = (SESSION.to_owned(), id.clone(), None, at(20), at(1000), at(10));
    for (statement, at_its_time) in [(REVOCATIONS, at(10)), (IN_FORCE, at(1000))] {
        let page = async |after, kind: &str, id| {
            let binds = (after, kind.to_owned(), id, 10);
            world.db.read_all(statement, binds).await.expect("read")
        };
        let listed = std::slice::from_ref(&listed);
        assert_eq!(page(at(9), "", Vec::new()).await, listed);
        assert_eq!(page(at_its_time, "", Vec::new()).await, listed);
        assert!(
            page(at_its_time, SESSION, id.clone()).await.is_empty(),
            "after it"
        );
    }
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
        .read_all(REVOCATIONS, (at(9), String::new(), Vec::new(), 10))
        .await
        .expect("read");
    listed.sort();
    let expected = [
        (
            SESSION.to_owned(),
            session.to_bytes().to_vec(),
            None,
            at(20),
            at(1000),
            at(10),
        ),
        (
            TOKEN.to_owned(),
            b"a jti of 16 byte".to_vec(),
            Some(session),
            at(20),
            at(1000),
            at(10),
        ),
    ];
    assert_eq!(listed, expected);
    assert_eq!(world.count_events("revocation.rewritten").await, 1);
}
