//! What nodes learn of each other through the database, which is all that they share; and what they write again when it
//! went back.

pub mod look;

use std::collections::BTreeSet;

use self::look::{Looks, Pages};
use crate::{
    base::time::{Instant, Lifetime},
    domain::{
        actor::Actor,
        ending::{Ending, Reason},
        event::{Event, Subject},
        revocation::session_of,
    },
    flows::{
        Provider, dpop,
        end::{prepare, remember, revoked_until},
    },
    ports::ends::REMEMBERED,
    store::{
        ends::{EndAgain, RevokeAgain},
        error::Result,
    },
};

/// What is in force for less than this is not missed: who deletes what is over may have a clock that is a little faster.
const SOON_OVER: Lifetime = Lifetime::from_secs(60);
/// How many ends are written again in one change.
const BATCH: usize = 50;

/// Compares everything that is remembered with the database, and writes again what that has lost. Calls `known` when
/// everything is known that others ended.
pub async fn compare(provider: &Provider, looks: &mut Looks, known: impl FnOnce()) -> Result<()> {
    let now = provider.clock.now();
    let ends = &provider.ends;
    ends.forget(now);
    dpop::forget(provider, now);
    ends.devices.begin_round();
    ends.browsers.begin_round();
    ends.revocations.begin_round();
    looks
        .complete(provider, Pages::in_force(now.minus(REMEMBERED), now))
        .await?;
    // However long it takes to write again what is lost.
    known();
    let ended = end_again(provider, now).await?;
    let revoked = revoke_again(provider, now).await?;
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

/// How many sessions lived although they had ended.
async fn end_again(provider: &Provider, now: Instant) -> Result<u64> {
    let browsers = provider.ends.browsers.not_in_this_round();
    let mut devices: BTreeSet<_> = names(provider.ends.devices.not_in_this_round()).collect();
    // Access tokens may live for longer than an end is remembered.
    devices.extend(names(provider.ends.revocations.not_in_this_round()).filter_map(|name| session_of(&name)));
    let again = |ending, session| {
        let subject = Subject {
            session,
            ..Subject::default()
        };
        prepare(provider, now, ending, Reason::EndedBefore, subject)
    };
    let browsers = names(browsers).map(|id| again(Ending::Browser { id }, None));
    let devices = devices
        .into_iter()
        .map(|id| again(Ending::Device { id }, Some(id)));
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

fn names<K, V>(remembered: Vec<(K, V)>) -> impl Iterator<Item = K> {
    remembered.into_iter().map(|(name, _)| name)
}

/// How many revocations were missing.
async fn revoke_again(provider: &Provider, now: Instant) -> Result<u64> {
    let mut lost = provider.ends.revocations.not_in_this_round();
    lost.retain(|(_, revocation)| revocation.until > now.plus(SOON_OVER));
    let mut count = 0;
    for batch in lost.chunks(BATCH) {
        let event = Event::RevocationsRewritten;
        let change = RevokeAgain {
            revocations: batch
                .iter()
                .map(|(name, of)| (name.clone(), of.session, of.until))
                .collect(),
            now,
            until: revoked_until(provider, now),
            event: provider.event(now, Subject::default(), event).by(Actor::System),
        };
        count += provider.polled.write(change).await?;
    }
    Ok(count)
}
