use postern::{
    domain::{
        device_session::Life,
        ending::Ending,
        event::{Changed, Event},
    },
    store::{
        clients::{RemoveClient, VERSION, all},
        consents,
        error::StoreError,
        facts,
    },
};

use super::world::World;

fn removal(world: &World, id: &str) -> RemoveClient {
    let id: postern::base::id::ClientId = id.parse().expect("a client id");
    RemoveClient {
        end: world.end_of(Ending::Client { id: id.clone() }),
        id,
        event: world.event(Event::ClientRemoved {
            changed: Changed::default(),
        }),
    }
}

pub(crate) async fn a_change_of_clients_raises_the_version(world: World) {
    let mut last = facts::version(&world.db, VERSION).await.expect("read");
    world.client("notes").await;
    world.client("files").await;
    for change in ["added", "removed"] {
        let (number, clients) = all(&world.db).await.expect("read");
        assert!(number > last, "{change}");
        last = number;
        let names: Vec<_> = clients.iter().map(|client| client.id.as_str()).collect();
        if change == "added" {
            assert_eq!(names, ["files", "notes"]);
            assert_eq!(clients[1], world.new_client("notes").client);
            assert!(
                world
                    .db
                    .write(removal(&world, "files"))
                    .await
                    .expect("removed")
                    .is_some()
            );
        } else {
            assert_eq!(names, ["notes"]);
        }
    }
    assert!(
        world
            .db
            .write(removal(&world, "files"))
            .await
            .expect("answered")
            .is_none()
    );
    assert_eq!(facts::version(&world.db, VERSION).await.expect("read"), last);
    assert_eq!(world.count_events("client.removed").await, 1);
}

pub(crate) async fn a_taken_client_id_is_a_conflict_and_changes_nothing(world: World) {
    world.client("notes").await;
    let before = facts::version(&world.db, VERSION).await.expect("read");
    let taken = world.db.write(world.new_client("notes")).await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))), "{taken:?}");
    assert_eq!(facts::version(&world.db, VERSION).await.expect("read"), before);
    assert_eq!(world.count_events("client.added").await, 1);
}

pub(crate) async fn removing_a_client_ends_its_sessions_and_forgets_its_consents(world: World) {
    let alice = world.user("alice@example.com").await;
    let (notes, files) = (world.client("notes").await, world.client("files").await);
    let browser = world.browser(alice).await;
    let mut sessions = Vec::new();
    for client in [&notes, &files] {
        let mut allow = world.allow(alice, client, browser, Life::Own);
        allow.consent = Some(super::consents::asking(&world, None, "openid"));
        sessions.push(allow.id);
        assert!(world.db.write(allow).await.expect("allowed"));
        world
            .db
            .write(world.redeem(*sessions.last().expect("one"), client))
            .await
            .expect("redeemed");
    }
    let ended = world
        .db
        .write(removal(&world, "notes"))
        .await
        .expect("removed")
        .expect("there was one");
    let ended = ended.count();
    assert_eq!((ended.browsers, ended.devices), (0, 1));
    assert_eq!(world.ended(&sessions).await, [0]);
    for (client, left) in [(notes, false), (files, true)] {
        let consent = world
            .db
            .read(consents::FIND, (alice, client))
            .await
            .expect("read");
        assert_eq!(consent.is_some(), left);
    }
}
