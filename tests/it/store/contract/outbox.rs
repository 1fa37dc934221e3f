use std::collections::BTreeSet;

use postern::{
    base::id::{ClientId, DeviceSessionId},
    domain::{
        device_session::Life,
        ending::Ending,
        event::Event,
        message::{Message, MessageKind::BackchannelLogout},
    },
    store::{
        clients::DisableClient,
        outbox::{FORGET, Settle, TakeMessages, due},
    },
};

use super::world::{World, at};

const MANY: i64 = 100;

/// A client that hears of ends, and so many sessions of it that have ended.
async fn ended(world: &World, sessions: usize) -> (ClientId, BTreeSet<DeviceSessionId>) {
    let mut client = world.new_client("site");
    let url = "https://site.example/logged-out".parse().expect("an https URL");
    client.client.settings.backchannel_logout_uri = Some(url);
    world.db.write(client).await.expect("added");
    let (client, user) = (
        "site".parse().expect("a client id"),
        world.user("a@example.com").await,
    );
    let browser = world.browser(user).await;
    let mut ended = BTreeSet::new();
    for _ in 0..sessions {
        ended.insert(world.active(user, &client, browser, Life::Own).await);
    }
    world.end(Ending::User { id: user, keep: None }).await;
    (client, ended)
}

async fn take(world: &World, client: &ClientId, now: i64, most: i64) -> Vec<Message> {
    let take = TakeMessages {
        recipient: client.clone(),
        now: at(now),
        until: at(now + 60),
        most,
    };
    world.db.write(take).await.expect("answered")
}

async fn is_due(world: &World, now: i64) -> bool {
    !due(&world.db, at(now), MANY).await.expect("answered").is_empty()
}

pub(crate) async fn a_message_is_one_takers_until_its_time_is_over(world: World) {
    let (client, ended) = ended(&world, 20).await;
    let told = due(&world.db, at(10), MANY).await.expect("answered");
    assert_eq!(told.as_slice(), std::slice::from_ref(&client));
    assert!(!is_due(&world, 9).await);
    let taken = futures_util::future::join_all((0..16).map(|_| take(&world, &client, 10, 3))).await;
    let sessions: Vec<_> = taken.iter().flatten().map(|message| message.session).collect();
    assert_eq!(sessions.len(), ended.len(), "no message is taken twice");
    assert_eq!(BTreeSet::from_iter(sessions), ended);
    assert!(taken.iter().flatten().all(|message| message.attempts == 1));
    // Who took them is gone.
    assert!(take(&world, &client, 69, MANY).await.is_empty());
    let again = take(&world, &client, 70, MANY).await;
    assert_eq!(again.len(), ended.len());
    assert!(
        again
            .iter()
            .all(|message| message.attempts == 2 && message.created_at == at(10))
    );
}

pub(crate) async fn what_is_settled_goes_waits_or_is_told_of(world: World) {
    let (client, _) = ended(&world, 4).await;
    let taken = take(&world, &client, 10, 3).await;
    let [first, second, third] = taken.as_slice() else {
        panic!("three: {taken:?}")
    };
    let event = world.event(Event::MessageUndelivered {
        message: BackchannelLogout,
    });
    let settle = Settle {
        recipient: client.clone(),
        done: vec![(BackchannelLogout, first.session)],
        again: vec![(BackchannelLogout, second.session, at(500))],
        given_up: vec![(BackchannelLogout, third.session, event)],
        spared_until: Some(at(100)),
    };
    world.db.write(settle).await.expect("answered");
    assert!(!is_due(&world, 99).await, "the fourth waits as well");
    assert!(is_due(&world, 100).await);
    let fourth = take(&world, &client, 100, MANY).await;
    assert_eq!(fourth.len(), 1);
    assert!(taken.iter().all(|message| message.session != fourth[0].session));
    let left = take(&world, &client, 500, MANY).await;
    let left: BTreeSet<_> = left.iter().map(|message| message.session).collect();
    assert_eq!(left, BTreeSet::from([second.session, fourth[0].session]));
    assert_eq!(world.count_events("message.undelivered").await, 1);
}

pub(crate) async fn what_waits_for_nobody_is_forgotten(world: World) {
    let (client, _) = ended(&world, 2).await;
    let forget = || world.db.execute(FORGET, (client.clone(),));
    assert!(forget().await.expect("answered").is_none(), "somebody hears");
    assert!(is_due(&world, 10).await);
    let disable = DisableClient {
        id: client.clone(),
        now: at(20),
        revoked_until: None,
        event: world.event(Event::ClientDisabled),
    };
    world.db.write(disable).await.expect("disabled");
    assert!(forget().await.expect("answered").is_some());
    assert!(!is_due(&world, 10).await);
}
