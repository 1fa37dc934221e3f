//! Keys rotate by themselves, on one node and on many, and nobody notices.

mod compromised;
mod destroyed;
mod due;
mod rotation;
mod start;
mod unknown;

use postern::{
    base::id::KeyId,
    domain::key::{KeyInfo, KeyState, Ring},
    flows::keys::{self, rotate::rotate_due},
};
use postern_resource_server::{Expected, KeySet, Presented, validate};

use crate::harness::Postern;

/// Every key of a ring, oldest first.
async fn ring(postern: &Postern, ring: Ring) -> Vec<KeyInfo> {
    let mut keys = keys::list(postern.provider())
        .await
        .expect("the database answers");
    keys.retain(|key| key.ring == ring);
    keys
}

async fn active(postern: &Postern, of: Ring) -> KeyId {
    let keys = ring(postern, of).await;
    let active: Vec<_> = keys
        .iter()
        .filter(|key| matches!(key.state, KeyState::Active { .. }))
        .collect();
    assert_eq!(active.len(), 1, "{keys:?}");
    active[0].id
}

/// The states of a ring's keys, in the order of their letters.
async fn states(postern: &Postern, of: Ring) -> Vec<&'static str> {
    let keys = ring(postern, of).await;
    let mut states: Vec<_> = keys.iter().map(|key| key.state.to_columns().0).collect();
    states.sort_unstable();
    states
}

/// What a server's upkeep does.
async fn upkeep(postern: &Postern) {
    rotate_due(postern.provider())
        .await
        .expect("the database answers");
}

/// What a server's poll does with its rings.
async fn refresh_keys(postern: &Postern) {
    let provider = postern.provider();
    let refreshed = provider.keys.refresh(&provider.db, &provider.clock).await;
    refreshed.expect("the database answers");
}

/// The published keys, as an API loads them.
async fn published(postern: &Postern) -> KeySet {
    KeySet::from_jwks(postern.get("/jwks.json").await.body).expect("a key set")
}

/// Whether an API that holds these keys accepts the access token now.
fn accepts(postern: &Postern, keys: &KeySet, token: &str) -> bool {
    let expected = Expected::new(postern.issuer(), postern.issuer());
    let now = u64::try_from(postern.clock.now().seconds()).expect("after 1970");
    validate(&Presented::bearer(token), keys, &expected, now).is_ok()
}

/// The `kid` of a token's header.
fn kid(token: &str) -> String {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let header = token.split('.').next().expect("three parts");
    let header = Base64UrlUnpadded::decode_vec(header).expect("base64url");
    let header: serde_json::Value = serde_json::from_slice(&header).expect("JSON");
    header["kid"].as_str().expect("a kid").to_owned()
}
