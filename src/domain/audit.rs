//! The chain over the events: each has a number and a hash over itself and everything before it, so that none can be
//! changed, taken out or put in between without all that follow; and checkpoints, which say signed what it came to.

use std::{fmt, str::FromStr};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use crate::base::{
    digest::Digest,
    id::{DeviceSessionId, EventId, UserId},
    time::Instant,
    url::Issuer,
};

/// What a hash begins with, so that none is a hash of something else; the number is that of this form.
const DOMAIN: &[u8] = b"postern event 1\0";
/// The length that stands for nothing.
const NOTHING: u64 = u64::MAX;

/// An event as it is stored, to the byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: Instant,
    /// What.
    pub kind: String,
    /// The user.
    pub user: Option<UserId>,
    /// The client.
    pub client: Option<String>,
    /// The device session.
    pub session: Option<DeviceSessionId>,
    /// The address.
    pub address: Option<String>,
    /// Who did it, as JSON.
    pub actor: Option<String>,
    /// The fields of the event, as JSON.
    pub data: String,
}

impl StoredEvent {
    /// The bytes that are hashed: every column, each with its length before it, so that no two rows look alike.
    fn write(&self, bytes: &mut Vec<u8>) {
        let user = self.user.map(UserId::to_bytes);
        let session = self.session.map(DeviceSessionId::to_bytes);
        let columns = [
            Some(self.id.to_bytes().as_slice()),
            Some(self.at.millis().to_be_bytes().as_slice()),
            Some(self.kind.as_bytes()),
            user.as_ref().map(<[u8; 16]>::as_slice),
            self.client.as_deref().map(str::as_bytes),
            session.as_ref().map(<[u8; 16]>::as_slice),
            self.address.as_deref().map(str::as_bytes),
            self.actor.as_deref().map(str::as_bytes),
            Some(self.data.as_bytes()),
        ]
        .map(|column| column.map(<[u8]>::to_vec));
        for column in columns {
            let length = column.as_ref().map_or(NOTHING, |column| column.len() as u64);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&column.unwrap_or_default());
        }
    }
}

/// What the chain came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the last event; 0 before the first.
    pub seq: i64,
    /// The hash over it and all before it.
    pub hash: Digest,
    /// The newest time of an event up to there: those that were committed late have older ones.
    pub latest: Instant,
}

impl Head {
    /// Before the first event.
    pub fn genesis() -> Self {
        Self {
            seq: 0,
            hash: Digest::from_array([0; 32]),
            latest: Instant::from_millis(0),
        }
    }

    /// With one event more.
    #[must_use]
    pub fn and(&self, event: &StoredEvent) -> Self {
        let seq = self.seq + 1;
        Self {
            seq,
            hash: link(self.hash, seq, event),
            latest: self.latest.max(event.at),
        }
    }
}

/// The hash of the event with this number behind the one that has the hash `before`.
pub fn link(before: Digest, seq: i64, event: &StoredEvent) -> Digest {
    let mut bytes = Vec::with_capacity(512);
    bytes.extend_from_slice(DOMAIN);
    bytes.extend_from_slice(before.as_bytes());
    bytes.extend_from_slice(&seq.to_be_bytes());
    event.write(&mut bytes);
    Digest::of(&bytes)
}

/// How many bytes of a hash tell two trails apart: nobody gains by one that fits.
const MARK: usize = 9;

/// A place in the chain, for who reads on from there: behind an event with this number and this hash. In a database that went
/// back, another event has the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number; 0 before the first.
    pub seq: i64,
    mark: [u8; MARK],
}

impl Place {
    /// Behind the event with this number and this hash.
    pub fn behind(seq: i64, hash: Digest) -> Self {
        let mut mark = [0; MARK];
        mark.copy_from_slice(&hash.as_bytes()[..MARK]);
        Self { seq, mark }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.seq, Base64UrlUnpadded::encode_string(&self.mark))
    }
}

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (seq, mark) = text.split_once('.').ok_or(NoPlace)?;
        let mut bytes = [0; MARK];
        let decoded = Base64UrlUnpadded::decode(mark, &mut bytes).map_err(|_| NoPlace)?;
        let (is_whole, seq) = (decoded.len() == MARK, seq.parse().map_err(|_| NoPlace)?);
        let place = Self { seq, mark: bytes };
        // There is one way to write a place.
        let is_one = is_whole && seq >= 0 && place.to_string() == text;
        is_one.then_some(place).ok_or(NoPlace)
    }
}

/// A text that is no place in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place in the trail")]
pub struct NoPlace;

/// What a checkpoint says: the claims of a JWT (RFC 7519) of the type `postern-checkpoint+jwt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Whose events.
    pub iss: String,
    /// When it was signed, in seconds since 1970.
    pub iat: i64,
    /// The number of the last event.
    pub seq: i64,
    /// The hash over it and all before it, in base64url.
    pub hash: String,
    /// The newest time of an event up to there, in milliseconds since 1970.
    pub latest: Instant,
}

impl Checkpoint {
    /// The type that its header names (RFC 8725 section 3.11).
    pub const TYP: &'static str = "postern-checkpoint+jwt";

    /// That the chain of this issuer came to `head`.
    pub fn new(issuer: &Issuer, head: &Head, now: Instant) -> Self {
        Self {
            iss: issuer.as_str().to_owned(),
            iat: now.seconds(),
            seq: head.seq,
            hash: head.hash.to_base64url(),
            latest: head.latest,
        }
    }

    /// What the chain had come to.
    pub fn head(&self) -> Option<Head> {
        Some(Head {
            seq: self.seq,
            hash: Digest::from_base64url(&self.hash)?,
            latest: self.latest,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event() -> StoredEvent {
        StoredEvent {
            id: EventId::from_bytes([1; 16]),
            at: Instant::from_millis(2),
            kind: "user.created".to_owned(),
            user: Some(UserId::from_bytes([3; 16])),
            client: None,
            session: None,
            address: Some("203.0.113.7".to_owned()),
            actor: None,
            data: "{}".to_owned(),
        }
    }

    #[test]
    fn every_column_and_its_place_are_in_the_hash() {
        let same = event();
        let changes: [fn(&mut StoredEvent); 10] = [
            |event| event.id = EventId::from_bytes([2; 16]),
            |event| event.at = Instant::from_millis(3),
            |event| event.kind.push('!'),
            |event| event.user = None,
            |event| event.client = Some(String::new()),
            |event| event.session = Some(DeviceSessionId::from_bytes([3; 16])),
            |event| event.address = None,
            |event| event.actor = Some("{}".to_owned()),
            |event| event.data.push(' '),
            // The same bytes in another column.
            |event| (event.client, event.address) = (event.address.take(), None),
        ];
        let start = Head::genesis();
        let hash = start.and(&same).hash;
        assert_eq!(hash, start.and(&event()).hash);
        for (number, change) in changes.iter().enumerate() {
            let mut other = event();
            change(&mut other);
            assert_ne!(hash, start.and(&other).hash, "change {number}");
        }
        assert_ne!(hash, link(start.hash, 2, &same));
        assert_ne!(hash, link(hash, 1, &same));
    }

    proptest! {
        #[test]
        fn a_place_reads_as_it_was_written_and_nothing_else_reads(seq in 0..i64::MAX, text in "[-+0-9.A-Za-z_]{0,24}") {
            let place = Place::behind(seq, Digest::of(text.as_bytes()));
            prop_assert_eq!(place.to_string().parse(), Ok(place));
            if let Ok(read) = text.parse::<Place>() {
                prop_assert_eq!(read.to_string(), text);
            }
        }
    }

    #[test]
    fn a_place_is_whole_and_not_before_the_first() {
        for wrong in [
            "",
            "7",
            "-1.AAAAAAAAAAAA",
            "+1.AAAAAAAAAAAA",
            "1.AAAA",
            "1.AAAAAAAAAAAAAAAA",
            "01.AAAAAAAAAAAA",
        ] {
            assert_eq!(wrong.parse::<Place>(), Err(NoPlace), "{wrong}");
        }
        assert!("1.AAAAAAAAAAAA".parse::<Place>().is_ok());
    }

    #[test]
    fn a_head_keeps_the_newest_time() {
        let mut late = event();
        late.at = Instant::from_millis(1);
        let head = Head::genesis().and(&event()).and(&late);
        assert_eq!((head.seq, head.latest), (2, Instant::from_millis(2)));
    }
}
