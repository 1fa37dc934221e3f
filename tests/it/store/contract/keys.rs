use postern::{
    base::{entropy::Entropy, id::KeyId, time::Lifetime},
    domain::{
        event::Event,
        key::{KeyInfo, KeyState, Ring, rotation::Rotation},
    },
    store::{
        error::StoreError,
        facts,
        keys::{DestroyKey, FoundKeys, OUTLIVE, RotateRing, StoredKey, VERSION, accepted, all},
    },
};

use super::world::{World, at};

fn stored(id: KeyId, ring: Ring, state: KeyState, public: Option<&str>) -> StoredKey {
    StoredKey {
        info: KeyInfo {
            id,
            ring,
            state,
            created_at: at(0),
            longest_life: Lifetime::from_millis(0),
        },
        sealed: vec![1, 2, 3],
        public: public.map(str::to_owned),
        withdrawn_at: None,
    }
}

fn id(number: u8) -> KeyId {
    KeyId::from_bytes([number; 8])
}

/// Keys 1 (active) and 2 (next) of the signing ring.
async fn founded(world: &World) {
    let event = |number| {
        world.event(Event::KeyCreated {
            ring: Ring::SigningEs256,
            kid: id(number).to_string(),
        })
    };
    let key = |number, state| {
        (
            stored(id(number), Ring::SigningEs256, state, Some("{}")),
            event(number),
        )
    };
    let keys = vec![key(1, KeyState::Active { since: at(0) }), key(2, KeyState::Next)];
    let change = FoundKeys {
        root_check: vec![7; 8],
        keys,
    };
    world.db.write(change).await.expect("founded");
}

/// One key retires, the next becomes active, another is made.
fn rotation(world: &World, retire: u8, activate: u8, make: u8, now: i64) -> RotateRing {
    let event = Event::KeyActivated {
        ring: Ring::SigningEs256,
        kid: id(activate).to_string(),
    };
    RotateRing {
        withdraw: Vec::new(),
        revoked_until: None,
        rotation: Rotation {
            retire: Some(id(retire)),
            activate: Some(id(activate)),
            make: vec![KeyState::Next],
        },
        keys: vec![stored(id(make), Ring::SigningEs256, KeyState::Next, Some("{}"))],
        now: at(now),
        events: vec![world.event(event)],
    }
}

async fn states(world: &World) -> Vec<(KeyId, KeyState)> {
    let keys = all(&world.db).await.expect("read");
    keys.iter().map(|key| (key.info.id, key.info.state)).collect()
}

pub(crate) async fn a_ring_turns_as_a_whole_or_not_at_all(world: World) {
    founded(&world).await;
    let before = facts::version(&world.db, VERSION).await.expect("read");
    world
        .db
        .write(rotation(&world, 1, 2, 3, 10))
        .await
        .expect("its rotation");
    let turned = vec![
        (id(1), KeyState::Retiring { since: at(10) }),
        (id(2), KeyState::Active { since: at(10) }),
        (id(3), KeyState::Next),
    ];
    assert_eq!(states(&world).await, turned);
    assert_eq!(
        facts::version(&world.db, VERSION).await.expect("read"),
        before + 1
    );
    assert_eq!(world.count_events("key.activated").await, 1);

    // The same again, a next key that is none, and a new key whose id is taken: each is refused as a whole.
    for late in [
        rotation(&world, 1, 2, 4, 20),
        rotation(&world, 2, 1, 4, 20),
        rotation(&world, 2, 3, 1, 20),
    ] {
        let refused = world.db.write(late).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    }
    assert_eq!(states(&world).await, turned);
    assert_eq!(
        facts::version(&world.db, VERSION).await.expect("read"),
        before + 1
    );
    assert_eq!(world.count_events("key.activated").await, 1);
}

pub(crate) async fn a_secret_is_destroyed_when_what_it_made_is_over(world: World) {
    founded(&world).await;
    let (life, grace) = (300, 600);
    for seconds in [life, 60] {
        let binds = (Ring::SigningEs256.as_str(), seconds * 1000);
        world.db.execute(OUTLIVE, binds).await.expect("written");
    }
    let destroy = |number, now| {
        let event = world.event(Event::KeyDestroyed {
            ring: Ring::SigningEs256,
            kid: id(number).to_string(),
        });
        DestroyKey {
            id: id(number),
            now: at(now),
            event,
        }
    };
    let end = 10 + life + grace;
    assert!(
        !world.db.write(destroy(1, end)).await.expect("read"),
        "it is active"
    );
    world
        .db
        .write(rotation(&world, 1, 2, 3, 10))
        .await
        .expect("its rotation");
    let before = facts::version(&world.db, VERSION).await.expect("read");
    assert!(
        !world.db.write(destroy(1, end - 1)).await.expect("read"),
        "too early"
    );
    assert!(world.db.write(destroy(1, end)).await.expect("read"));
    assert!(
        !world.db.write(destroy(1, end)).await.expect("read"),
        "it is gone"
    );

    let keys = all(&world.db).await.expect("read");
    let gone = keys
        .iter()
        .find(|key| key.info.id == id(1))
        .expect("its row stays");
    assert_eq!(gone.info.state, KeyState::Gone { since: at(end) });
    assert_eq!(
        (gone.sealed.as_slice(), gone.public.as_deref()),
        (&[][..], Some("{}"))
    );
    assert!(
        accepted(&world.db)
            .await
            .expect("read")
            .iter()
            .all(|key| key.info.id != id(1))
    );
    assert_eq!(
        facts::version(&world.db, VERSION).await.expect("read"),
        before + 1
    );
    assert_eq!(world.count_events("key.destroyed").await, 1);
}

pub(crate) async fn first_keys_are_read_back_and_founded_once(world: World) {
    let entropy = Entropy::seeded(2);
    let founding = |check: u8| {
        let key = |ring, state, public: Option<&str>| {
            let id = KeyId::new(&entropy);
            let stored = stored(id, ring, state, public);
            let event = world.event(Event::KeyCreated {
                ring: Ring::Mac,
                kid: id.to_string(),
            });
            (stored, event)
        };
        FoundKeys {
            root_check: vec![check; 8],
            keys: vec![
                key(Ring::SigningEs256, KeyState::Active { since: at(0) }, Some("{}")),
                key(Ring::SigningEs256, KeyState::Next, Some("{}")),
                key(Ring::Mac, KeyState::Active { since: at(0) }, None),
            ],
        }
    };
    world.db.write(founding(7)).await.expect("founded");
    let keys = all(&world.db).await.expect("read");
    let read: Vec<_> = keys
        .iter()
        .map(|key| (key.info.ring, key.info.state, key.public.as_deref()))
        .collect();
    assert_eq!(read.len(), 3);
    for expected in [
        (Ring::Mac, KeyState::Active { since: at(0) }, None),
        (Ring::SigningEs256, KeyState::Active { since: at(0) }, Some("{}")),
        (Ring::SigningEs256, KeyState::Next, Some("{}")),
    ] {
        assert!(read.contains(&expected), "{expected:?} in {read:?}");
    }
    assert!(
        keys.iter()
            .all(|key| key.sealed == [1, 2, 3] && key.info.created_at == at(0))
    );
    let again = world.db.write(founding(8)).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
    let check = world
        .db
        .read(facts::FIND, (facts::ROOT_CHECK,))
        .await
        .expect("read");
    assert_eq!(check, Some((vec![7; 8],)));
    assert_eq!(all(&world.db).await.expect("read").len(), 3);
}
