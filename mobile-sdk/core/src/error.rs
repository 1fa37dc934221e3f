//! What went wrong, and what the app does about it.

/// An error as apps see it. An app that treats each `action` treats every error, also those of later versions. It holds no
/// secret, so it may be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

macro_rules! codes {
    ($($(#[$about:meta])* $name:ident = $number:literal => $action:ident,)*) => {
        /// Everything that can go wrong, with its number and with what the app does about it in a sign-in. `docs/ERRORS.md`
        /// has the same as a table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorCode {
            $(
                $(#[$about])*
                #[doc = concat!(" Number ", stringify!($number), ", action `", stringify!($action), "`.")]
                $name,
            )*
        }

        impl ErrorCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The number, which stays from version to version.
            pub fn number(self) -> u32 {
                match self { $(Self::$name => $number,)* }
            }

            /// What the app does about it in a sign-in. `SdkError::action` says it for a session that lives.
            pub fn action(self) -> Action {
                match self { $(Self::$name => Action::$action,)* }
            }

            /// Its name in the documentation.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

codes! {
    /// The person closed the browser or said no to the device's prompt.
    UserCancelled = 1001 => ShowLogin,
    /// The person or the server said no (`access_denied`).
    AccessDenied = 1002 => ShowLogin,
    /// The server answered the sign-in with another error.
    SignInFailed = 1003 => ShowLogin,
    /// The redirect came a second time; the first one is being answered, or was cut off.
    RedirectAlreadyUsed = 1004 => ShowLogin,
    /// The code was refused: it was too old, or its answer was lost twice.
    CodeRefused = 1005 => ShowLogin,
    /// The code of the device grant was not confirmed in time.
    DeviceCodeExpired = 1006 => ShowLogin,
    /// No sign-in with this `state` waits here (RFC 6749 section 10.12).
    RedirectStateUnknown = 1101 => ShowLogin,
    /// The sign-in waited for more than an hour.
    RedirectStateExpired = 1102 => ShowLogin,
    /// The server says `iss` in every redirect, but not in this one (RFC 9207 section 2.4).
    RedirectIssMissing = 1103 => ShowLogin,
    /// Another server answered: `iss` of the redirect is not the issuer (RFC 9207 section 2.4).
    RedirectIssMismatch = 1104 => ShowLogin,
    /// A parameter of the redirect came twice (RFC 6749 section 3.1).
    RedirectDuplicateParam = 1105 => ShowLogin,
    /// The URL is not the redirect URI of this sign-in.
    RedirectWrongUri = 1106 => ShowLogin,
    /// The redirect has neither a code nor an error, or both, or is too long (8 KiB).
    RedirectMalformed = 1107 => ShowLogin,
    /// The ID token is missing, or is none that can be read (OpenID Connect Core section 2).
    IdTokenMalformed = 1201 => ShowLogin,
    /// `iss` of the ID token is not the server (OpenID Connect Core section 3.1.3.7, point 2).
    IdTokenIssuer = 1202 => ShowLogin,
    /// `aud` or `azp` of the ID token is not this app (OpenID Connect Core section 3.1.3.7, points 3 to 5).
    IdTokenAudience = 1203 => ShowLogin,
    /// The ID token has expired, or comes from the future, or the sign-in that it tells of is older than `max_age`
    /// (OpenID Connect Core section 3.1.3.7, points 9, 10 and 13).
    IdTokenTime = 1204 => ShowLogin,
    /// `nonce` of the ID token is not the one of this sign-in (OpenID Connect Core section 3.1.3.7, point 11).
    IdTokenNonce = 1205 => ShowLogin,
    /// `at_hash` of the ID token is not of the access token (OpenID Connect Core section 3.1.3.8).
    IdTokenAccessTokenHash = 1206 => ShowLogin,
    /// The ID token of a refresh names another person than the session (OpenID Connect Core section 12.2).
    IdTokenSubject = 1207 => ShowLogin,
    /// A bearer token came where a bound one was required, or the other way round (RFC 9449 section 5).
    TokenTypeDowngrade = 1208 => ShowLogin,
    /// The server refuses the session: it was ended, ran out, or is forgotten.
    SessionRevoked = 1302 => SignIn,
    /// The key that the session is bound to is gone for good.
    KeyLost = 1303 => SignIn,
    /// There is no such account on this device, or none at all.
    NoSuchAccount = 1304 => SignIn,
    /// The API wants a stronger or fresher sign-in (RFC 9470 section 3). The drivers raise it, of an API's answer.
    StepUpRequired = 1305 => SignIn,
    /// The stored session cannot be read; it was wiped.
    StorageCorrupt = 1306 => SignIn,
    /// The session has no refresh token and its access token is too old.
    NoRefreshToken = 1307 => SignIn,
    /// No request left the device: there is no network.
    Offline = 1401 => RetryLater,
    /// The request may have arrived; asking again is safe.
    NoAnswer = 1402 => RetryLater,
    /// The server is broken or says something that is not its own.
    ServerUnavailable = 1403 => RetryLater,
    /// The server asks for patience; `retry_after_ms` says for how long.
    RateLimited = 1404 => RetryLater,
    /// The store does not work now: the disk is full or broken.
    StorageUnavailable = 1405 => RetryLater,
    /// Other processes changed the session again and again.
    Busy = 1406 => RetryLater,
    /// This process may not refresh (`read_only`), and the token is too old or its key not to be had.
    ReadOnly = 1407 => RetryLater,
    /// A hook did not answer in time.
    HookTimeout = 1408 => RetryLater,
    /// The device is locked, and the session cannot be read before it is unlocked.
    DeviceLocked = 1501 => WaitForUnlock,
    /// The stored session is newer than this SDK; it was left alone.
    StorageTooNew = 1502 => UpdateApp,
    /// The server does not serve this version of the app any more.
    UpdateRequired = 1503 => UpdateApp,
    /// The server does not trust this device, or it has no hardware for keys and the app requires it.
    DeviceNotTrusted = 1601 => ContactSupport,
    /// The service that attests is not there.
    AttestationUnavailable = 1602 => ContactSupport,
    /// The server does not know this app, or not in this way.
    ClientRejected = 1701 => FixConfiguration,
    /// The server refuses the request as it is.
    RequestRejected = 1702 => FixConfiguration,
    /// The server does not give this scope or API.
    ScopeOrResourceRejected = 1703 => FixConfiguration,
    /// An argument is not of the form that it has to have.
    InvalidArgument = 1704 => FixConfiguration,
    /// The server cannot do what was asked for.
    NotSupported = 1705 => FixConfiguration,
    /// The discovery document is none that can be read (RFC 8414 section 3.2).
    DiscoveryMalformed = 1801 => FixConfiguration,
    /// The discovery document is of another issuer (RFC 8414 section 3.3).
    DiscoveryIssuerMismatch = 1802 => FixConfiguration,
    /// An endpoint of the discovery document is not https.
    DiscoveryInsecureEndpoint = 1803 => FixConfiguration,
    /// The server does not say that it has PKCE with S256 (RFC 7636 section 4.2).
    DiscoveryNoPkce = 1804 => FixConfiguration,
    /// The server has no DPoP with ES256, which the app requires.
    DiscoveryNoDpop = 1805 => FixConfiguration,
    /// The server has no PAR, which the app requires.
    DiscoveryNoPar = 1806 => FixConfiguration,
    /// The server refused the DPoP proof again and again (RFC 9449 section 5).
    ProofRejected = 1901 => Report,
    /// A hook answered what was not asked, or nothing that can be understood.
    HookMisbehaved = 1902 => Report,
    /// The operation is over, or another one's answer came.
    OutOfOrder = 1903 => Report,
    /// A bug, or a panic, which the border turns into this.
    Internal = 1904 => Report,
}

impl SdkError {
    /// Where it befalls a session that lives.
    pub(crate) fn of_a_session(self) -> Self {
        let action = match (self.action, self.code) {
            (Action::ShowLogin, ErrorCode::UserCancelled) => Action::Unlock,
            (Action::ShowLogin, _) => Action::Report,
            (action, _) => action,
        };
        Self { action, ..self }
    }

    /// Whether what failed may be tried again as it is.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.action, Action::RetryLater | Action::WaitForUnlock)
    }

    /// Where a sign-in has failed that was all but done: it begins anew.
    pub(crate) fn of_a_lost_sign_in(self) -> Self {
        let action = if self.may_pass() {
            Action::ShowLogin
        } else {
            self.action
        };
        Self { action, ..self }
    }

    pub(crate) fn after(code: ErrorCode, retry_after_ms: Option<u64>) -> Self {
        Self {
            retry_after_ms,
            ..code.into()
        }
    }

    pub(crate) fn saying(code: ErrorCode, details: &str) -> Self {
        Self {
            details: Some(tame(details)).filter(|text| !text.is_empty()),
            ..code.into()
        }
    }
}

impl From<ErrorCode> for SdkError {
    fn from(code: ErrorCode) -> Self {
        Self {
            code,
            number: code.number(),
            action: code.action(),
            retry_after_ms: None,
            details: None,
        }
    }
}

/// Text of somebody else's: no control characters, not long, nothing that changes the direction of writing, no token.
fn tame(text: &str) -> String {
    let plain: String = text.chars().filter(|c| matches!(c, ' '..='~')).collect();
    // What is as long as a token may be one that was echoed. Only then it is cut, or the cut would leave a part of one.
    let words = plain
        .split(' ')
        .map(|word| if word.len() > 40 { "[long]" } else { word });
    let mut tamed = words.collect::<Vec<_>>().join(" ");
    tamed.truncate(256);
    tamed
}
