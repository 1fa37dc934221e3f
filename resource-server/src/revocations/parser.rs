//! The revocation stream as bytes: server-sent events (WHATWG HTML section 9.2), each with one line of JSON.

use serde::Deserialize;

/// Cuts a stream into events, as its bytes arrive; pure, and bounded in what it keeps.
///
/// [`Follow`](crate::Follow) does all of it; this is for who follows the stream in another way.
#[derive(Debug, Default)]
pub struct StreamParser {
    /// What has come of a line that is not whole yet.
    line: Vec<u8>,
    event: Vec<u8>,
    data: Vec<u8>,
    /// The last line ended with a CR, so an LF that follows belongs to it.
    after_cr: bool,
}

/// What the stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamEvent {
    /// A set begins that replaces all that was known.
    Snapshot {
        /// How many revocations it is about to have.
        count: usize,
    },
    /// More revocations: of the snapshot, or additions.
    Revoked(Vec<Revocation>),
    /// The snapshot is whole.
    Complete(Poll),
    /// Nothing is missing.
    Heartbeat(Poll),
}

/// What is refused before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revocation {
    /// What kind of thing has ended.
    pub kind: RevocationKind,
    /// Its name, as tokens have it.
    pub id: String,
    /// Tokens that were issued after this are not meant, in seconds since 1970.
    pub issued_before: u64,
    /// When every token that is meant is over by itself, in seconds since 1970.
    pub until: u64,
}

/// What has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RevocationKind {
    /// A session: `sid`.
    Session,
    /// One access token: `jti`.
    Token,
    /// A client, with its own tokens: `client_id` of those without `sid`.
    Client,
    /// A key of the issuer: `kid`, whenever the token was issued.
    Key,
}

/// How far what was said reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Poll {
    /// When the issuer began to look into its database, by the database's clock, in milliseconds since 1970.
    pub polled_at: u64,
    /// Whether somebody waits to hear that it was understood.
    #[serde(default)]
    pub acknowledge: bool,
}

/// Bytes that are no revocation stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// More bytes in one event than there may be.
    #[error("an event of the stream has more than {MAX_EVENT_BYTES} bytes")]
    TooLong,
    /// The data of an event are not what they should be.
    #[error("an event of the stream is malformed")]
    Malformed,
    /// A whole snapshot, or additions, that no snapshot came before.
    #[error("the events of the stream are in a wrong order")]
    WrongOrder,
    /// More revocations than an API can hold.
    #[error("the stream has more than {} revocations", super::ended::MOST)]
    TooMany,
}

impl StreamParser {
    /// At the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// The events that end in these bytes. After an error the stream is of no use any more.
    pub fn read(&mut self, mut bytes: &[u8]) -> Result<Vec<StreamEvent>, StreamError> {
        let mut events = Vec::new();
        while let Some(at) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let is_crlf = self.after_cr && at == 0 && self.line.is_empty() && bytes[at] == b'\n';
            self.after_cr = bytes[at] == b'\r';
            if !is_crlf {
                self.hold(&bytes[..at])?;
                events.extend(self.end_line()?);
            }
            bytes = &bytes[at + 1..];
        }
        self.hold(bytes)?;
        Ok(events)
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
        if self.line.len() + self.event.len() + self.data.len() + bytes.len() > MAX_EVENT_BYTES {
            return Err(StreamError::TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// An empty line ends an event, a colon begins a comment; every other line is a field.
    fn end_line(&mut self) -> Result<Option<StreamEvent>, StreamError> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.end_event();
        }
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"event" => self.event = value.to_vec(),
            b"data" => {
                if !self.data.is_empty() {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            _ => {}
        }
        Ok(None)
    }

    fn end_event(&mut self) -> Result<Option<StreamEvent>, StreamError> {
        let (event, data) = (std::mem::take(&mut self.event), std::mem::take(&mut self.data));
        if data.is_empty() {
            return Ok(None);
        }
        Ok(match event.as_slice() {
            b"snapshot" => {
                let Snapshot { count } = parse(&data)?;
                Some(StreamEvent::Snapshot { count })
            }
            b"revoked" => {
                let Revoked { revocations } = parse(&data)?;
                let known: Result<Vec<_>, _> = revocations.into_iter().filter_map(Entry::known).collect();
                Some(StreamEvent::Revoked(known?))
            }
            b"complete" => Some(StreamEvent::Complete(parse(&data)?)),
            b"heartbeat" => Some(StreamEvent::Heartbeat(parse(&data)?)),
            // Of a later version.
            _ => None,
        })
    }
}

#[derive(Deserialize)]
struct Snapshot {
    count: usize,
}

#[derive(Deserialize)]
struct Revoked {
    revocations: Vec<Entry>,
}

/// A kind of a later version may have other members.
#[derive(Deserialize)]
struct Entry {
    kind: serde_json::Value,
    id: Option<String>,
    issued_before: Option<u64>,
    until: Option<u64>,
}

impl Entry {
    /// Nothing of a kind that we do not know; what we know must be whole.
    fn known(self) -> Option<Result<Revocation, StreamError>> {
        let kind = RevocationKind::deserialize(self.kind).ok()?;
        let whole = self.id.zip(self.issued_before).zip(self.until);
        Some(
            whole
                .map(|((id, issued_before), until)| Revocation {
                    kind,
                    id,
                    issued_before,
                    until,
                })
                .ok_or(StreamError::Malformed),
        )
    }
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, StreamError> {
    serde_json::from_slice(json).map_err(|_| StreamError::Malformed)
}

/// 500 revocations with long names have a tenth of it.
const MAX_EVENT_BYTES: usize = 1024 * 1024;
