//! What nodes learn of each other through the database, which is all that they share; and what they write again when it
//! went back.

use std::collections::HashSet;

use crate::{
    base::{
        id::{BrowserSessionId, DeviceSessionId},
        time::{Instant, Lifetime},
    },
    domain::{
        actor::Actor,
        ending::{Ending, Reason},
        event::{Event, Subject},
    },
    flows::{
        Provider, dpop,
        end::{prepare, remember, revoked_until},
    },
    ports::ends::{REMEMBERED, Revocation},
    store::{
        ends::{self, EndAgain, RevokeAgain},
        error::Result,
        revocations::Name,
    },
};

/// How far back every poll looks: longer than a transaction that ends something may take to be seen.
const LATELY: Lifetime = Lifetime::from_secs(60);
/// How many ends of a kind a poll reads at most: the newest. A greater end is refused by its rows all the same, and
/// remembered as a whole by the node that wrote it.
const MANY_LATELY: i64 = 10_000;
/// How many of a kind a comparison reads at most.
const MANY: i64 = 100_000;
/// What is in force for less than this is not missed: who deletes what is over may have a clock that is a little faster.
const SOON_OVER: Lifetime = Lifetime::from_secs(60);
/// How many ends are written again in one change.
const BATCH: usize = 50;

/// Remembers what ended lately on any node.
pub async fn catch_up(provider: &Provider) -> Result<()> {
    let now = provider.clock.now();
    read(provider, now, now.minus(LATELY), now.minus(LATELY), MANY_LATELY).await?;
    Ok(())
}

/// Compares everything that is remembered with the database, and writes again what that has lost.
pub async fn compare(provider: &Provider) -> Result<()> {
    let now = provider.clock.now();
    provider.ends.forget(now);
    dpop::forget(provider, now);
    let all = Instant::from_millis(0);
    let known = read(provider, now, now.minus(REMEMBERED), all, MANY).await?;
    // What others ended is known now, however long it takes to write again what is lost.
    provider.readiness.polled(&provider.clock);
    let ended = end_again(provider, now, &known).await?;
    let revoked = revoke_again(provider, now, &known).await?;
    if ended + revoked > 0 {
        tracing::error!(
            ended,
            revoked,
            "the database went back: sessions that had ended were alive in it, or revocations were missing; they are \
             written again. Find out whether it was restored, or a replica took over that was behind"
        );
    }
    Ok(())
}

/// What the database knows of: of each kind everything since a time, which is later when there is more than is read.
struct Known {
    devices: HashSet<DeviceSessionId>,
    devices_since: Instant,
    browsers: HashSet<BrowserSessionId>,
    browsers_since: Instant,
    revocations: HashSet<Name>,
    revocations_since: Instant,
}

/// Since when rows are complete that were read newest first.
fn complete_since(asked: Instant, limit: i64, read: usize, oldest: Option<Instant>) -> Instant {
    match oldest {
        Some(oldest) if i64::try_from(read) == Ok(limit) => oldest,
        _ => asked,
    }
}

/// Reads what ended after `ended_after` and was recorded after `recorded_after`, and remembers it.
async fn read(
    provider: &Provider,
    now: Instant,
    ended_after: Instant,
    recorded_after: Instant,
    limit: i64,
) -> Result<Known> {
    let (db, memory) = (&provider.polled, &provider.ends);
    let devices = db.read_all(ends::DEVICES, (ended_after, limit)).await?;
    let browsers = db.read_all(ends::BROWSERS, (ended_after, limit)).await?;
    let revocations = db
        .read_all(ends::REVOCATIONS, (recorded_after, now, limit))
        .await?;
    for (id, at) in &devices {
        memory.devices.insert(*id, *at);
    }
    for (id, at) in &browsers {
        memory.browsers.insert(*id, *at);
    }
    let since = |asked, read, oldest| complete_since(asked, limit, read, oldest);
    let revocations_since = since(
        recorded_after,
        revocations.len(),
        revocations.last().map(|(.., recorded_at)| *recorded_at),
    );
    let mut known = HashSet::with_capacity(revocations.len());
    for (kind, id, session, until, recorded_at) in revocations {
        let (name, revocation) = (
            (kind, id),
            Revocation {
                session,
                until,
                recorded_at,
            },
        );
        memory.revocations.insert(name.clone(), revocation);
        known.insert(name);
    }
    Ok(Known {
        devices_since: since(ended_after, devices.len(), devices.last().map(|(_, at)| *at)),
        devices: devices.into_iter().map(|(id, _)| id).collect(),
        browsers_since: since(ended_after, browsers.len(), browsers.last().map(|(_, at)| *at)),
        browsers: browsers.into_iter().map(|(id, _)| id).collect(),
        revocations: known,
        revocations_since,
    })
}

/// How many sessions lived although they had ended.
async fn end_again(provider: &Provider, now: Instant, known: &Known) -> Result<u64> {
    let mut browsers = provider.ends.browsers.not_among(&known.browsers);
    browsers.retain(|(_, at)| *at > known.browsers_since);
    let mut devices = provider.ends.devices.not_among(&known.devices);
    devices.retain(|(_, at)| *at > known.devices_since);
    let again = |ending, session| {
        let subject = Subject {
            session,
            ..Subject::default()
        };
        prepare(provider, now, ending, Reason::EndedBefore, subject)
    };
    let browsers = browsers
        .into_iter()
        .map(|(id, _)| again(Ending::Browser { id }, None));
    let devices = devices
        .into_iter()
        .map(|(id, _)| again(Ending::Device { id }, Some(id)));
    let ends: Vec<_> = browsers.chain(devices).collect();
    let mut count = 0;
    for batch in ends.chunks(BATCH) {
        for ended in provider.polled.write(EndAgain(batch.to_vec())).await? {
            let ended = remember(provider, &ended);
            count += ended.browsers + ended.devices;
        }
    }
    Ok(count)
}

/// How many revocations were missing.
async fn revoke_again(provider: &Provider, now: Instant, known: &Known) -> Result<u64> {
    let mut lost = provider.ends.revocations.not_among(&known.revocations);
    lost.retain(|(_, revocation)| {
        revocation.until > now.plus(SOON_OVER) && revocation.recorded_at > known.revocations_since
    });
    let mut count = 0;
    for batch in lost.chunks(BATCH) {
        let event = Event::RevocationsRewritten;
        let change = RevokeAgain {
            revocations: batch
                .iter()
                .map(|(name, of)| (name.clone(), of.session))
                .collect(),
            now,
            until: revoked_until(provider, now),
            event: provider.event(now, Subject::default(), event).by(Actor::System),
        };
        count += provider.polled.write(change).await?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_is_not_taken_for_lost() {
        let (asked, oldest) = (Instant::from_millis(1000), Instant::from_millis(5000));
        assert_eq!(complete_since(asked, 3, 0, None), asked);
        assert_eq!(complete_since(asked, 3, 2, Some(oldest)), asked, "that is all");
        assert_eq!(
            complete_since(asked, 3, 3, Some(oldest)),
            oldest,
            "there may be more"
        );
    }
}
