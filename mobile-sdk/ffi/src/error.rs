//! Errors and events.

use postern_mobile_core::{Action, EndReason, ErrorCode, Event, SdkError};

#[uniffi::remote(Record)]
pub struct SdkError {
    pub code: ErrorCode,
    pub number: u32,
    pub action: Action,
    pub retry_after_ms: Option<u64>,
    pub details: Option<String>,
}

#[uniffi::remote(Enum)]
pub enum Action {
    ShowLogin,
    SignIn,
    RetryLater,
    WaitForUnlock,
    Unlock,
    ContactSupport,
    UpdateApp,
    FixConfiguration,
    Report,
}

#[uniffi::remote(Enum)]
pub enum ErrorCode {
    UserCancelled,
    AccessDenied,
    SignInFailed,
    RedirectAlreadyUsed,
    CodeRefused,
    DeviceCodeExpired,
    RedirectStateUnknown,
    RedirectStateExpired,
    RedirectIssMissing,
    RedirectIssMismatch,
    RedirectDuplicateParam,
    RedirectWrongUri,
    RedirectMalformed,
    IdTokenMalformed,
    IdTokenIssuer,
    IdTokenAudience,
    IdTokenTime,
    IdTokenNonce,
    IdTokenAccessTokenHash,
    IdTokenSubject,
    TokenTypeDowngrade,
    SessionRevoked,
    KeyLost,
    NoSuchAccount,
    StepUpRequired,
    StorageCorrupt,
    NoRefreshToken,
    Offline,
    NoAnswer,
    ServerUnavailable,
    RateLimited,
    StorageUnavailable,
    Busy,
    ReadOnly,
    HookTimeout,
    DeviceLocked,
    StorageTooNew,
    UpdateRequired,
    DeviceNotTrusted,
    AttestationUnavailable,
    ClientRejected,
    RequestRejected,
    ScopeOrResourceRejected,
    InvalidArgument,
    NotSupported,
    DiscoveryMalformed,
    DiscoveryIssuerMismatch,
    DiscoveryInsecureEndpoint,
    DiscoveryNoPkce,
    DiscoveryNoDpop,
    DiscoveryNoPar,
    ProofRejected,
    HookMisbehaved,
    OutOfOrder,
    Internal,
}

/// An error that a driver finds itself, as the core would say it.
#[uniffi::export]
fn error_of(code: ErrorCode) -> SdkError {
    code.into()
}

#[uniffi::remote(Enum)]
pub enum Event {
    AccountAdded { account: String },
    AccountRemoved { account: String },
    TokensRotated { account: String },
    SessionEnded { account: String, reason: EndReason },
    StorageDegraded { account: String },
    StorageRecovered { account: String },
    ClockSkewDetected { offset_ms: i64 },
    RedirectRejected { code: ErrorCode },
    RevocationQueued { account: String },
    BrowserSessionKept { account: String },
    AttestationSkipped,
}

#[uniffi::remote(Enum)]
pub enum EndReason {
    LoggedOut,
    Refused,
    KeyLost,
    Corrupt,
    Replaced,
}
