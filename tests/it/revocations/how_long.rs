//! What ended is listed for as long as any of its tokens may live, whatever the settings are by then.

use postern::{
    base::time::{Clock, Instant, Lifetime},
    domain::{
        actor::Actor,
        event::{Changed, Event, EventLine, Subject},
    },
    flows::{
        clients::{remove, set},
        confirm,
        restore::{self, Restoring},
    },
};

use super::{by_a_manual_clock, signed_in};
use crate::harness::{ALICE, Follower, Postern, Tokens};

/// When the last revocation is over, against the end of the token, in seconds: the list goes on for longer.
async fn listed_beyond(postern: &Postern, tokens: &Tokens) -> i64 {
    let until = postern.number("SELECT MIN(until) FROM revocations").await;
    until / 1000 - tokens.claims()["exp"].as_i64().expect("a time")
}

/// Sets how long the access tokens of the app live.
async fn live_for(postern: &Postern, life: Option<&str>) {
    let (provider, id) = (postern.provider(), "notes".parse().expect("an id"));
    let found = set::find(provider, &id).await.expect("the database answers");
    let found = found.expect("a client");
    let (name, mut settings) = (found.client.name.clone(), found.client.settings.clone());
    settings.lifetimes.access_token = life.map(|life| life.parse().expect("a length of time"));
    let done = set::set(provider, found, name, settings, &Actor::Operator.into()).await;
    done.expect("it is set");
}

#[tokio::test]
async fn an_app_whose_tokens_live_longer_says_another_node_that_this_one_has_not_heard() {
    let postern = by_a_manual_clock().await;
    let deaf = postern.beside().await;
    live_for(&postern, Some("1d")).await;
    let (phone, tokens) = signed_in(&postern).await;
    assert_eq!(phone.at(&deaf).revoke(&tokens.access).await.status, 200);
    assert!(listed_beyond(&postern, &tokens).await >= 120, "the token");
    deaf.end_everything_of(ALICE).await;
    assert_eq!(postern.revocations().await.len(), 2);
    assert!(listed_beyond(&postern, &tokens).await >= 120, "and its session");

    // Nor does that node forget it any sooner.
    postern.advance("23h");
    deaf.provider().ends.forget(postern.clock.now());
    assert_eq!(deaf.provider().ends.revocations.all().len(), 2);
}

#[tokio::test]
async fn what_a_backup_has_lost_is_listed_as_long_by_who_has_not_heard() {
    let postern = by_a_manual_clock().await;
    let deaf = postern.beside().await;
    live_for(&postern, Some("1d")).await;
    let (_, tokens) = signed_in(&postern).await;
    let subject = Subject {
        session: Some(tokens.sid().parse().expect("an id")),
        client: Some("notes".parse().expect("an id")),
        ..Subject::default()
    };
    let jti = tokens.claims()["jti"].as_str().expect("text").to_owned();
    let lost = [
        Event::TokenRevoked { jti },
        Event::SessionOpened {
            scope: "openid".parse().expect("a scope"),
            device: String::new(),
        },
        Event::ClientRemoved {
            changed: Changed::default(),
        },
    ];
    let provider = deaf.provider();
    let mut restoring = Restoring::begin(provider).await.expect("the database answers");
    for (event, listed) in lost.into_iter().zip(1..) {
        let record = provider.event(provider.clock.now(), subject.clone(), event);
        let line = serde_json::to_string(&EventLine::of(&record).expect("a line"));
        let lost = restore::read(&line.expect("JSON")).expect("a line of an export");
        restoring.write_again(lost).await.expect("written");
        assert_eq!(postern.revocations().await.len(), listed);
        assert!(listed_beyond(&postern, &tokens).await >= 120, "{record:?}");
    }
}

#[tokio::test]
async fn who_accepts_while_the_stream_is_down_is_waited_for_as_long_by_who_has_not_heard() {
    let postern = by_a_manual_clock().await;
    let deaf = postern.beside().await;
    live_for(&postern, Some("1d")).await;
    Follower::new(&postern, "api").await.followed().await;
    postern.tamper("UPDATE instances SET down = 'accept'").await;
    postern.advance("23h");
    let (_, tokens) = signed_in(&postern).await;
    let wait = confirm::wait(deaf.provider(), Lifetime::from_millis(10)).expect("a place");
    let confirmation = wait.confirm().await.expect("the database answers");
    assert_eq!(confirmation.instances, 1, "it may accept a token of yesterday");
    let beyond = confirmation.missing[0].refuses_by.seconds();
    assert!(beyond - tokens.claims()["exp"].as_i64().expect("a time") >= 120);
}

#[tokio::test]
async fn an_app_whose_tokens_lived_longer_a_moment_ago() {
    let postern = by_a_manual_clock().await;
    live_for(&postern, Some("1d")).await;
    let (phone, tokens) = signed_in(&postern).await;
    live_for(&postern, None).await;
    // No upkeep has run meanwhile, and a node that starts now knows nothing of it.
    let young = postern.beside().await;
    young.end_everything_of(ALICE).await;
    assert!(listed_beyond(&postern, &tokens).await >= 120);

    // The row of the session is there as long as the list is, and the token is refused to its end.
    postern.advance("23h");
    for node in [&postern, &young] {
        postern::flows::sweep::sweep(node.provider())
            .await
            .expect("swept");
        node.poll().await;
        assert_eq!(phone.at(node).userinfo(&tokens.access).await.status, 401);
    }
    assert_eq!(postern.revocations().await.len(), 1);
}

#[tokio::test]
async fn an_app_that_was_added_with_longer_ones_and_removed() {
    let postern = by_a_manual_clock().await;
    postern
        .add_client("slow", |settings| {
            settings.lifetimes.access_token = Some(Lifetime::from_secs(36_000));
        })
        .await;
    let phone = postern.phone_of("slow");
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let id = "slow".parse().expect("an id");
    let removed = remove(postern.provider(), id, Some(Actor::Operator.into())).await;
    removed.expect("the database answers").expect("it was there");
    assert!(listed_beyond(&postern, &tokens).await >= 120);
}

#[tokio::test]
async fn a_server_that_starts_with_shorter_ones() {
    let clock = Clock::manual(Instant::from_millis(1_790_000_000_000));
    let postern = Postern::start_at(clock, None, |config| {
        config.lifetimes.access_token = Lifetime::from_secs(36_000);
    })
    .await;
    let (_, tokens) = signed_in(&postern).await;
    let mut stopped = postern.stop().await;
    stopped.config.lifetimes.access_token = Lifetime::from_secs(300);
    let postern = stopped.start().await;
    postern.end_everything_of(ALICE).await;
    assert!(listed_beyond(&postern, &tokens).await >= 120);
}
