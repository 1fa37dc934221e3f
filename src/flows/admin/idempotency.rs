//! Requests that may be sent again (draft-ietf-httpapi-idempotency-key-header): whoever got no answer repeats the request
//! with its key, and gets the first answer. It is kept sealed, since it may hold a secret that is shown once.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use crate::{
    base::{
        digest::Digest,
        seal::Purpose,
        time::{Instant, Lifetime},
    },
    domain::policy::IDEMPOTENT,
    flows::{Provider, admin::By},
    store::{
        error::{Result, StoreError},
        idempotent_requests::{FIND, HOLD, KEEP, RELEASE},
    },
};

/// How long nobody else may try what one is at: longer than any request takes.
const HELD: Lifetime = Lifetime::from_secs(900);
/// Nothing larger is kept.
pub const MAX_ANSWER: usize = 64 * 1024;

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body: JSON.
    pub body: String,
}

/// What becomes of a request with a key.
#[derive(Debug)]
pub enum Judged {
    /// It is carried out, by who holds this.
    First(Held),
    /// It was carried out, with this answer.
    Again(Answer),
    /// It is being carried out.
    UnderWay,
    /// The key was used for something else.
    Other,
}

/// A key that is held.
#[derive(Debug)]
pub struct Held {
    key: Digest,
    until: Instant,
}

/// Takes the key of a request, or says what became of it. `request` is all that makes it this request. The same key of
/// somebody else, or of somebody who may do something else by now, is another.
pub async fn judge(provider: &Provider, by: &By, key: &str, request: &[&[u8]]) -> Result<Judged> {
    let actor = serde_json::to_vec(&by.actor).map_err(|_| StoreError::corrupt("an actor"))?;
    let permissions = by.permissions.to_string();
    // The key, of which no more than its digest is kept, stands in both: a body may hold a password, of which nobody who has
    // a copy of the database may try one after the other.
    let request = digest(&[request, &[permissions.as_bytes(), key.as_bytes()]].concat());
    let key = digest(&[&actor, key.as_bytes()]);
    let now = provider.clock.now();
    let held = Held {
        key,
        until: now.plus(HELD),
    };
    let binds = (key, request, held.until, now);
    if provider.db.execute(HOLD, binds).await?.is_some() {
        return Ok(Judged::First(held));
    }
    let Some((asked, answer)) = provider.db.read(FIND, (key,)).await? else {
        // It was let go between the two.
        return Ok(Judged::UnderWay);
    };
    if asked != request {
        return Ok(Judged::Other);
    }
    let Some(answer) = answer else {
        return Ok(Judged::UnderWay);
    };
    let sealed = Base64UrlUnpadded::decode_vec(&answer)
        .map_err(|_| StoreError::corrupt("idempotent_requests.answer"))?;
    let keys = provider.keys.load();
    let plain = keys.sealer.open_bytes(Purpose::IdempotentAnswer, sealed);
    let plain = plain.map_err(|_| StoreError::corrupt("idempotent_requests.answer"))?;
    serde_json::from_slice(&plain)
        .map(Judged::Again)
        .map_err(|_| StoreError::corrupt("idempotent_requests.answer"))
}

impl Held {
    /// Keeps the answer for who asks again.
    pub async fn keep(self, provider: &Provider, answer: &Answer) -> Result<()> {
        let plain = serde_json::to_vec(answer).map_err(|_| StoreError::corrupt("an answer"))?;
        let sealed = provider
            .keys
            .load()
            .sealer
            .seal_bytes(Purpose::IdempotentAnswer, plain);
        let (answer, until) = (
            Base64UrlUnpadded::encode_string(&sealed),
            provider.clock.now().plus(IDEMPOTENT),
        );
        let binds = (self.key, self.until, answer, until);
        provider.db.execute(KEEP, binds).await.map(|_: Option<()>| ())
    }

    /// Lets the key go: nothing was done.
    pub async fn release(self, provider: &Provider) -> Result<()> {
        let released = provider.db.execute(RELEASE, (self.key, self.until)).await;
        released.map(|_: Option<()>| ())
    }
}

/// Of parts that cannot run into each other.
fn digest(parts: &[&[u8]]) -> Digest {
    let mut all = Vec::new();
    for part in parts {
        all.extend((part.len() as u64).to_be_bytes());
        all.extend(*part);
    }
    Digest::of(&all)
}
