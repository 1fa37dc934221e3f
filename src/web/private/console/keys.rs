//! The keys of the server, without what is secret of them.

use super::{
    rows::with_query,
    viewer::{Answer, Viewer},
    words,
};
use crate::{
    base::{time::Instant, words::ago},
    domain::{
        key::{KeyInfo, KeyState, Ring},
        role::Permission,
    },
    flows::keys,
    web::{
        pages::{KeyRow, KeysPage, RingRows},
        private::permission::ReadKeys,
    },
};

pub(super) async fn list(viewer: Viewer<ReadKeys>) -> Answer {
    let provider = viewer.private.provider();
    let found = keys::list(provider).await.map_err(|error| viewer.fault(error))?;
    let now = provider.clock.now();
    let rows = |ring: Ring| RingRows {
        title: words::ring(ring),
        ring: ring.as_str(),
        keys: found
            .iter()
            .filter(|key| key.ring == ring)
            .map(|key| row(key, now))
            .collect(),
        rotate_path: viewer.path_if(
            Permission::RotateKeys,
            with_query("/console/keys/rotate", &[("ring", ring.as_str())]),
        ),
    };
    let rings = Ring::every()
        .map(rows)
        .filter(|ring| !ring.keys.is_empty())
        .collect();
    Ok(viewer.show(&KeysPage {
        frame: viewer.frame("/console/keys"),
        rings,
    }))
}

fn row(key: &KeyInfo, now: Instant) -> KeyRow {
    let since = match key.state {
        KeyState::Next => key.created_at,
        KeyState::Active { since } | KeyState::Retiring { since } | KeyState::Gone { since } => since,
    };
    KeyRow {
        id: key.id.to_string(),
        state: words::key_state(key.state),
        since: ago(since, now),
        since_at: since.to_rfc3339(),
    }
}
