//! The walk over all device sessions, in the order of their ids, for those that no index finds: never redeemed, or not
//! used for too long. It goes a little way at each sweep and remembers how far it came, so that ten million sessions
//! take it a day. On its way it counts the live ones by the versions of their apps.

use std::collections::BTreeMap;

use crate::{
    base::{id::DeviceSessionId, time::Instant},
    domain::{device_session::lives_until, policy::Lifetimes},
    flows::{
        Provider,
        sweep::{NAME, PAUSE},
    },
    store::{
        app_versions::Walked,
        device_sessions::over::{self, WalkedSession},
        error::Result,
    },
};

/// How many rows are looked at at once.
const STRIDE: i64 = 250;
/// How many strides one sweep takes: 4,000 rows each half minute.
const STRIDES: usize = 16;

/// Goes on from `cursor`, and deletes what has been over since before `kept`.
pub(super) async fn walk(provider: &Provider, cursor: Option<Vec<u8>>, kept: Instant) -> Result<()> {
    let start = cursor
        .and_then(|cursor| cursor.try_into().ok())
        .unwrap_or([0; 16]);
    let mut after = DeviceSessionId::from_bytes(start);
    for _ in 0..STRIDES {
        let rows = over::after(&provider.db, after, STRIDE).await?;
        let more = i64::try_from(rows.len()).is_ok_and(|rows| rows == STRIDE);
        let (now, mut met) = (provider.clock.now(), BTreeMap::new());
        for row in rows {
            after = row.id;
            let lifetimes = provider.clients.lifetimes(&row.client_id, &provider.lifetimes);
            let over = over_since(&row, &lifetimes);
            if row.state == "active" && over.is_some_and(|since| since > now) {
                let version = row.app_version.clone().unwrap_or_default();
                *met.entry((row.client_id.clone(), version)).or_default() += 1;
            }
            if over.is_some_and(|since| since < kept) {
                over::delete(&provider.db, row).await?;
            }
        }
        // Behind the last row the next sweep begins anew.
        let walked = Walked {
            job: NAME,
            holder: provider.node,
            cursor: more.then(|| after.to_bytes().to_vec()),
            met,
            now,
        };
        if !provider.db.write(walked).await? || !more {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Since when nothing can be done with a session any more; nothing while something can, and when its end was written.
fn over_since(row: &WalkedSession, lifetimes: &Lifetimes) -> Option<Instant> {
    match row.state.as_str() {
        "granted" => Some(row.rotated_at),
        "active" => Some(lives_until(
            row.rotated_at,
            lifetimes.device_session_idle,
            row.expires_at,
        )),
        _ => None,
    }
}
