use std::collections::{BTreeMap, BTreeSet};

use postern::{
    base::{
        id::{ClientId, ClientSecretId},
        time::Instant,
    },
    domain::{
        client_secret::KeptSecret,
        ending::Ending,
        event::{Changed, Event},
    },
    store::{
        client_secrets::{EXPIRING, RemoveSecret, RotateSecret, USED, WarnOfEnd, of_client},
        clients::{RemoveClient, VERSION},
        error::StoreError,
        facts,
    },
};

use super::world::{World, at, digest};

fn secret(world: &World, client: &ClientId, name: &str) -> KeptSecret {
    KeptSecret {
        id: world.secret_id(),
        client: client.clone(),
        digest: digest(name),
        created_at: at(0),
        last_used_at: None,
        expires_at: None,
    }
}

/// A new secret; those that are there end at these times.
async fn rotate(
    world: &World,
    new: &KeptSecret,
    old: &[(ClientSecretId, Instant)],
) -> Result<(), StoreError> {
    let event = |event| world.event(event);
    let change = RotateSecret {
        secret: new.clone(),
        event: event(Event::ClientSecretCreated {
            secret: new.id,
            expires_at: None,
        }),
        old: old
            .iter()
            .map(|(id, until)| (*id, *until, event(Event::ClientSecretRemoved { secret: *id })))
            .collect(),
        now: at(0),
    };
    world.db.write(change).await
}

pub(crate) async fn two_secrets_are_good_at_most_and_a_third_changes_nothing(world: World) {
    let notes = world.client("notes").await;
    let (one, two, three) = (
        secret(&world, &notes, "one"),
        secret(&world, &notes, "two"),
        secret(&world, &notes, "three"),
    );
    rotate(&world, &one, &[]).await.expect("the first");
    let before = facts::version(&world.db, VERSION).await.expect("read");
    rotate(&world, &two, &[(one.id, at(60))])
        .await
        .expect("the second");
    assert!(facts::version(&world.db, VERSION).await.expect("read") > before);
    let third = rotate(&world, &three, &[(one.id, at(30)), (two.id, at(30))]).await;
    assert!(matches!(third, Err(StoreError::Conflict(_))), "{third:?}");
    let kept = of_client(&world.db, notes.clone()).await.expect("read");
    let ends: BTreeMap<_, _> = kept.iter().map(|kept| (kept.id, kept.expires_at)).collect();
    assert_eq!(ends, BTreeMap::from([(one.id, Some(at(60))), (two.id, None)]));
    // An end that has come is a deletion, and makes room.
    rotate(&world, &three, &[(one.id, at(0)), (two.id, at(60))])
        .await
        .expect("the third");
    let kept = of_client(&world.db, notes.clone()).await.expect("read");
    let left: BTreeSet<_> = kept.iter().map(|kept| kept.id).collect();
    assert_eq!(left, BTreeSet::from([two.id, three.id]));
    // No later end than before, and none for a client that is not there.
    let four = secret(&world, &"nobody".parse().expect("an id"), "four");
    assert!(matches!(
        rotate(&world, &four, &[]).await,
        Err(StoreError::Conflict(_))
    ));
    assert_eq!(world.count_events("client.secret_created").await, 3);
}

pub(crate) async fn a_secret_is_removed_once_and_all_of_them_with_their_client(world: World) {
    let (notes, files) = (world.client("notes").await, world.client("files").await);
    let (one, two) = (secret(&world, &notes, "one"), secret(&world, &files, "two"));
    for secret in [&one, &two] {
        rotate(&world, secret, &[]).await.expect("made");
    }
    let remove = async |id, client: &ClientId| {
        let change = RemoveSecret {
            id,
            client: client.clone(),
            event: world.event(Event::ClientSecretRemoved { secret: id }),
        };
        world.db.write(change).await.expect("answered")
    };
    assert!(!remove(one.id, &files).await, "not its own");
    assert!(remove(one.id, &notes).await);
    assert!(!remove(one.id, &notes).await);
    assert_eq!(world.count_events("client.secret_removed").await, 1);
    let removal = RemoveClient {
        id: files.clone(),
        end: world.end_of(Ending::Client { id: files.clone() }),
        event: world.event(Event::ClientRemoved {
            changed: Changed::default(),
        }),
    };
    assert!(world.db.write(removal).await.expect("removed").is_some());
    assert!(of_client(&world.db, files).await.expect("read").is_empty());
}

pub(crate) async fn a_use_is_written_once_in_a_while_and_a_warning_once(world: World) {
    let notes = world.client("notes").await;
    let one = KeptSecret {
        expires_at: Some(at(1000)),
        ..secret(&world, &notes, "one")
    };
    rotate(&world, &one, &[]).await.expect("made");
    for (now, since, written) in [(10, 0, true), (20, 9, false), (30, 10, true)] {
        let row = world.db.execute(USED, (one.id, at(now), at(since))).await;
        assert_eq!(row.expect("answered").is_some(), written, "{now}");
    }
    let kept = of_client(&world.db, notes).await.expect("read");
    assert_eq!(kept[0].last_used_at, Some(at(30)));

    let expiring = async |before, after| {
        let rows = world.db.read_all(EXPIRING, (at(before), at(after), 10)).await;
        rows.expect("read").len()
    };
    assert_eq!(
        (
            expiring(999, 0).await,
            expiring(1000, 0).await,
            expiring(1000, 1000).await
        ),
        (0, 1, 0)
    );
    for first in [true, false] {
        let warned = WarnOfEnd {
            id: one.id,
            now: at(1),
            event: world.event(Event::ClientSecretExpiring {
                secret: one.id,
                expires_at: at(1000),
            }),
        };
        assert_eq!(world.db.write(warned).await.expect("answered"), first);
    }
    assert_eq!(expiring(1000, 0).await, 0);
    assert_eq!(world.count_events("client.secret_expiring").await, 1);
}
