//! Errors and events.

use postern_mobile_core::{Action, EndReason, ErrorCode, Event, SdkError};

/// An error as apps see it. An app that treats each `action` treats every error, also those of later versions. It holds no
/// secret, so it may be logged.
#[uniffi::remote(Record)]
pub struct SdkError {
    /// What went wrong.
    pub code: ErrorCode,
    /// The code as a number that stays from version to version, 1001 to 1904.
    pub number: u32,
    /// What the app does: the code's action, but of a session that lives nobody is sent to the login screen. There a
    /// prompt that was cancelled is `Unlock`, and an answer that is not to be believed is `Report`.
    pub action: Action,
    /// When it may work, in milliseconds from now, where the server has asked for patience (`Retry-After`, RFC 9110 section
    /// 10.2.3): an hour and a quarter at most.
    pub retry_after_ms: Option<u64>,
    /// What the server said (`error_description`, RFC 6749 section 5.2), cut to 256 characters of printable ASCII. For logs:
    /// never shown, never believed.
    pub details: Option<String>,
}

/// What the app does about an error.
#[uniffi::remote(Enum)]
pub enum Action {
    /// Stay at, or go to, the screen from which people sign in. Never begin again without being asked: what was refused may
    /// be an attack.
    ShowLogin,
    /// Begin a sign-in: the session is over. (For `StepUpRequired` it lives, until a stronger one takes its place.)
    SignIn,
    /// Work with what is there, and try again after `retry_after_ms` or when the network is back; nothing is lost.
    RetryLater,
    /// Try again when the device is unlocked; never sign out, never show the login screen.
    WaitForUnlock,
    /// Ask for the finger or face again; the session lives.
    Unlock,
    /// Say that the server does not trust this device or app, and whom to ask.
    ContactSupport,
    /// Send the person to the store: this version of the app is too old.
    UpdateApp,
    /// Mend the app or the server's settings: a mistake that shows in the first test.
    FixConfiguration,
    /// Report it with its number: a bug of the SDK or of a hook.
    Report,
}

/// Everything that can go wrong, with its number and with what the app does about it in a sign-in. `docs/ERRORS.md` has
/// the same as a table.
#[uniffi::remote(Enum)]
pub enum ErrorCode {
    /// The person closed the browser or said no to the device's prompt.
    /// Number 1001, action `ShowLogin`.
    UserCancelled,
    /// The person or the server said no (`access_denied`).
    /// Number 1002, action `ShowLogin`.
    AccessDenied,
    /// The server answered the sign-in with another error.
    /// Number 1003, action `ShowLogin`.
    SignInFailed,
    /// The redirect came a second time; the first one is being answered, or was cut off.
    /// Number 1004, action `ShowLogin`.
    RedirectAlreadyUsed,
    /// The code was refused: it was too old, or its answer was lost twice.
    /// Number 1005, action `ShowLogin`.
    CodeRefused,
    /// The code of the device grant was not confirmed in time.
    /// Number 1006, action `ShowLogin`.
    DeviceCodeExpired,
    /// No sign-in with this `state` waits here (RFC 6749 section 10.12).
    /// Number 1101, action `ShowLogin`.
    RedirectStateUnknown,
    /// The sign-in waited for more than an hour.
    /// Number 1102, action `ShowLogin`.
    RedirectStateExpired,
    /// The server says `iss` in every redirect, but not in this one (RFC 9207 section 2.4).
    /// Number 1103, action `ShowLogin`.
    RedirectIssMissing,
    /// Another server answered: `iss` of the redirect is not the issuer (RFC 9207 section 2.4).
    /// Number 1104, action `ShowLogin`.
    RedirectIssMismatch,
    /// A parameter of the redirect came twice (RFC 6749 section 3.1).
    /// Number 1105, action `ShowLogin`.
    RedirectDuplicateParam,
    /// The URL is not the redirect URI of this sign-in.
    /// Number 1106, action `ShowLogin`.
    RedirectWrongUri,
    /// The redirect has neither a code nor an error, or both, or is too long (8 KiB).
    /// Number 1107, action `ShowLogin`.
    RedirectMalformed,
    /// The ID token is missing, or is none that can be read (OpenID Connect Core section 2).
    /// Number 1201, action `ShowLogin`.
    IdTokenMalformed,
    /// `iss` of the ID token is not the server (OpenID Connect Core section 3.1.3.7, point 2).
    /// Number 1202, action `ShowLogin`.
    IdTokenIssuer,
    /// `aud` or `azp` of the ID token is not this app (OpenID Connect Core section 3.1.3.7, points 3 to 5).
    /// Number 1203, action `ShowLogin`.
    IdTokenAudience,
    /// The ID token has expired, or comes from the future, or the sign-in that it tells of is older than `max_age`
    /// (OpenID Connect Core section 3.1.3.7, points 9, 10 and 13).
    /// Number 1204, action `ShowLogin`.
    IdTokenTime,
    /// `nonce` of the ID token is not the one of this sign-in (OpenID Connect Core section 3.1.3.7, point 11).
    /// Number 1205, action `ShowLogin`.
    IdTokenNonce,
    /// `at_hash` of the ID token is not of the access token (OpenID Connect Core section 3.1.3.8).
    /// Number 1206, action `ShowLogin`.
    IdTokenAccessTokenHash,
    /// The ID token of a refresh names another person than the session (OpenID Connect Core section 12.2).
    /// Number 1207, action `ShowLogin`.
    IdTokenSubject,
    /// A bearer token came where a bound one was required, or the other way round (RFC 9449 section 5).
    /// Number 1208, action `ShowLogin`.
    TokenTypeDowngrade,
    /// The server refuses the session: it was ended, ran out, or is forgotten.
    /// Number 1302, action `SignIn`.
    SessionRevoked,
    /// The key that the session is bound to is gone for good.
    /// Number 1303, action `SignIn`.
    KeyLost,
    /// There is no such account on this device, or none at all.
    /// Number 1304, action `SignIn`.
    NoSuchAccount,
    /// The API wants a stronger or fresher sign-in (RFC 9470 section 3). The drivers raise it, of an API's answer.
    /// Number 1305, action `SignIn`.
    StepUpRequired,
    /// The stored session cannot be read; it was wiped.
    /// Number 1306, action `SignIn`.
    StorageCorrupt,
    /// The session has no refresh token and its access token is too old.
    /// Number 1307, action `SignIn`.
    NoRefreshToken,
    /// No request left the device: there is no network.
    /// Number 1401, action `RetryLater`.
    Offline,
    /// The request may have arrived; asking again is safe.
    /// Number 1402, action `RetryLater`.
    NoAnswer,
    /// The server is broken or says something that is not its own.
    /// Number 1403, action `RetryLater`.
    ServerUnavailable,
    /// The server asks for patience; `retry_after_ms` says for how long.
    /// Number 1404, action `RetryLater`.
    RateLimited,
    /// The store does not work now: the disk is full or broken.
    /// Number 1405, action `RetryLater`.
    StorageUnavailable,
    /// Other processes changed the session again and again.
    /// Number 1406, action `RetryLater`.
    Busy,
    /// This process may not refresh (`read_only`), and the token is too old or its key not to be had.
    /// Number 1407, action `RetryLater`.
    ReadOnly,
    /// A hook did not answer in time.
    /// Number 1408, action `RetryLater`.
    HookTimeout,
    /// The device is locked, and the session cannot be read before it is unlocked.
    /// Number 1501, action `WaitForUnlock`.
    DeviceLocked,
    /// The stored session is newer than this SDK; it was left alone.
    /// Number 1502, action `UpdateApp`.
    StorageTooNew,
    /// The server does not serve this version of the app any more.
    /// Number 1503, action `UpdateApp`.
    UpdateRequired,
    /// The server does not trust this device, or it has no hardware for keys and the app requires it.
    /// Number 1601, action `ContactSupport`.
    DeviceNotTrusted,
    /// The service that attests is not there.
    /// Number 1602, action `ContactSupport`.
    AttestationUnavailable,
    /// The server does not know this app, or not in this way.
    /// Number 1701, action `FixConfiguration`.
    ClientRejected,
    /// The server refuses the request as it is.
    /// Number 1702, action `FixConfiguration`.
    RequestRejected,
    /// The server does not give this scope or API.
    /// Number 1703, action `FixConfiguration`.
    ScopeOrResourceRejected,
    /// An argument is not of the form that it has to have.
    /// Number 1704, action `FixConfiguration`.
    InvalidArgument,
    /// The server cannot do what was asked for.
    /// Number 1705, action `FixConfiguration`.
    NotSupported,
    /// The discovery document is none that can be read (RFC 8414 section 3.2).
    /// Number 1801, action `FixConfiguration`.
    DiscoveryMalformed,
    /// The discovery document is of another issuer (RFC 8414 section 3.3).
    /// Number 1802, action `FixConfiguration`.
    DiscoveryIssuerMismatch,
    /// An endpoint of the discovery document is not https.
    /// Number 1803, action `FixConfiguration`.
    DiscoveryInsecureEndpoint,
    /// The server does not say that it has PKCE with S256 (RFC 7636 section 4.2).
    /// Number 1804, action `FixConfiguration`.
    DiscoveryNoPkce,
    /// The server has no DPoP with ES256, which the app requires.
    /// Number 1805, action `FixConfiguration`.
    DiscoveryNoDpop,
    /// The server has no PAR, which the app requires.
    /// Number 1806, action `FixConfiguration`.
    DiscoveryNoPar,
    /// The server refused the DPoP proof again and again (RFC 9449 section 5).
    /// Number 1901, action `Report`.
    ProofRejected,
    /// A hook answered what was not asked, or nothing that can be understood.
    /// Number 1902, action `Report`.
    HookMisbehaved,
    /// The operation is over, or another one's answer came.
    /// Number 1903, action `Report`.
    OutOfOrder,
    /// A bug, or a panic, which the border turns into this.
    /// Number 1904, action `Report`.
    Internal,
}

/// An error that a driver finds itself, as the core would say it.
#[uniffi::export]
fn error_of(code: ErrorCode) -> SdkError {
    code.into()
}

/// Something that happened on the way, for the app's log and for its screens. `account` is the id that `SignedIn` has given.
/// No secret is in it.
#[uniffi::remote(Enum)]
pub enum Event {
    /// Somebody signed in.
    AccountAdded {
        /// The account's id.
        account: String,
    },
    /// Somebody signed out here: the account is gone from this device.
    AccountRemoved {
        /// The account's id.
        account: String,
    },
    /// The session has new tokens, and they are stored.
    TokensRotated {
        /// The account's id.
        account: String,
    },
    /// The session is over without a sign-out here, and the account is gone from this device.
    SessionEnded {
        /// The account's id.
        account: String,
        /// Why the session is over.
        reason: EndReason,
    },
    /// The new tokens could not be stored yet; they are in memory, and the session is safe.
    StorageDegraded {
        /// The account's id.
        account: String,
    },
    /// The tokens that could not be stored are stored now.
    StorageRecovered {
        /// The account's id.
        account: String,
    },
    /// The device's clock is wrong by more than 30 seconds. Nothing is to be done: the server's time counts.
    ClockSkewDetected {
        /// The server's time less the device's, in milliseconds.
        offset_ms: i64,
    },
    /// A redirect was refused: somebody may be trying something.
    RedirectRejected {
        /// Why it was refused: a code from 1101 to 1107.
        code: ErrorCode,
    },
    /// The server was not asked to end a session; it will be when it can be reached.
    RevocationQueued {
        /// The account's id.
        account: String,
    },
    /// Who signed out with the browser is still signed in there: the server could not be asked at once, or says no. A page
    /// of its own signs the person out (`end_session_url`).
    BrowserSessionKept {
        /// The account's id.
        account: String,
    },
    /// There was no evidence that this is the app on a real device, and the policy `Preferred` says to go on without.
    AttestationSkipped,
}

/// Why a session is over. Of any but `LoggedOut` and `Replaced` the person has to sign in again.
#[uniffi::remote(Enum)]
pub enum EndReason {
    /// The person signed out here.
    LoggedOut,
    /// The server refuses the session: it was ended there, ran out, or is forgotten.
    Refused,
    /// The key that the session was bound to is gone.
    KeyLost,
    /// What was stored cannot be read.
    Corrupt,
    /// The same person signed in again, and has a new session.
    Replaced,
}
