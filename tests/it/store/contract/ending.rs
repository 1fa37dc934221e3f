//! The sessions of each rule, by place:
//! 0 own and 1 with the browser, from Alice's first browser session, for `notes`; 2 the same for `files`, with the
//! browser; 3 `granted`, with the browser; 4 own, from her second browser session; 5 Bob's; 6 own, for `files`, under 1.

use postern::{
    base::id::{BrowserSessionId, ClientId, DeviceSessionId, MassEndId, UserId},
    domain::{device_session::Life, ending::Ending},
    store::{browser_sessions::list::of_user, ending::Ended},
};

use super::world::{World, at};

struct Sessions {
    alice: UserId,
    notes: ClientId,
    first: BrowserSessionId,
    second: BrowserSessionId,
    ids: Vec<DeviceSessionId>,
}

async fn sessions(world: &World) -> Sessions {
    let (alice, bob) = (
        world.user("alice@example.com").await,
        world.user("bob@example.com").await,
    );
    let (notes, files) = (world.client("notes").await, world.client("files").await);
    let (first, second) = (world.browser(alice).await, world.browser(alice).await);
    let ids = vec![
        world.active(alice, &notes, first, Life::Own).await,
        world.active(alice, &notes, first, Life::WithBrowser).await,
        world.active(alice, &files, first, Life::WithBrowser).await,
        world.granted(alice, &notes, first, Life::WithBrowser).await,
        world.active(alice, &notes, second, Life::Own).await,
        world
            .active(bob, &notes, world.browser(bob).await, Life::Own)
            .await,
        world.active(alice, &files, second, Life::Own).await,
    ];
    world.hang(ids[6], ids[1]).await;
    Sessions {
        alice,
        notes,
        first,
        second,
        ids,
    }
}

/// Ends, and compares: which device sessions are ended by it, and how many browser sessions of Alice are left.
async fn check(world: &World, of: &Sessions, ending: Ending, expected: &[usize], browsers_left: usize) {
    let devices = u64::try_from(expected.len()).expect("few");
    let ended = world.end(ending.clone()).await;
    let browsers = u64::try_from(2 - browsers_left).expect("few");
    assert_eq!(ended, Ended { browsers, devices }, "{ending:?}");
    assert_eq!(world.ended(&of.ids).await, expected, "{ending:?}");
    let revoked = expected
        .iter()
        .filter(|place| **place != 3)
        .map(|place| of.ids[*place]);
    assert_eq!(
        world.revoked().await,
        revoked.collect(),
        "{ending:?}: the active ones are revoked"
    );
    let left = of_user(&world.db, of.alice, at(11), at(-1))
        .await
        .expect("listed");
    assert_eq!(left.len(), browsers_left, "{ending:?}");
    assert_eq!(world.count_events("session.ended").await, 1, "{ending:?}");
}

pub(crate) async fn a_device_session_ends_with_those_under_it(world: World) {
    let of = sessions(&world).await;
    check(&world, &of, Ending::Device { id: of.ids[1] }, &[1, 6], 2).await;
}

pub(crate) async fn a_granted_session_is_ended_without_a_revocation(world: World) {
    let of = sessions(&world).await;
    check(&world, &of, Ending::Granted { id: of.ids[3] }, &[3], 2).await;
    let late = world
        .db
        .write(world.redeem(of.ids[3], &of.notes))
        .await
        .expect("answered");
    assert!(late.is_none(), "nothing revives it");
}

pub(crate) async fn an_active_session_is_not_ended_as_granted(world: World) {
    let of = sessions(&world).await;
    assert_eq!(
        world.end(Ending::Granted { id: of.ids[0] }).await,
        Ended::default()
    );
    assert!(world.ended(&of.ids).await.is_empty());
    assert_eq!(world.count_events("session.ended").await, 0);
}

pub(crate) async fn a_browser_session_ends_with_what_lives_with_it(world: World) {
    let of = sessions(&world).await;
    check(&world, &of, Ending::Browser { id: of.first }, &[1, 2, 3, 6], 1).await;
}

pub(crate) async fn all_of_an_origin_ends_also_what_lives_on_its_own(world: World) {
    let of = sessions(&world).await;
    check(
        &world,
        &of,
        Ending::AllOfOrigin { id: of.first },
        &[0, 1, 2, 3, 6],
        1,
    )
    .await;
}

pub(crate) async fn a_user_ends_with_everything_but_what_is_kept(world: World) {
    let of = sessions(&world).await;
    // With what hangs under what is kept.
    let keep = Ending::User {
        id: of.alice,
        keep: Some(of.first),
    };
    check(&world, &of, keep, &[4], 1).await;
    let rest = Ending::User {
        id: of.alice,
        keep: None,
    };
    assert_eq!(
        world.end(rest).await,
        Ended {
            browsers: 1,
            devices: 5
        }
    );
    assert_eq!(world.ended(&of.ids).await, [0, 1, 2, 3, 4, 6]);
}

pub(crate) async fn what_hangs_under_an_ended_session_is_not_kept(world: World) {
    let of = sessions(&world).await;
    let keep = Ending::User {
        id: of.alice,
        keep: Some(of.second),
    };
    check(&world, &of, keep, &[0, 1, 2, 3, 6], 1).await;
}

pub(crate) async fn a_consent_ends_one_clients_sessions_of_one_person(world: World) {
    let of = sessions(&world).await;
    let ending = Ending::Consent {
        user: of.alice,
        client: of.notes.clone(),
    };
    // With 6, which hangs under 1.
    check(&world, &of, ending, &[0, 1, 3, 4, 6], 2).await;
}

pub(crate) async fn a_client_ends_with_all_its_sessions(world: World) {
    let of = sessions(&world).await;
    check(
        &world,
        &of,
        Ending::Client { id: of.notes.clone() },
        &[0, 1, 3, 4, 5, 6],
        2,
    )
    .await;
}

pub(crate) async fn an_end_twice_changes_nothing_and_tells_nothing(world: World) {
    let of = sessions(&world).await;
    let user = Ending::User {
        id: of.alice,
        keep: None,
    };
    assert_eq!(
        world.end(user.clone()).await,
        Ended {
            browsers: 2,
            devices: 6
        }
    );
    let revoked = world.revoked().await;
    for ending in [
        user,
        Ending::Device { id: of.ids[0] },
        Ending::Browser { id: of.first },
        Ending::AllOfOrigin { id: of.second },
        Ending::Consent {
            user: of.alice,
            client: of.notes.clone(),
        },
    ] {
        assert_eq!(world.end(ending.clone()).await, Ended::default(), "{ending:?}");
    }
    assert_eq!(world.revoked().await, revoked);
    assert_eq!(world.count_events("session.ended").await, 1);
}

pub(crate) async fn sessions_end_by_a_list_of_ids_with_those_under_them(world: World) {
    let of = sessions(&world).await;
    let matching = Ending::Matching {
        mass_end: MassEndId::from_bytes([5; 16]),
        ids: vec![of.ids[4], of.ids[1], of.ids[3], of.ids[1]],
    };
    check(&world, &of, matching, &[1, 3, 4, 6], 2).await;
    let none = Ending::Matching {
        mass_end: MassEndId::from_bytes([5; 16]),
        ids: vec![DeviceSessionId::from_bytes([9; 16])],
    };
    assert_eq!(world.end(none).await, Ended::default());
}
