use futures_util::future::join_all;
use postern::{
    base::id::{ClientId, DeviceSessionId, UserId},
    domain::{
        binding::Binding,
        device_session::{Life, State},
        ending::Ending,
        event::{Changed, Event},
        refresh_token::Generation,
    },
    store::{
        clients::RemoveClient,
        device_sessions::{
            Allow, FastForward, RedeemCode, find,
            list::{self, Along, SessionState},
        },
        error::StoreError,
        users::DisableUser,
    },
};

use super::world::{World, at, digest};

const DAY: i64 = 86_400;

async fn people(world: &World) -> (UserId, ClientId) {
    (world.user("alice@example.com").await, world.client("notes").await)
}

fn again(allow: &Allow) -> Allow {
    Allow {
        client: allow.client.clone(),
        grant: allow.grant.clone(),
        redirect_uri: allow.redirect_uri.clone(),
        device: allow.device.clone(),
        consent: None,
        ..*allow
    }
}

pub(crate) async fn allowing_again_renews_the_code_and_opens_one_session(world: World) {
    let (alice, notes) = people(&world).await;
    let browser = world.browser(alice).await;
    let first = world.allow(alice, &notes, browser, Life::Own);
    let mut second = again(&first);
    (second.now, second.code_expires_at) = (at(90), at(150));
    let (id, grant) = (first.id, first.grant.clone());
    assert!(world.db.write(first).await.expect("answered"));
    assert!(world.db.write(second).await.expect("answered"));
    let found = find(&world.db, id).await.expect("read").expect("a row");
    assert_eq!(
        found.session.state,
        State::Granted {
            code_expires_at: at(150)
        }
    );
    assert_eq!(
        (found.grant, found.code, found.challenge),
        (grant, digest(&format!("code {id}")), digest("verifier"))
    );
    assert_eq!(
        (found.session.origin, found.session.binding),
        (Some(browser), Binding::Bearer)
    );
    assert_eq!(found.session.expires_at, at(365 * DAY));
    let listed = list::one(&world.db, id).await.expect("read").expect("a row");
    assert_eq!(listed.state, SessionState::Granted);
}

pub(crate) async fn a_session_that_was_redeemed_is_not_granted_again(world: World) {
    let (alice, notes) = people(&world).await;
    let browser = world.browser(alice).await;
    let allow = world.allow(alice, &notes, browser, Life::Own);
    let (repeat, third, id) = (again(&allow), again(&allow), allow.id);
    assert!(world.db.write(allow).await.expect("answered"));
    assert!(
        world
            .db
            .write(world.redeem(id, &notes))
            .await
            .expect("answered")
            .is_some()
    );
    assert!(!world.db.write(repeat).await.expect("answered"));
    world.end(Ending::Device { id }).await;
    assert!(!world.db.write(third).await.expect("answered"));
    assert!(world.is_ended(id).await);
}

pub(crate) async fn nothing_is_granted_to_the_ended_the_disabled_or_the_expired(world: World) {
    let (alice, notes) = people(&world).await;
    let (bob, files) = (world.user("bob@example.com").await, world.client("files").await);
    let (browser, ended) = (world.browser(alice).await, world.browser(alice).await);
    world.end(Ending::Browser { id: ended }).await;
    let bobs = world.browser(bob).await;
    let allow = |user, client: &ClientId, browser| world.allow(user, client, browser, Life::Own);
    let remove = RemoveClient {
        id: files.clone(),
        end: world.end_of(Ending::Client { id: files.clone() }),
        event: world.event(Event::ClientRemoved {
            changed: Changed::default(),
        }),
    };
    world.db.write(remove).await.expect("removed");
    let disable = DisableUser {
        user: bob,
        now: at(5),
        end: world.end_of(Ending::Browser { id: ended }),
        event: world.event(Event::UserDisabled),
    };
    world.db.write(disable).await.expect("disabled");
    let mut too_late = allow(alice, &notes, browser);
    too_late.now = at(30 * DAY);
    for (why, refused) in [
        ("the browser session is ended", allow(alice, &notes, ended)),
        ("it is another person's", allow(bob, &notes, browser)),
        ("there is none", allow(alice, &notes, world.browser_id())),
        ("the client is gone", allow(alice, &files, browser)),
        ("the person is disabled", allow(bob, &notes, bobs)),
        ("the browser session is too old", too_late),
    ] {
        let id = refused.id;
        assert!(!world.db.write(refused).await.expect("answered"), "{why}");
        assert!(find(&world.db, id).await.expect("read").is_none(), "{why}");
    }
    // The same id for another person or client is nobody's to prolong.
    let own = world.granted(alice, &notes, browser, Life::Own).await;
    let mut other = world.allow(alice, &notes, world.browser(alice).await, Life::Own);
    other.id = own;
    assert!(!world.db.write(other).await.expect("answered"));
}

pub(crate) async fn a_session_that_lives_with_its_browser_ends_with_it_at_the_latest(world: World) {
    let (alice, notes) = people(&world).await;
    let browser = world.browser(alice).await;
    for (life, days) in [(Life::WithBrowser, 30), (Life::Own, 365)] {
        let id = world.granted(alice, &notes, browser, life).await;
        let found = find(&world.db, id).await.expect("read").expect("a row");
        assert_eq!(
            (found.session.life, found.session.expires_at),
            (life, at(days * DAY))
        );
    }
}

/// Makes one thing of a redemption wrong.
type Spoil = fn(&mut RedeemCode, ClientId);

pub(crate) async fn a_code_is_redeemed_once_and_every_check_refuses(world: World) {
    let (alice, notes) = people(&world).await;
    let files = world.client("files").await;
    let id = world
        .granted(alice, &notes, world.browser(alice).await, Life::Own)
        .await;
    let wrong: [(&str, Spoil); 5] = [
        ("code", |redeem, _| redeem.code = digest("another")),
        ("client", |redeem, files| redeem.client = files),
        ("redirect URI", |redeem, _| {
            redeem.redirect_uri = Some("http://127.0.0.1/other".to_owned());
        }),
        ("challenge", |redeem, _| redeem.challenge = digest("another")),
        ("time", |redeem, _| redeem.now = at(60)),
    ];
    for (what, change) in wrong {
        let mut redeem = world.redeem(id, &notes);
        change(&mut redeem, files.clone());
        assert!(
            world.db.write(redeem).await.expect("answered").is_none(),
            "{what}"
        );
    }
    let race = join_all((0..20).map(|n| {
        let mut redeem = world.redeem(id, &notes);
        redeem.redirect_uri = (n % 2 == 0).then_some(redeem.redirect_uri).flatten();
        redeem.now = at(59);
        world.db.write(redeem)
    }));
    let winners: Vec<_> = race
        .await
        .into_iter()
        .filter_map(|won| won.expect("answered"))
        .collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(
        (winners[0].user_id, winners[0].device.as_str(), winners[0].jkt),
        (alice, "Firefox", None)
    );
    assert_eq!(winners[0].grant().expect("reads").scope.to_string(), "openid");
    assert_eq!(world.generation(id).await, (1, at(59)));
    assert_eq!(world.count_events("session.opened").await, 1);
}

pub(crate) async fn a_named_key_is_demanded_and_another_binds_the_session(world: World) {
    let (alice, notes) = people(&world).await;
    let browser = world.browser(alice).await;
    let mut named = world.allow(alice, &notes, browser, Life::Own);
    named.key = Some(digest("key"));
    let id = named.id;
    assert!(world.db.write(named).await.expect("answered"));
    for (key, redeems) in [
        (None, false),
        (Some(digest("other")), false),
        (Some(digest("key")), true),
    ] {
        let mut redeem = world.redeem(id, &notes);
        (redeem.key, redeem.binds) = (key, key);
        assert_eq!(
            world.db.write(redeem).await.expect("answered").is_some(),
            redeems,
            "{key:?}"
        );
    }
    let unnamed = world.granted(alice, &notes, browser, Life::Own).await;
    let mut redeem = world.redeem(unnamed, &notes);
    (redeem.key, redeem.binds) = (Some(digest("key")), Some(digest("key")));
    let redeemed = world.db.write(redeem).await.expect("answered").expect("redeemed");
    assert_eq!(redeemed.jkt, Some(digest("key")));
    for id in [id, unnamed] {
        assert!(world.rotate(id, &notes, 1, None, at(2)).await.is_none());
        assert!(
            world
                .rotate(id, &notes, 1, Some(digest("other")), at(2))
                .await
                .is_none()
        );
        assert!(
            world
                .rotate(id, &notes, 1, Some(digest("key")), at(2))
                .await
                .is_some()
        );
    }
}

/// A client that authenticates proves the key that its request named, and is not bound to it afterwards.
pub(crate) async fn a_key_that_only_redeems_leaves_the_session_unbound(world: World) {
    let (alice, notes) = people(&world).await;
    let browser = world.browser(alice).await;
    let mut named = world.allow(alice, &notes, browser, Life::Own);
    named.key = Some(digest("key"));
    let id = named.id;
    assert!(world.db.write(named).await.expect("answered"));
    let mut redeem = world.redeem(id, &notes);
    redeem.key = Some(digest("other"));
    assert!(world.db.write(redeem).await.expect("answered").is_none());

    let mut redeem = world.redeem(id, &notes);
    redeem.key = Some(digest("key"));
    let redeemed = world.db.write(redeem).await.expect("answered").expect("redeemed");

    assert_eq!(redeemed.jkt, None);
    let refreshed = world.rotate(id, &notes, 1, Some(digest("other")), at(2)).await;
    assert!(refreshed.is_some());
}

pub(crate) async fn the_newest_rotates_and_its_predecessor_gives_the_same_successor(world: World) {
    let (alice, notes) = people(&world).await;
    let browser = world.browser(alice).await;
    let id = world.active(alice, &notes, browser, Life::Own).await;
    let redeemed = world.rotate(id, &notes, 1, None, at(100)).await.expect("rotated");
    assert_eq!((redeemed.user_id, redeemed.device.as_str()), (alice, "Firefox"));
    assert_eq!(redeemed.grant().expect("reads").nonce.as_deref(), Some("n"));
    for retry in [100, 130, 160] {
        assert!(world.rotate(id, &notes, 1, None, at(retry)).await.is_some());
        assert_eq!(
            world.generation(id).await,
            (2, at(100)),
            "a retry does not move the window"
        );
    }
    let listed = list::one(&world.db, id).await.expect("read").expect("a row");
    assert_eq!(listed.retries, 3);
    assert!(world.rotate(id, &notes, 2, None, at(200)).await.is_some());
    assert_eq!(world.generation(id).await, (3, at(200)));
    assert!(
        world.rotate(id, &notes, 1, None, at(200)).await.is_none(),
        "older than the predecessor"
    );
    assert!(
        world.rotate(id, &notes, 4, None, at(200)).await.is_none(),
        "newer than the row"
    );
    assert_eq!(world.generation(id).await, (3, at(200)));
}

pub(crate) async fn a_predecessor_of_a_bearer_session_is_late_after_the_window(world: World) {
    let (alice, notes) = people(&world).await;
    let browser = world.browser(alice).await;
    let bearer = world.active(alice, &notes, browser, Life::Own).await;
    let bound = world.granted(alice, &notes, browser, Life::Own).await;
    let mut redeem = world.redeem(bound, &notes);
    (redeem.key, redeem.binds) = (Some(digest("key")), Some(digest("key")));
    assert!(world.db.write(redeem).await.expect("answered").is_some());
    assert!(world.rotate(bearer, &notes, 1, None, at(100)).await.is_some());
    assert!(
        world
            .rotate(bound, &notes, 1, Some(digest("key")), at(100))
            .await
            .is_some()
    );
    assert!(world.rotate(bearer, &notes, 1, None, at(161)).await.is_none());
    // The same successor without a time limit, for who proves the key.
    assert!(
        world
            .rotate(bound, &notes, 1, Some(digest("key")), at(80_000))
            .await
            .is_some()
    );
}

pub(crate) async fn every_condition_of_a_rotation_refuses(world: World) {
    let (alice, notes) = people(&world).await;
    let files = world.client("files").await;
    let browser = world.browser(alice).await;
    let id = world.active(alice, &notes, browser, Life::Own).await;
    let granted = world.granted(alice, &notes, browser, Life::Own).await;
    let ended = world.active(alice, &notes, browser, Life::Own).await;
    world.end(Ending::Device { id: ended }).await;
    assert!(
        world
            .rotate_with(id, "another handle", &notes, 1, None, at(2))
            .await
            .is_none()
    );
    assert!(world.rotate(id, &files, 1, None, at(2)).await.is_none());
    assert!(
        world.rotate(id, &notes, 1, None, at(1 + DAY)).await.is_none(),
        "idle"
    );
    assert!(
        world.rotate(id, &notes, 1, None, at(365 * DAY)).await.is_none(),
        "too old"
    );
    assert!(world.rotate(granted, &notes, 0, None, at(2)).await.is_none());
    assert!(world.rotate(ended, &notes, 1, None, at(11)).await.is_none());
    assert_eq!(world.generation(id).await, (1, at(1)), "nothing moved");
    assert!(world.rotate(id, &notes, 1, None, at(DAY)).await.is_some());
}

pub(crate) async fn parallel_refreshes_of_one_token_advance_once(world: World) {
    let (alice, notes) = people(&world).await;
    let id = world
        .active(alice, &notes, world.browser(alice).await, Life::Own)
        .await;
    let answers = join_all((0..64).map(|_| world.rotate(id, &notes, 1, None, at(2)))).await;
    assert!(answers.iter().all(Option::is_some));
    assert_eq!(world.generation(id).await, (2, at(2)));
}

pub(crate) async fn a_row_that_is_older_than_the_world_goes_forward_once(world: World) {
    let (alice, notes) = people(&world).await;
    let id = world
        .active(alice, &notes, world.browser(alice).await, Life::Own)
        .await;
    let forward = || FastForward {
        id,
        row: Generation::FIRST,
        presented: Generation::from_i64(7),
        now: at(50),
        event: world.event(Event::RefreshFastForwarded { from: 1, to: 8 }),
    };
    assert!(world.db.write(forward()).await.expect("answered").is_some());
    assert_eq!(world.generation(id).await, (8, at(50)));
    assert!(world.db.write(forward()).await.expect("answered").is_none());
    assert_eq!(world.count_events("refresh.fast_forwarded").await, 1);
    world.end(Ending::Device { id }).await;
    let mut late = forward();
    late.row = Generation::from_i64(8);
    assert!(
        world.db.write(late).await.expect("answered").is_none(),
        "nothing revives an ended row"
    );
}

pub(crate) async fn a_list_goes_along_a_key_newest_first(world: World) {
    let (alice, notes) = people(&world).await;
    let bob = world.user("bob@example.com").await;
    let (alices, bobs) = (world.browser(alice).await, world.browser(bob).await);
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(world.active(alice, &notes, alices, Life::Own).await);
    }
    world.end(Ending::Device { id: ids[1] }).await;
    let files = world.client("files").await;
    let other = world.active(bob, &files, bobs, Life::Own).await;
    ids.sort();
    ids.reverse();
    let (oldest, newest) = (
        DeviceSessionId::from_bytes([0; 16]),
        DeviceSessionId::from_bytes([0xff; 16]),
    );
    let page = async |along: Along<'_>, before, since, limit| -> Vec<DeviceSessionId> {
        let listed = list::newest(&world.db, along, before, since, limit).await;
        listed.expect("read").iter().map(|listed| listed.id).collect()
    };
    // Ended ones too: who asks decides, so that a walk over them is never long.
    assert_eq!(page(Along::User(alice), newest, oldest, 2).await, ids[..2]);
    assert_eq!(page(Along::User(alice), ids[1], oldest, 9).await, ids[2..]);
    assert_eq!(page(Along::Client(&notes), newest, ids[1], 9).await, ids[..2]);
    assert_eq!(page(Along::Client(&files), newest, oldest, 9).await, [other]);
    let mut all = [ids, vec![other]].concat();
    all.sort();
    all.reverse();
    assert_eq!(page(Along::All, newest, oldest, 10).await, all);
}

pub(crate) async fn one_pushed_request_opens_one_session(world: World) {
    let (alice, notes) = people(&world).await;
    let browser = world.browser(alice).await;
    let pushed = |mut allow: Allow| {
        allow.pushed_request = Some(digest("request_uri"));
        allow
    };
    let first = pushed(world.allow(alice, &notes, browser, Life::Own));
    for _ in 0..2 {
        assert!(
            world.db.write(again(&first)).await.expect("answered"),
            "the same row"
        );
    }
    let second = pushed(world.allow(alice, &notes, browser, Life::Own));
    let refused = world.db.write(second).await.expect_err("another row");
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
    // Without one there may be as many as people like.
    for _ in 0..2 {
        let other = world.allow(alice, &notes, browser, Life::Own);
        assert!(world.db.write(other).await.expect("answered"));
    }
}
