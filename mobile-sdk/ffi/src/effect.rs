//! Effects and inputs.

use postern_mobile_core::{
    Effect, Evidence, Header, HookError, HttpFailure, HttpRequest, HttpResponse, Input, KeyInfo, KeyLevel,
    KeyPolicy, Secret,
};

/// One thing that the host does for the core. Each says which inputs answer it; besides these `Failed` answers any. Anything
/// else is the hook's mistake, and the operation fails with `HookMisbehaved`; but nothing depends on what `Lock`, `Unlock` and
/// `KeyDelete` are answered.
#[uniffi::remote(Enum)]
pub enum Effect {
    /// Send a request: no redirects followed, no cookies, no cache, no repetition, at most 1 MiB of answer, 10 s to connect
    /// and 30 s in all. Answered by `Http`, whatever the status, or `HttpFailed`.
    Http {
        /// What to send.
        request: HttpRequest,
    },
    /// Read a record of the store. Answered by `Value` or `Absent`; `Failed` with `Corrupt` is of a record that is there and
    /// can never be read again.
    Get {
        /// The record's name: ASCII, such as `account/...`.
        key: String,
    },
    /// Write a record if the version that is there is the expected one: atomically, durably and as a whole. Answered by
    /// `Stored` or `Conflict`.
    Put {
        /// The record's name.
        key: String,
        /// What to write, at most 64 KiB. It holds tokens: it belongs where only this app can read it.
        value: Secret,
        /// The version that has to be there: the one that was read, 0 for "there is none".
        expect: i64,
    },
    /// Delete a record of the store. Answered by `Done` (also when there is none) or `Conflict`.
    Delete {
        /// The record's name.
        key: String,
        /// The version that has to be there; none deletes whatever is there.
        expect: Option<i64>,
    },
    /// List the names of the records in the store. Answered by `Keys`.
    Keys {
        /// What the names begin with.
        prefix: String,
    },
    /// Take a lease that other processes see. Answered by `LockHeld` or `LockTimeout`. It saves requests; nothing depends
    /// on it.
    Lock {
        /// The lease's name.
        name: String,
        /// After how long the lease falls, in milliseconds, whatever becomes of its holder.
        ttl_ms: u64,
        /// How long to wait for the lease at most, in milliseconds.
        wait_ms: u64,
    },
    /// Give a lease back. Answered by `Done`.
    Unlock {
        /// The lease's name.
        name: String,
    },
    /// Make a P-256 key that cannot be exported, or find the one of this name. Answered by `Key`; `Failed` with `Unavailable`
    /// where hardware is required and there is none.
    KeyEnsure {
        /// The key's name.
        key: String,
        /// Where the key has to live.
        policy: KeyPolicy,
    },
    /// Sign with ES256 (RFC 7518 section 3.4). Answered by `Signature`; `Failed` with `NotFound` or `KeyLost` ends the
    /// session, so these are for a key that is gone for good only.
    Sign {
        /// The key's name.
        key: String,
        /// What to sign; the hook hashes it with SHA-256.
        message: Vec<u8>,
    },
    /// Delete a key. Answered by `Done`, also when there is none.
    KeyDelete {
        /// The key's name.
        key: String,
    },
    /// Prove that this is the app on a real device (App Attest, Play Integrity). Answered by `Attested`; `Failed` with
    /// `Unavailable` where the device cannot.
    Attest {
        /// The server's challenge, as it came.
        challenge: Vec<u8>,
        /// The thumbprint of the DPoP key that the evidence is about (RFC 7638 section 3): SHA-256 in base64url.
        jkt: String,
    },
    /// Draw bytes from the system's cryptographic random number generator. Answered by `Random`.
    Random {
        /// How many bytes.
        len: u32,
    },
    /// Wait. Answered by `Done` when it is over.
    Sleep {
        /// How long, in milliseconds.
        ms: u64,
    },
}

/// What came of an effect. A hook that failed says so with `Failed`; which others fit is said at each effect.
#[uniffi::remote(Enum)]
pub enum Input {
    /// To `Http`: the server answered.
    Http {
        /// The server's answer, whatever the status.
        response: HttpResponse,
    },
    /// To `Http`: there is no answer.
    HttpFailed {
        /// Whether the request may have arrived.
        failure: HttpFailure,
    },
    /// To `Get`: the record.
    Value {
        /// What was written.
        value: Secret,
        /// The record's version. Never 0, and never the same for two different values of a record: the first 63 bits of the
        /// value's SHA-256 will do.
        version: i64,
    },
    /// To `Get`: there is no such record. Never said of one that cannot be read now: that is `Failed` with `Locked` or `Io`.
    Absent,
    /// To `Put`: the record is written and survives a power cut.
    Stored {
        /// The record's new version, never 0.
        version: i64,
    },
    /// To `Put` and `Delete`: another version is there, or none; nothing was changed.
    Conflict,
    /// To `Keys`: the names.
    Keys {
        /// The names of the records, in any order.
        keys: Vec<String>,
    },
    /// To `Lock`: the lease is ours.
    LockHeld,
    /// To `Lock`: another process has it still. The operation goes on without.
    LockTimeout,
    /// To `KeyEnsure`: the key.
    Key {
        /// The key's public half.
        key: KeyInfo,
    },
    /// To `Sign`: the signature.
    Signature {
        /// In DER, or r and s of 32 bytes each (RFC 7518 section 3.4).
        signature: Vec<u8>,
    },
    /// To `Attest`: the evidence.
    Attested {
        /// What goes to the server.
        evidence: Evidence,
    },
    /// To `Random`: the bytes.
    Random {
        /// As many as were asked for.
        bytes: Secret,
    },
    /// To `Delete`, `Unlock`, `KeyDelete` and `Sleep`: it is done.
    Done,
    /// To any: the hook could not.
    Failed {
        /// Why it could not.
        error: HookError,
    },
}

/// A request to a server, to be sent as it is.
#[uniffi::remote(Record)]
pub struct HttpRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// An https URL, or http to this machine where `allow_loopback` is set.
    pub url: String,
    /// The header lines; the host adds none that has a meaning (no `Authorization`, no `Cookie`).
    pub headers: Vec<Header>,
    /// The body of a `POST`; empty for a `GET`. It holds tokens: not for logs.
    pub body: Secret,
}

/// A header line (RFC 9110 section 5).
#[uniffi::remote(Record)]
pub struct Header {
    /// The field's name, in capital or small letters.
    pub name: String,
    /// The field's value, which may hold a token: not for logs.
    pub value: Secret,
}

/// A server's answer.
#[uniffi::remote(Record)]
pub struct HttpResponse {
    /// The status code, 100 to 599 (RFC 9110 section 15).
    pub status: u16,
    /// All header lines, or at least `Age`, `Date`, `DPoP-Nonce`, `Retry-After`, `WWW-Authenticate` and `Content-Type`.
    pub headers: Vec<Header>,
    /// The body, at most 1 MiB.
    pub body: Secret,
}

/// Why there is no answer. In doubt it is `Ambiguous`, which is always safe.
#[uniffi::remote(Enum)]
pub enum HttpFailure {
    /// No byte can have arrived: no network, no address, no connection, no TLS.
    NotSent,
    /// The request may have arrived: the connection broke, or there was no answer in time.
    Ambiguous,
}

/// The public half of a P-256 key (RFC 7518 section 6.2.1).
#[uniffi::remote(Record)]
pub struct KeyInfo {
    /// Coordinate x, exactly 32 bytes, big-endian.
    pub x: Vec<u8>,
    /// Coordinate y, exactly 32 bytes, big-endian.
    pub y: Vec<u8>,
    /// Where the key lives.
    pub level: KeyLevel,
}

/// Where a key lives.
#[uniffi::remote(Enum)]
pub enum KeyLevel {
    /// In Apple's Secure Enclave.
    SecureEnclave,
    /// In a security chip of its own (Android).
    StrongBox,
    /// In the processor's trusted execution environment (Android).
    Tee,
    /// In the app's own storage: whoever can read that has the key.
    Software,
}

/// Where a key has to live.
#[uniffi::remote(Enum)]
pub enum KeyPolicy {
    /// In hardware where there is any, else in software.
    PreferHardware,
    /// In hardware, or the hook fails with `Unavailable`.
    RequireHardware,
}

/// Evidence of an attestor (draft-ietf-oauth-attestation-based-client-auth).
#[uniffi::remote(Record)]
pub struct Evidence {
    /// The value of the header `OAuth-Client-Attestation`: a JWT.
    pub attestation: Secret,
    /// The value of the header `OAuth-Client-Attestation-PoP`: a JWT.
    pub proof: Secret,
}

/// Why a hook could not, and which error becomes of it. To `Http`, `Io`, `Timeout`, `Unavailable` and `Unknown` are the
/// same as `HttpFailure::Ambiguous`. No text: it could hold a secret.
#[uniffi::remote(Enum)]
pub enum HookError {
    /// The device is locked; it will work later. Becomes `DeviceLocked`: wait for the unlock, never sign out.
    Locked,
    /// To `Sign`: there is no such key. Becomes `KeyLost`, as of a key that is gone for good.
    NotFound,
    /// The person said no to the device's prompt. Becomes `UserCancelled`: ask again when they want to go on.
    Cancelled,
    /// To `Sign`: the key is gone for good. Becomes `KeyLost`: the session is over, and the person signs in again.
    KeyLost,
    /// To `Get`: the record is there and cannot be read, and never will be. An account's becomes `StorageCorrupt`: it is
    /// wiped, and the person signs in again.
    Corrupt,
    /// The disk is full or broken, or access was refused. Becomes `StorageUnavailable`, to `Attest` `Offline`: try later.
    Io,
    /// The hook took too long. Becomes `HookTimeout`: try later.
    Timeout,
    /// The service behind the hook is not there. Becomes `StorageUnavailable` (try later), to `Attest`
    /// `AttestationUnavailable`, to `KeyEnsure` with required hardware `DeviceNotTrusted` (contact support).
    Unavailable,
    /// Whatever else went wrong in the hook. Becomes `HookMisbehaved`: report it.
    Unknown,
}
