use postern::{
    base::id::DeviceSessionId,
    domain::{device_session::Life, ending::Ending, event::Event},
    store::revocations::{LIST, MAX_TOKENS_OF_A_SESSION, RevokeToken},
};

use super::world::{World, at};

fn revoke(world: &World, jti: i64, session: DeviceSessionId) -> RevokeToken {
    RevokeToken {
        jti: jti.to_be_bytes().to_vec(),
        session: Some((session, world.end_of(Ending::Device { id: session }))),
        now: at(10),
        until: at(1000),
        event: world.event(Event::TokenRevoked { jti: jti.to_string() }),
    }
}

async fn session(world: &World) -> DeviceSessionId {
    let (alice, notes) = (world.user("alice@example.com").await, world.client("notes").await);
    world
        .active(alice, &notes, world.browser(alice).await, Life::Own)
        .await
}

pub(crate) async fn a_token_is_listed_once(world: World) {
    let session = session(&world).await;
    for _ in 0..2 {
        world.db.write(revoke(&world, 1, session)).await.expect("revoked");
    }
    let listed = world.db.read_all(LIST, (at(999),)).await.expect("read");
    assert_eq!(
        listed,
        [("token".to_owned(), 1i64.to_be_bytes().to_vec(), at(1000))]
    );
    assert!(
        world
            .db
            .read_all(LIST, (at(1000),))
            .await
            .expect("read")
            .is_empty()
    );
    assert_eq!(world.count_events("token.revoked").await, 1);
}

pub(crate) async fn too_many_tokens_end_their_session(world: World) {
    let session = session(&world).await;
    for jti in 0..MAX_TOKENS_OF_A_SESSION {
        world
            .db
            .write(revoke(&world, jti, session))
            .await
            .expect("revoked");
    }
    assert!(!world.is_ended(session).await);
    world
        .db
        .write(revoke(&world, MAX_TOKENS_OF_A_SESSION, session))
        .await
        .expect("revoked");
    assert!(world.is_ended(session).await);
    assert!(world.revoked().await.contains(&session));
}
