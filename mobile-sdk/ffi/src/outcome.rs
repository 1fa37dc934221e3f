//! What operations take and end with, and their steps.

use std::collections::HashMap;

use postern_mobile_core::{
    Answer, AuthorizationReady, AuthorizeParams, DeviceReady, Effect, Event, ExchangeParams, Header, Input,
    LogoutMode, Moment, NativeSso, Next, Outcome, RequestHeaders, SdkError, Secret, Step, StoredTokens,
    Token, Verdict, Want,
};

/// What a sign-in may ask for besides the configuration: parameters of the authorization request. Of `begin_device` only
/// `scopes` counts.
#[uniffi::remote(Record)]
pub struct AuthorizeParams {
    /// Whom the server shall suggest, such as an e-mail address (OpenID Connect Core section 3.1.2.1).
    pub login_hint: Option<String>,
    /// `login`, `consent`, `select_account` or `none`; several with a space between them (OpenID Connect Core section
    /// 3.1.2.1).
    pub prompt: Option<String>,
    /// Authentication context classes that are enough, the best first, with a space between them (RFC 9470 section 4).
    pub acr_values: Option<String>,
    /// At most this many seconds since the person proved who they are. The ID token has to say so, or the sign-in fails with
    /// `IdTokenTime` (OpenID Connect Core section 3.1.3.7, point 13).
    pub max_age: Option<u32>,
    /// Languages of the server's pages, the best first, with a space between them (BCP 47), such as `de-CH en`.
    pub ui_locales: Option<String>,
    /// Scopes instead of the configured ones, one in each element (RFC 6749 section 3.3).
    pub scopes: Option<Vec<String>>,
    /// Other parameters of the authorization request, as some servers have them. One that the SDK sets itself, such as
    /// `state` or `scope`, is an `InvalidArgument`.
    #[uniffi(default)]
    pub extra: HashMap<String, String>,
}

/// Which access token is wanted. One for the same `resource` and `scopes` that is good for long enough is not asked for again.
#[uniffi::remote(Record)]
pub struct Want {
    /// For how long the token has to be good still, in milliseconds; 0 is 30 seconds.
    pub min_ttl_ms: u64,
    /// For which API, as an absolute URI (RFC 8707 section 2). None: the server's default for the app.
    pub resource: Option<String>,
    /// Scopes that are narrower than the session's, one in each element (RFC 6749 section 6). None: all of them.
    pub scopes: Option<Vec<String>>,
    /// Whether a token that is there already will not do, whatever is left of it.
    pub fresh: bool,
}

/// How to sign out.
#[uniffi::remote(Enum)]
pub enum LogoutMode {
    /// Forget the session here and end it at the server, at once or when it can be reached.
    Session,
    /// The same, and end the browser session that it came from, at once and if the client may. Else there is an event
    /// `BrowserSessionKept`. An extension of Postern's.
    SessionAndBrowser,
    /// Forget the session here only; it lives on at the server until it runs out there.
    LocalOnly,
}

/// Tokens that another SDK has kept on this device, for `adopt`.
#[uniffi::remote(Record)]
pub struct StoredTokens {
    /// The refresh token. Empty, it is an `InvalidArgument`.
    pub refresh_token: Secret,
    /// The ID token of the sign-in, however old: whose the tokens are is known from it.
    pub id_token: Option<Secret>,
}

/// What a token exchange asks for (RFC 8693 section 2.1).
#[uniffi::remote(Record)]
pub struct ExchangeParams {
    /// The API that the new token is for, by the name that the server knows it by.
    pub audience: Option<String>,
    /// The same as an absolute URI.
    pub resource: Option<String>,
    /// Scopes that are narrower than the session's, one in each element.
    pub scopes: Option<Vec<String>>,
}

/// What an app of the same maker has shared (OpenID Connect Native SSO for Mobile Apps 1.0 section 4). It is worth a
/// session: it belongs where only apps of the same maker can read it.
#[uniffi::remote(Record)]
pub struct NativeSso {
    /// The other app's ID token.
    pub id_token: Secret,
    /// The other app's device secret.
    pub device_secret: Secret,
}

/// A sign-in that waits for its browser, for an hour at most. It is stored already: another process of the app can finish it.
#[uniffi::remote(Record)]
pub struct AuthorizationReady {
    /// The URL to open in the system browser, never in a web view (RFC 8252 section 8.12).
    pub url: String,
    /// Where the browser comes back to: the URL that begins so goes to `handle_redirect`.
    pub redirect_uri: String,
    /// Names this sign-in, for `cancel`.
    pub flow_id: String,
}

/// A sign-in that waits for another device (RFC 8628 section 3.2).
#[uniffi::remote(Record)]
pub struct DeviceReady {
    /// The code that the person types there: at most 64 characters, to be shown as it is.
    pub user_code: String,
    /// The URL that the person opens there, to be shown.
    pub verification_uri: String,
    /// The same with the code in it, for a QR code, if the server has one (RFC 8628
    /// section 3.3.1).
    pub verification_uri_complete: Option<String>,
    /// Names this sign-in, for `poll_device` and `cancel`.
    pub flow_id: String,
    /// For how long the code is good, in milliseconds: an hour at most.
    pub expires_in_ms: u64,
}

/// An access token. A bound one is worth nothing without a proof for each request: `authorize_request` makes it.
#[uniffi::remote(Record)]
pub struct Token {
    /// The token, as it goes into the header `Authorization`. Nobody but the API understands it.
    pub value: Secret,
    /// `DPoP` (RFC 9449 section 7.1) or `Bearer` (RFC 6750 section 2.1): the scheme of the header `Authorization`.
    pub token_type: String,
    /// For how long the token is good still, in milliseconds.
    pub expires_in_ms: u64,
    /// What the token allows, as far as it is known, one scope in each element.
    pub scopes: Vec<String>,
}

/// Headers that make a request to an API an authorized one. A proof is for one request, soon: they are not kept.
#[uniffi::remote(Record)]
pub struct RequestHeaders {
    /// `Authorization`, and `DPoP` where the token is bound.
    pub headers: Vec<Header>,
}

/// What to do with an API's answer.
#[uniffi::remote(Enum)]
pub enum Verdict {
    /// The answer is the app's.
    Pass,
    /// Call `authorize_request` anew and send the request once more.
    Retry,
    /// The answer is the app's, which needs a stronger or fresher sign-in: `begin` with the `acr_values` and `max_age` that
    /// the API asks for (RFC 9470 section 3).
    StepUp,
}

/// What an operation ends with; each says of which.
#[uniffi::remote(Enum)]
pub enum Outcome {
    /// Of `begin`.
    AuthorizationReady {
        /// What to open in the browser.
        ready: AuthorizationReady,
    },
    /// Of `begin_device`.
    DeviceReady {
        /// What to show to the person.
        ready: DeviceReady,
    },
    /// Of `handle_redirect`, `poll_device`, `native_sso` and `adopt`.
    SignedIn {
        /// The account's id: the same person at the same server with the same app has the same one. It tells nobody who they
        /// are.
        account: String,
    },
    /// Of `access_token` and `exchange`.
    Token {
        /// The token.
        token: Token,
    },
    /// Of `authorize_request`.
    Headers {
        /// What to add to the request.
        headers: RequestHeaders,
    },
    /// Of `accounts`.
    Accounts {
        /// The ids of the accounts on this device, sorted: in an order that stays and means nothing.
        accounts: Vec<String>,
        /// The account that is meant where none is named; none if there is no account.
        default: Option<String>,
    },
    /// Of `end_session_url`.
    Url {
        /// The URL to open in the system browser. It holds an ID token: not for logs.
        url: String,
    },
    /// Of `id_claims`.
    Claims {
        /// The ID token's claims: a JSON object in UTF-8 (OpenID Connect Core section 2).
        json: Secret,
    },
    /// Of `share`.
    Shared {
        /// What an app of the same maker gives to `native_sso`.
        sso: NativeSso,
    },
    /// Of `cancel`, `logout`, `set_default` and `resume`: it is done.
    Done,
}

/// What the host's clocks say. It comes with every step. The server's time is reckoned from its own `Date` (RFC 9110 section
/// 6.6.1) and the monotonic clock.
#[uniffi::remote(Record)]
pub struct Moment {
    /// Milliseconds since 1970 by the device's clock, which nobody trusts.
    pub wall_ms: i64,
    /// Milliseconds on a clock that never jumps, goes on in sleep and is the same in all processes of this boot.
    pub monotonic_ms: i64,
    /// Any text that changes when the monotonic clock begins anew: after a restart of the device. A host that has none gives
    /// each process its own.
    pub boot_id: String,
}

/// The host's answer to a step.
#[uniffi::remote(Record)]
pub struct Answer {
    /// The number of the step, as `Need` has it. An answer that was taken already changes nothing.
    pub id: u32,
    /// What came of its effect.
    pub input: Input,
}

/// How far an operation is.
#[uniffi::remote(Record)]
pub struct Step {
    /// What comes next.
    pub next: Next,
    /// What happened since the last step, in order. Each is said once.
    pub events: Vec<Event>,
}

/// What comes next in an operation.
#[uniffi::remote(Enum)]
pub enum Next {
    /// Do this one effect, and step with what comes of it.
    Need {
        /// The number of this step, for the answer: from 1, one more each time.
        id: u32,
        /// What to do.
        effect: Effect,
    },
    /// The operation is done; it takes no more answers.
    Done {
        /// What it ends with.
        outcome: Outcome,
    },
    /// The operation failed; it takes no more answers.
    Failed {
        /// Why, and what the app does about it.
        error: SdkError,
    },
}
