//! Failed sign-ins: counted in one row for an account, a block of addresses and a minute, so that strangers cannot fill the
//! table. When the minute is over, the row becomes an event.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::{
    base::{
        id::UserId,
        time::{Instant, Lifetime},
    },
    domain::event::{Event, EventRecord, FailedAccount, Subject},
    flows::Provider,
    store::{
        error::StoreError,
        sign_in_failures::{self, COUNT, Key, MANY, Tell, UNKNOWN},
    },
};

/// How many rows a minute may have; what is over that is counted together.
const ROWS: i64 = 200;
const MINUTE: i64 = 60_000;
/// How long after a minute its row is turned into an event: no try that failed in it is written any more.
const SETTLED: Lifetime = Lifetime::from_secs(65);
/// How many rows are told of at once.
const BATCH: i64 = 200;

/// Counts a failed sign-in: to whose account, if anybody has it, and from where. What was typed is not kept when nobody has
/// the account: it may have been a password.
pub async fn count_failure(
    provider: &Provider,
    user: Option<UserId>,
    address: &str,
) -> Result<(), StoreError> {
    let minute = Instant::from_millis(provider.clock.now().millis().div_euclid(MINUTE) * MINUTE);
    let account = user.map_or_else(|| UNKNOWN.to_owned(), |user| user.to_string());
    let binds = (minute, account, block(address), ROWS);
    provider.db.execute(COUNT, binds).await?;
    Ok(())
}

/// The block that an address is in: 256 of IPv4, a site's /48 of IPv6.
fn block(address: &str) -> String {
    let ip = address.split('/').next().and_then(|ip| ip.parse::<IpAddr>().ok());
    let block = ip.and_then(|ip| IpNet::new(ip, if ip.is_ipv4() { 24 } else { 48 }).ok());
    block.map(|block| block.trunc().to_string()).unwrap_or_default()
}

/// The rows whose minute is over.
pub(super) async fn over(provider: &Provider, now: Instant) -> Result<Vec<Key>, StoreError> {
    sign_in_failures::over(&provider.db, now.minus(SETTLED), BATCH).await
}

/// Turns rows into events. Whether there may be more; nothing when there was none.
pub(super) async fn tell(provider: &Provider, rows: Vec<Key>) -> Result<Option<bool>, StoreError> {
    if rows.is_empty() {
        return Ok(None);
    }
    let more = i64::try_from(rows.len()).is_ok_and(|rows| rows == BATCH);
    for key in rows {
        let event = event(provider, &key);
        provider.db.write(Tell { key, event }).await?;
    }
    Ok(Some(more))
}

fn event(provider: &Provider, (minute, account, block): &Key) -> EventRecord {
    let (account, user) = match account.as_str() {
        UNKNOWN => (FailedAccount::Unknown, None),
        MANY => (FailedAccount::Many, None),
        user => (FailedAccount::Known, user.parse().ok()),
    };
    let subject = Subject {
        user,
        address: (!block.is_empty()).then(|| block.clone()),
        ..Subject::default()
    };
    let event = Event::SignInFailed {
        account,
        count: 0,
        minute: *minute,
    };
    provider.event(provider.clock.now(), subject, event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_in_one_block() {
        assert_eq!(block("203.0.113.7"), "203.0.113.0/24");
        assert_eq!(block("2001:db8:1:2::/64"), "2001:db8:1::/48");
        assert_eq!(block("nonsense"), "");
    }
}
