use postern::{
    base::id::UserId,
    domain::{device_session::Life, ending::Ending, event::Event},
    store::{
        error::StoreError,
        users::{Asking, ChangePassword, DisableUser, FIND_FOR_SIGN_IN, REHASH, find, find_by_email, list},
    },
};

use super::world::{World, at};

async fn password(world: &World) -> (String, i64) {
    let key = "alice@example.com".to_owned();
    let found = world.db.read(FIND_FOR_SIGN_IN, (key,)).await;
    let (_, _, hash, version) = found.expect("read").expect("a password");
    (hash, version)
}

pub(crate) async fn a_user_is_found_by_id_and_address(world: World) {
    let added = world.new_user("Alice@Example.com");
    let alice = added.user.clone();
    world.db.write(added).await.expect("added");
    let bob = world.user("bob@example.com").await;
    assert_eq!(
        find(&world.db, alice.id).await.expect("read"),
        Some(alice.clone())
    );
    let by_email = find_by_email(&world.db, "alice@example.com".to_owned()).await;
    assert_eq!(by_email.expect("read"), Some(alice.clone()));
    let sign_in = world
        .db
        .read(FIND_FOR_SIGN_IN, ("alice@example.com".to_owned(),))
        .await;
    let (id, email, hash, version) = sign_in.expect("read").expect("known");
    assert_eq!(
        (id, email.as_str(), hash.as_str(), version),
        (alice.id, "Alice@Example.com", "hash of Alice@Example.com", 1)
    );
    let first = UserId::from_bytes([0; 16]);
    let mut expected = vec![alice.id, bob];
    expected.sort();
    let ids = async |after, limit| -> Vec<UserId> {
        list(&world.db, after, limit)
            .await
            .expect("read")
            .iter()
            .map(|user| user.id)
            .collect()
    };
    assert_eq!(ids(first, 10).await, expected);
    assert_eq!(ids(first, 1).await, expected[..1]);
    assert_eq!(ids(expected[0], 10).await, expected[1..]);
}

pub(crate) async fn a_taken_address_is_a_conflict_and_changes_nothing(world: World) {
    world.user("alice@example.com").await;
    let again = world.db.write(world.new_user("ALICE@example.com")).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
    assert_eq!(
        list(&world.db, UserId::from_bytes([0; 16]), 10)
            .await
            .expect("read")
            .len(),
        1
    );
    assert_eq!(world.count_events("user.created").await, 1);
}

pub(crate) async fn a_new_password_ends_what_it_is_told_and_replaces_the_hash(world: World) {
    let (alice, notes) = (world.user("alice@example.com").await, world.client("notes").await);
    let (here, elsewhere) = (world.browser(alice).await, world.browser(alice).await);
    let sessions = [
        world.active(alice, &notes, here, Life::Own).await,
        world.active(alice, &notes, elsewhere, Life::Own).await,
    ];
    let change = ChangePassword {
        user: alice,
        hash: "new".to_owned(),
        now: at(10),
        asking: None,
        end: world.end_of(Ending::User {
            id: alice,
            keep: Some(here),
        }),
        event: world.event(Event::PasswordChanged),
    };
    let ended = world
        .db
        .write(change)
        .await
        .expect("changed")
        .expect("an operator is never late");
    let ended = ended.count();
    assert_eq!((ended.browsers, ended.devices), (1, 1));
    assert_eq!(password(&world).await, ("new".to_owned(), 2));
    assert_eq!(world.ended(&sessions).await, [1]);
}

pub(crate) async fn who_proved_an_older_password_or_asks_from_an_ended_session_changes_nothing(world: World) {
    let alice = world.user("alice@example.com").await;
    let (here, gone) = (world.browser(alice).await, world.browser(alice).await);
    let ended = world.db.write(world.end_of(Ending::Browser { id: gone })).await;
    assert_eq!(ended.expect("ended").count().browsers, 1);
    for (version, browser_session, changes) in [
        (2, here, false),
        (1, gone, false),
        (1, here, true),
        (1, here, false),
    ] {
        let change = ChangePassword {
            user: alice,
            hash: "new".to_owned(),
            now: at(10),
            asking: Some(Asking {
                version,
                browser_session,
            }),
            end: world.end_of(Ending::User {
                id: alice,
                keep: Some(here),
            }),
            event: world.event(Event::PasswordChanged),
        };
        assert_eq!(world.db.write(change).await.expect("answered").is_some(), changes);
    }
    assert_eq!(password(&world).await, ("new".to_owned(), 2));
    assert_eq!(world.count_events("user.password_changed").await, 1);
}

pub(crate) async fn a_rehash_loses_against_a_new_password(world: World) {
    let alice = world.user("alice@example.com").await;
    for (old, new, after) in [
        ("hash of alice@example.com", "stronger", "stronger"),
        ("hash of alice@example.com", "late", "stronger"),
    ] {
        let _: Option<()> = world
            .db
            .execute(REHASH, (alice, old.to_owned(), new.to_owned()))
            .await
            .expect("answered");
        assert_eq!(password(&world).await, (after.to_owned(), 1), "the same password");
    }
}

pub(crate) async fn disabling_happens_once(world: World) {
    let alice = world.user("alice@example.com").await;
    world.browser(alice).await;
    for first in [true, false] {
        let disable = DisableUser {
            user: alice,
            now: at(10),
            end: world.end_of(Ending::User {
                id: alice,
                keep: None,
            }),
            event: world.event(Event::UserDisabled),
        };
        let ended = world.db.write(disable).await.expect("answered");
        assert_eq!(ended.map(|ended| ended.count().browsers), first.then_some(1));
    }
    assert_eq!(world.count_events("user.disabled").await, 1);
    assert_eq!(
        find(&world.db, alice)
            .await
            .expect("read")
            .expect("kept")
            .disabled_at,
        Some(at(10))
    );
    let sign_in = world
        .db
        .read(FIND_FOR_SIGN_IN, ("alice@example.com".to_owned(),))
        .await;
    assert!(sign_in.expect("read").is_none());
}
