use postern::{
    base::{entropy::Entropy, id::KeyId},
    domain::{
        event::Event,
        key::{KeyState, Ring},
    },
    store::{
        error::StoreError,
        facts,
        keys::{FoundKeys, StoredKey, all},
    },
};

use super::world::{World, at};

pub(crate) async fn first_keys_are_read_back_and_founded_once(world: World) {
    let entropy = Entropy::seeded(2);
    let founding = |check: u8| {
        let key = |ring, state, public: Option<&str>| {
            let id = KeyId::new(&entropy);
            let stored = StoredKey {
                id,
                ring,
                state,
                sealed: vec![1, 2, 3],
                public: public.map(str::to_owned),
                created_at: at(0),
            };
            let event = world.event(Event::KeyCreated {
                ring: "mac",
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
        .map(|key| (key.ring, key.state, key.public.as_deref()))
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
            .all(|key| key.sealed == [1, 2, 3] && key.created_at == at(0))
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
