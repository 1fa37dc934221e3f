//! The walk over all device sessions, in the order of their ids, for those that no index finds: never redeemed, or not
//! used for too long. It goes a little way at each sweep and remembers how far it came, so that ten million sessions
//! take it a day.

use crate::{
    base::{id::DeviceSessionId, time::Instant},
    domain::{device_session::lives_until, policy::Lifetimes},
    flows::{
        Provider,
        sweep::{NAME, PAUSE},
    },
    store::{
        device_sessions::over::{self, Standing},
        error::Result,
        jobs,
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
        for row in rows {
            after = row.id;
            let lifetimes = provider.clients.lifetimes(&row.client_id, &provider.lifetimes);
            if over_since(&row, &lifetimes).is_some_and(|since| since < kept) {
                over::delete(&provider.db, row).await?;
            }
        }
        // Behind the last row the next sweep begins anew.
        let cursor = more.then(|| after.to_bytes().to_vec());
        if !jobs::remember(&provider.db, NAME, provider.node, cursor).await? || !more {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Since when nothing can be done with a session any more; nothing while something can, and when its end was written.
fn over_since(row: &Standing, lifetimes: &Lifetimes) -> Option<Instant> {
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
