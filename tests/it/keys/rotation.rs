//! Two nodes on one database, through whole rotations: every token is good everywhere until its own end.

use std::collections::{BTreeSet, VecDeque};

use postern::{base::time::Lifetime, config::Config, domain::key::Ring, flows::keys::rotate::rotate};
use postern_resource_server::KeySet;

use super::{accepts, active, kid, published, refresh_keys, upkeep};
use crate::harness::{ALICE, BOB, Phone, Postern, Tokens};

const STEP: i64 = 15;
const MAX_AGE: i64 = 600;
const TOKEN_LIFE: i64 = 300;

fn hourly(config: &mut Config) {
    config.lifetimes.key_rotation = Lifetime::from_secs(3600);
}

/// What an API may have: keys that it fetched, and keeps for as long as the answer says.
type Fetched = VecDeque<(i64, KeySet)>;

async fn fetch(postern: &Postern, fetched: &mut Fetched, now: i64) {
    fetched.push_back((now, published(postern).await));
    while fetched.front().is_some_and(|(at, _)| now - at > MAX_AGE) {
        fetched.pop_front();
    }
}

/// Two nodes and two apps, each refreshed by turns at either node. `polls` says whether the second node's poll works.
async fn two_rotations(polls: bool) {
    let here = Postern::start_with(hourly).await;
    let there = here.beside().await;
    let mut tokens = Vec::new();
    for person in [ALICE, BOB] {
        tokens.push(here.phone().signed_in(&mut here.browser(), person).await);
    }
    let mut fetched = [Fetched::new(), Fetched::new()];
    let mut issued: VecDeque<(i64, [String; 2])> = VecDeque::new();
    let mut signed_with = [BTreeSet::new(), BTreeSet::new()];

    for step in 1..=(2 * 3600 + 2 * MAX_AGE) / STEP {
        let now = step * STEP;
        here.clock.advance(Lifetime::from_secs(STEP));
        refresh_keys(&here).await;
        if step % 2 == 0 {
            upkeep(&here).await;
        }
        if polls {
            refresh_keys(&there).await;
        }
        // The first app is at one node, the second at the other; then they change places.
        let nodes = [&here, &there];
        for (app, token) in (0..).zip(&mut tokens) {
            let at = usize::from((app + step) % 2 == 0);
            *token = Tokens::of(&nodes[at].phone().refresh(&token.refresh).await);
            signed_with[at].insert(kid(&token.access));
        }
        let fresh = [tokens[0].access.clone(), tokens[1].access.clone()];
        issued.push_back((now, fresh));
        while issued.front().is_some_and(|(at, _)| now - at >= TOKEN_LIFE) {
            issued.pop_front();
        }
        for (node, fetched) in nodes.iter().zip(&mut fetched) {
            fetch(node, fetched, now).await;
        }

        // The newest token meets the oldest keys that an API may hold, the oldest token the newest keys.
        let ends = [issued.front(), issued.back()];
        for (at, token) in ends
            .into_iter()
            .flatten()
            .flat_map(|(at, both)| both.iter().map(move |t| (at, t)))
        {
            for fetched in &fetched {
                for (fetched_at, keys) in [fetched.front(), fetched.back()].into_iter().flatten() {
                    assert!(
                        accepts(&here, keys, token),
                        "at {now} s: a token of {at} s meets the keys of {fetched_at} s"
                    );
                }
            }
        }
    }
    for by in signed_with {
        assert_eq!(by.len(), 3, "each node signed with three keys: {by:?}");
    }
}

#[tokio::test]
async fn a_token_of_either_node_is_good_at_both_at_every_moment() {
    two_rotations(true).await;
}

#[tokio::test]
async fn it_is_also_when_the_poll_of_a_node_never_works() {
    two_rotations(false).await;
}

#[tokio::test]
async fn a_page_made_before_a_rotation_works_after_it_on_another_node_until_its_own_end() {
    let here = Postern::start_with(hourly).await;
    let (mut alice, mut bob) = (here.browser(), here.browser());
    let phone = here.phone();
    let page = alice.open(&phone.authorize_url(&[])).await.page();
    let late = bob.open(&phone.authorize_url(&[])).await.page();
    let there = here.beside().await;
    let old = active(&here, Ring::Seal).await;
    for _ in 0..2 {
        here.advance("11m");
        rotate(
            here.provider(),
            &Ring::ALL,
            postern::domain::actor::Actor::Operator,
        )
        .await
        .expect("old enough");
    }
    assert_ne!(active(&here, Ring::Seal).await, old);

    let mut alice = alice.at(&there);
    let page = alice.sign_in(&page, ALICE).await.page();
    let back = alice.at(&here).press(&page, "allow").await.app();
    let tokens = Tokens::of(&phone.at(&there).redeem(&phone.code(&back)).await);
    assert!(accepts(&here, &published(&here).await, &tokens.access));

    // What ends the other page is its hour, not a key.
    here.advance("39m");
    let said = bob.at(&there).sign_in(&late, BOB).await.page();
    assert!(
        said.answer.body.contains("waited for too long"),
        "{}",
        said.answer.body
    );
}

#[tokio::test]
async fn a_refresh_token_outlives_the_rotations_of_its_session() {
    let here = Postern::start().await;
    let mut tokens = here.phone().signed_in(&mut here.browser(), ALICE).await;
    let there = here.beside().await;
    let nodes: [Phone<'_>; 2] = [here.phone(), there.phone()];
    let mut keys = BTreeSet::new();
    // Used every 89 days: each time at a token whose key retired long ago.
    for quarter in 0..4 {
        for _ in 0..89 {
            here.advance("1d");
            upkeep(&here).await;
        }
        keys.insert(active(&here, Ring::Mac).await);
        tokens = Tokens::of(&nodes[quarter % 2].refresh(&tokens.refresh).await);
    }
    assert_eq!(keys.len(), 4, "the ring moved on each time");
}
