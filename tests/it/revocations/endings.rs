//! What ends a stream: its token, its client, a key, a copy that comes again, the server, and who does not read.

use postern::{
    base::time::Lifetime,
    domain::actor::Actor,
    flows::clients::{self, secrets},
};

use super::{by_a_manual_clock, by_the_real_clock, something_ends};
use crate::harness::Follower;

#[tokio::test]
async fn a_token_that_expires_ends_its_stream() {
    let postern = by_a_manual_clock().await;
    let follower = Follower::new(&postern, "api").await;
    let mut stream = follower.followed().await;
    postern.advance("299s");
    postern.poll().await;
    assert_eq!(stream.next().await.expect("it goes on").event, "heartbeat");
    postern.advance("1s");
    postern.poll().await;
    stream.ends().await;
    assert_eq!(follower.try_follow().await.err().expect("refused").status, 401);
    assert_eq!(postern.provider().streams.count(), 0);
}

#[tokio::test]
async fn a_token_that_is_given_back_ends_its_stream() {
    let postern = by_the_real_clock().await;
    let follower = Follower::new(&postern, "api").await;
    let mut stream = follower.followed().await;
    let answer = follower.post("/revoke", &[("token", &follower.token)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    stream.ends().await;
    assert_eq!(follower.try_follow().await.err().expect("refused").status, 401);
}

#[tokio::test]
async fn a_client_that_is_removed_or_changed_or_has_another_secret_has_its_streams_ended() {
    let postern = by_the_real_clock().await;
    let provider = postern.provider();

    let rotated = Follower::new(&postern, "rotated").await;
    let mut stream = rotated.followed().await;
    let id = rotated.id.parse().expect("an id");
    let overlap = Lifetime::from_secs(60);
    secrets::rotate(provider, &id, None, overlap, Actor::Operator)
        .await
        .expect("a new one");
    postern.poll().await;
    stream.ends().await;
    // It comes again, and is let in as what it is now.
    let mut stream = rotated.followed().await;
    something_ends(&postern);
    assert!(stream.next().await.is_some());

    let narrowed = Follower::new(&postern, "narrowed").await;
    let mut stream = narrowed.followed().await;
    postern
        .set_client("narrowed", |settings| {
            settings.scope = "read".parse().expect("scopes");
        })
        .await;
    postern.poll().await;
    stream.ends().await;
    assert_eq!(narrowed.try_follow().await.err().expect("refused").status, 401);

    let removed = Follower::new(&postern, "removed").await;
    let mut stream = removed.followed().await;
    let id = removed.id.parse().expect("an id");
    clients::remove(provider, id, Some(Actor::Operator.into()))
        .await
        .expect("answered")
        .expect("known");
    stream.ends().await;
    assert_eq!(removed.try_follow().await.err().expect("refused").status, 401);
}

#[tokio::test]
async fn a_copy_that_comes_again_takes_its_own_place() {
    let postern = by_the_real_clock().await;
    let follower = Follower::new(&postern, "api").await;
    let mut old = follower.followed().await;
    let mut other = follower.copy("two").followed().await;
    let mut new = follower.followed().await;
    old.ends().await;
    assert_eq!(postern.provider().streams.count(), 2);
    something_ends(&postern);
    assert!(new.next().await.is_some() && other.next().await.is_some());
}

#[tokio::test]
async fn a_server_that_stops_ends_all_streams_and_opens_none() {
    let postern = by_the_real_clock().await;
    let follower = Follower::new(&postern, "api").await;
    let mut stream = follower.followed().await;
    postern.provider().readiness.stop();
    postern.provider().ends.announcements.stop();
    stream.ends().await;
    assert_eq!(follower.try_follow().await.err().expect("refused").status, 503);
}

#[tokio::test]
async fn who_does_not_read_is_cut_off_and_begins_anew() {
    let postern = by_the_real_clock().await;
    let follower = Follower::new(&postern, "api").await;
    let mut slow = follower.followed().await;
    let mut reader = follower.copy("two").followed().await;
    for _ in 0..1500 {
        something_ends(&postern);
        assert_eq!(reader.addition().await.len(), 1);
    }
    assert_eq!(slow.next().await, None, "what it missed is gone");
    let (all, _) = follower.follow().await.beginning().await;
    assert_eq!(all.len(), 1500);
}
