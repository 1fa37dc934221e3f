use postern::{
    base::time::{Instant, Lifetime},
    domain::{browser_session::BrowserSession, ending::Ending, event::Event},
    store::{
        browser_sessions::{self, EXPIRED, TOUCH, list::of_user, load},
        error::StoreError,
        users::DisableUser,
    },
};

use super::world::{World, at, digest};

const IDLE: Lifetime = Lifetime::from_days(7);
const DAY: i64 = 86_400;

async fn find(world: &World, cookie: &str, now: Instant) -> Option<BrowserSession> {
    load(&world.db, digest(cookie), now, now.minus(IDLE))
        .await
        .expect("answered")
}

pub(crate) async fn the_cookie_finds_the_session_until_it_is_idle_or_too_old(world: World) {
    let alice = world.user("alice@example.com").await;
    let id = world.browser_id();
    assert!(
        world
            .db
            .write(world.sign_in(id, alice, "c", at(0)))
            .await
            .expect("opened")
    );
    let session = find(&world, "c", at(1)).await.expect("live");
    assert_eq!(
        (session.id, session.user, session.email.as_str()),
        (id, alice, "alice@example.com")
    );
    assert_eq!(
        (session.authentication.auth_time, session.last_seen_at),
        (at(0), at(0))
    );
    assert_eq!(
        (session.authentication.amr, session.expires_at),
        (vec!["pwd".to_owned()], at(30 * DAY))
    );
    assert!(find(&world, "another", at(1)).await.is_none());
    assert!(
        find(&world, "c", at(7 * DAY - 1)).await.is_some() && find(&world, "c", at(7 * DAY)).await.is_none()
    );
    let _: Option<()> = world
        .db
        .execute(TOUCH, (id, at(29 * DAY)))
        .await
        .expect("touched");
    assert!(
        find(&world, "c", at(30 * DAY - 1)).await.is_some()
            && find(&world, "c", at(30 * DAY)).await.is_none()
    );
}

pub(crate) async fn signing_in_again_keeps_the_row_and_moves_the_cookie(world: World) {
    let alice = world.user("alice@example.com").await;
    let id = world.browser_id();
    assert!(
        world
            .db
            .write(world.sign_in(id, alice, "old", at(0)))
            .await
            .expect("opened")
    );
    assert!(
        world
            .db
            .write(world.sign_in(id, alice, "new", at(50)))
            .await
            .expect("opened")
    );
    assert!(find(&world, "old", at(50)).await.is_none());
    let session = find(&world, "new", at(50)).await.expect("live");
    assert_eq!((session.id, session.authentication.auth_time), (id, at(50)));
    assert_eq!(
        session.expires_at,
        at(30 * DAY),
        "signing in again does not prolong it"
    );
    assert_eq!(
        of_user(&world.db, alice, at(50), at(0).minus(IDLE))
            .await
            .expect("listed")
            .len(),
        1
    );
    // A digest that another row has would give one person's session to another.
    let taken = world
        .db
        .write(world.sign_in(world.browser_id(), alice, "new", at(60)))
        .await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))), "{taken:?}");
}

pub(crate) async fn nobody_signs_in_to_an_ended_or_a_foreign_row(world: World) {
    let (alice, bob) = (
        world.user("alice@example.com").await,
        world.user("bob@example.com").await,
    );
    let id = world.browser_id();
    assert!(
        world
            .db
            .write(world.sign_in(id, alice, "alice", at(0)))
            .await
            .expect("opened")
    );
    assert!(
        !world
            .db
            .write(world.sign_in(id, bob, "bob", at(1)))
            .await
            .expect("answered")
    );
    world.end(Ending::Browser { id }).await;
    assert!(
        !world
            .db
            .write(world.sign_in(id, alice, "again", at(2)))
            .await
            .expect("answered")
    );
    for cookie in ["alice", "bob", "again"] {
        assert!(find(&world, cookie, at(3)).await.is_none(), "{cookie}");
    }
    assert_eq!(world.count_events("user.signed_in").await, 1);
}

pub(crate) async fn a_disabled_person_has_no_session(world: World) {
    let alice = world.user("alice@example.com").await;
    let id = world.browser_id();
    assert!(
        world
            .db
            .write(world.sign_in(id, alice, "c", at(0)))
            .await
            .expect("opened")
    );
    let disable = DisableUser {
        user: alice,
        now: at(1),
        // Nothing of theirs: the join alone has to see it.
        end: world.end_of(Ending::Browser {
            id: world.browser_id(),
        }),
        event: world.event(Event::UserDisabled),
    };
    world.db.write(disable).await.expect("disabled");
    assert!(find(&world, "c", at(2)).await.is_none());
    assert!(
        !world
            .db
            .write(world.sign_in(id, alice, "c2", at(2)))
            .await
            .expect("answered")
    );
    assert!(
        !world
            .db
            .write(world.sign_in(world.browser_id(), alice, "c3", at(2)))
            .await
            .expect("answered")
    );
}

pub(crate) async fn a_touch_moves_forward_only_and_never_revives(world: World) {
    let alice = world.user("alice@example.com").await;
    let id = world.browser_id();
    assert!(
        world
            .db
            .write(world.sign_in(id, alice, "c", at(0)))
            .await
            .expect("opened")
    );
    for seconds in [100, 50] {
        let _: Option<()> = world.db.execute(TOUCH, (id, at(seconds))).await.expect("touched");
        assert_eq!(
            find(&world, "c", at(101)).await.expect("live").last_seen_at,
            at(100)
        );
    }
    world.end(Ending::Browser { id }).await;
    let _: Option<()> = world.db.execute(TOUCH, (id, at(200))).await.expect("answered");
    assert!(find(&world, "c", at(200)).await.is_none());
}

pub(crate) async fn the_expired_are_found_and_a_list_has_only_the_living(world: World) {
    let alice = world.user("alice@example.com").await;
    let mut ids = Vec::new();
    // Too old; idle; alive; ended.
    for (cookie, opened, seen) in [("a", 0, 29), ("b", 20, 20), ("c", 20, 29), ("d", 20, 29)] {
        let id = world.browser_id();
        assert!(
            world
                .db
                .write(world.sign_in(id, alice, cookie, at(opened * DAY)))
                .await
                .expect("opened")
        );
        let _: Option<()> = world
            .db
            .execute(TOUCH, (id, at(seen * DAY)))
            .await
            .expect("touched");
        ids.push(id);
    }
    world.end(Ending::Browser { id: ids[3] }).await;
    let (now, idle_since) = (at(31 * DAY), at(31 * DAY).minus(IDLE));
    let over = async |statement, until, limit| {
        let rows = world.db.read_all(statement, (until, limit)).await;
        rows.expect("read")
            .into_iter()
            .map(|(id, _)| id)
            .collect::<Vec<_>>()
    };
    let mut expired = [
        over(EXPIRED, now, 10).await,
        over(browser_sessions::IDLE, idle_since, 10).await,
    ]
    .concat();
    expired.sort();
    expired.dedup();
    let mut expected = vec![ids[0], ids[1]];
    expected.sort();
    assert_eq!(expired, expected);
    assert_eq!(over(browser_sessions::IDLE, idle_since, 1).await.len(), 1);
    let living = of_user(&world.db, alice, now, idle_since).await.expect("listed");
    assert_eq!(
        living.iter().map(|listed| listed.id).collect::<Vec<_>>(),
        [ids[2]]
    );
}
