//! Effects and inputs.

use postern_mobile_core::{
    Effect, Evidence, Header, HookError, HttpFailure, HttpRequest, HttpResponse, Input, KeyInfo, KeyLevel,
    KeyPolicy, Secret,
};

#[uniffi::remote(Enum)]
pub enum Effect {
    Http { request: HttpRequest },
    Get { key: String },
    Put { key: String, value: Secret, expect: i64 },
    Delete { key: String, expect: Option<i64> },
    Keys { prefix: String },
    Lock { name: String, ttl_ms: u64, wait_ms: u64 },
    Unlock { name: String },
    KeyEnsure { key: String, policy: KeyPolicy },
    Sign { key: String, message: Vec<u8> },
    KeyDelete { key: String },
    Attest { challenge: Vec<u8>, jkt: String },
    Random { len: u32 },
    Sleep { ms: u64 },
}

#[uniffi::remote(Enum)]
pub enum Input {
    Http { response: HttpResponse },
    HttpFailed { failure: HttpFailure },
    Value { value: Secret, version: i64 },
    Absent,
    Stored { version: i64 },
    Conflict,
    Keys { keys: Vec<String> },
    LockHeld,
    LockTimeout,
    Key { key: KeyInfo },
    Signature { signature: Vec<u8> },
    Attested { evidence: Evidence },
    Random { bytes: Secret },
    Done,
    Failed { error: HookError },
}

#[uniffi::remote(Record)]
pub struct HttpRequest {
    pub method: String,
    pub url: String,
    pub headers: Vec<Header>,
    pub body: Secret,
}

#[uniffi::remote(Record)]
pub struct Header {
    pub name: String,
    pub value: Secret,
}

#[uniffi::remote(Record)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<Header>,
    pub body: Secret,
}

#[uniffi::remote(Enum)]
pub enum HttpFailure {
    NotSent,
    Ambiguous,
}

#[uniffi::remote(Record)]
pub struct KeyInfo {
    pub x: Vec<u8>,
    pub y: Vec<u8>,
    pub level: KeyLevel,
}

#[uniffi::remote(Enum)]
pub enum KeyLevel {
    SecureEnclave,
    StrongBox,
    Tee,
    Software,
}

#[uniffi::remote(Enum)]
pub enum KeyPolicy {
    PreferHardware,
    RequireHardware,
}

#[uniffi::remote(Record)]
pub struct Evidence {
    pub attestation: Secret,
    pub proof: Secret,
}

#[uniffi::remote(Enum)]
pub enum HookError {
    Locked,
    NotFound,
    Cancelled,
    KeyLost,
    Corrupt,
    Io,
    Timeout,
    Unavailable,
    Unknown,
}
