//! What the core asks its host to do, and what the host answers. One effect at a time: each is a place where a process may
//! be killed.

use crate::secret::Secret;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a request: no redirects followed, no cookies, no cache, no repetition, at most 1 MiB of answer, 10 s to connect
    /// and 30 s in all. Answered by `Http` or `HttpFailed`.
    Http {
        /// What to send.
        request: HttpRequest,
    },
    /// Read a record. Answered by `Value` or `Absent`.
    Get {
        /// Its name.
        key: String,
    },
    /// Write a record, durably and as a whole. Answered by `Stored` or `Conflict`.
    Put {
        /// Its name.
        key: String,
        /// What to write, at most 64 KiB.
        value: Secret,
        /// The version that has to be there: the one that was read, 0 for "there is none".
        expect: i64,
    },
    /// Delete a record. Answered by `Done` (also when there is none) or `Conflict`.
    Delete {
        /// Its name.
        key: String,
        /// The version that has to be there; `None` is whatever is there.
        expect: Option<i64>,
    },
    /// List the names of records. Answered by `Keys`.
    Keys {
        /// What they begin with.
        prefix: String,
    },
    /// Take a lease that other processes see. Answered by `LockHeld` or `LockTimeout`. It saves requests; nothing depends
    /// on it.
    Lock {
        /// Its name.
        name: String,
        /// After how long it falls, in ms, whatever becomes of its holder.
        ttl_ms: u64,
        /// How long to wait for it, in ms.
        wait_ms: u64,
    },
    /// Give the lease back. Answered by `Done`.
    Unlock {
        /// Its name.
        name: String,
    },
    /// Make a P-256 key, or find the one of this name. Answered by `Key`.
    KeyEnsure {
        /// Its name.
        key: String,
        /// Where it has to live.
        policy: KeyPolicy,
    },
    /// Sign with ES256. Answered by `Signature`, in DER or raw.
    Sign {
        /// The key's name.
        key: String,
        /// What to sign, not hashed yet.
        message: Vec<u8>,
    },
    /// Delete a key. Answered by `Done`, also when there is none.
    KeyDelete {
        /// Its name.
        key: String,
    },
    /// Prove that this is the app on a real device (App Attest, Play Integrity). Answered by `Attested`.
    Attest {
        /// The server's challenge.
        challenge: Vec<u8>,
        /// Thumbprint of the DPoP key that the evidence is about (RFC 7638).
        jkt: String,
    },
    /// Draw random bytes. Answered by `Random`.
    Random {
        /// How many.
        len: u32,
    },
    /// Wait. Answered by `Done`.
    Sleep {
        /// How long.
        ms: u64,
    },
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The server answered.
    Http {
        /// Its answer, whatever the status.
        response: HttpResponse,
    },
    /// It did not.
    HttpFailed {
        /// Whether the request may have arrived.
        failure: HttpFailure,
    },
    /// The record.
    Value {
        /// What was written.
        value: Secret,
        /// Never 0, and never the same for two different values of a record: the first 63 bits of the value's SHA-256 will do.
        version: i64,
    },
    /// There is no such record.
    Absent,
    /// It is written and survives a power cut.
    Stored {
        /// Its new version.
        version: i64,
    },
    /// Another version is there, or none.
    Conflict,
    /// The names.
    Keys {
        /// In any order.
        keys: Vec<String>,
    },
    /// The lease is ours.
    LockHeld,
    /// Another process has it.
    LockTimeout,
    /// The key.
    Key {
        /// Its public half.
        key: KeyInfo,
    },
    /// The signature.
    Signature {
        /// DER or r || s.
        signature: Vec<u8>,
    },
    /// The evidence.
    Attested {
        /// What goes to the server.
        evidence: Evidence,
    },
    /// The random bytes.
    Random {
        /// As many as were asked for.
        bytes: Secret,
    },
    /// It is done.
    Done,
    /// It could not be done.
    Failed {
        /// Why.
        error: HookError,
    },
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// https, or http to this machine.
    pub url: String,
    /// To be sent as they are.
    pub headers: Vec<Header>,
    /// Of a `POST`.
    pub body: Secret,
}

/// A header line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// In any case.
    pub name: String,
    /// May hold a token.
    pub value: Secret,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// 100 to 599.
    pub status: u16,
    /// All of them, or at least `Date`, `DPoP-Nonce`, `Retry-After`, `WWW-Authenticate` and `Content-Type`.
    pub headers: Vec<Header>,
    /// At most 1 MiB.
    pub body: Secret,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpFailure {
    /// No byte can have arrived: no network, no address, no connection, no TLS.
    NotSent,
    /// It may have arrived.
    Ambiguous,
}

/// The public half of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Coordinate x, 32 bytes.
    pub x: Vec<u8>,
    /// Coordinate y, 32 bytes.
    pub y: Vec<u8>,
    /// Where it lives.
    pub level: KeyLevel,
}

/// Where a key lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyLevel {
    /// Apple's.
    SecureEnclave,
    /// Android's own chip.
    StrongBox,
    /// Android's trusted environment.
    Tee,
    /// In a file.
    Software,
}

/// Where a key has to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPolicy {
    /// In hardware where there is any.
    PreferHardware,
    /// In hardware, or the hook fails.
    RequireHardware,
}

/// Evidence of an attestor (draft-ietf-oauth-attestation-based-client-auth).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The header `OAuth-Client-Attestation`.
    pub attestation: Secret,
    /// The header `OAuth-Client-Attestation-PoP`.
    pub proof: Secret,
}

/// Why a hook could not. No text: it could hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookError {
    /// The device is locked; it will work later.
    Locked,
    /// There is no such key.
    NotFound,
    /// The person pressed cancel.
    Cancelled,
    /// The key is gone for good.
    KeyLost,
    /// The record is there and cannot be read, and never will be.
    Corrupt,
    /// Disk full, broken, not permitted.
    Io,
    /// It took too long.
    Timeout,
    /// The service behind the hook is not there.
    Unavailable,
    /// Whatever else went wrong in the hook.
    Unknown,
}
