//! What operations are asked for, and what they end with.

use std::{collections::HashMap, fmt};

use crate::{effect::Header, secret::Secret};

/// What a sign-in may ask for besides the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthorizeParams {
    /// Whom the server shall suggest.
    pub login_hint: Option<String>,
    /// `login`, `consent`, `select_account`, `none`.
    pub prompt: Option<String>,
    /// Authentication context classes that are enough, in order (RFC 9470).
    pub acr_values: Option<String>,
    /// At most this many seconds since the person proved who they are.
    pub max_age: Option<u32>,
    /// Languages of the pages.
    pub ui_locales: Option<String>,
    /// Instead of the configured scopes.
    pub scopes: Option<Vec<String>>,
    /// Other parameters of the authorization request, as some servers have them. None that the SDK sets itself.
    pub extra: HashMap<String, String>,
}

/// Which access token is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Want {
    /// How long it has to be good still, in ms; 30 s if 0.
    pub min_ttl_ms: u64,
    /// For which API (RFC 8707). `None`: the server's default for the app.
    pub resource: Option<String>,
    /// Narrower than the session's scopes.
    pub scopes: Option<Vec<String>>,
    /// Not one that is there already.
    pub fresh: bool,
}

/// How to sign out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoutMode {
    /// Forget the session here and end it at the server, at once or when it can be reached.
    Session,
    /// The same, and end the browser session that it came from, at once and if the client may. Else there is an event
    /// `BrowserSessionKept`.
    SessionAndBrowser,
    /// Forget it here only.
    LocalOnly,
}

/// Tokens that another SDK has kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTokens {
    /// Needed.
    pub refresh_token: Secret,
    /// Whose they are is known from it.
    pub id_token: Option<Secret>,
}

/// RFC 8693.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeParams {
    /// The API that the new token is for.
    pub audience: Option<String>,
    /// The same as a URL (RFC 8707).
    pub resource: Option<String>,
    /// Narrower than the token's.
    pub scopes: Option<Vec<String>>,
}

/// What an app of the same maker has shared (OpenID Connect Native SSO for Mobile Apps 1.0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeSso {
    /// The other app's ID token.
    pub id_token: Secret,
    /// Its device secret.
    pub device_secret: Secret,
}

/// A sign-in that waits for its browser.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationReady {
    /// To be opened in the system browser.
    pub url: String,
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// Names this sign-in, to cancel it.
    pub flow_id: String,
}

/// A sign-in that waits for another device (RFC 8628).
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceReady {
    /// To be typed there.
    pub user_code: String,
    /// To be opened there.
    pub verification_uri: String,
    /// The same with the code in it, for a QR code.
    pub verification_uri_complete: Option<String>,
    /// Names this sign-in, to poll it.
    pub flow_id: String,
    /// For how long, in ms.
    pub expires_in_ms: u64,
}

/// An access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The token.
    pub value: Secret,
    /// `DPoP` or `Bearer`: the scheme of the header `Authorization`.
    pub token_type: String,
    /// For how long it is good still, in ms.
    pub expires_in_ms: u64,
    /// What it allows, as far as it is known.
    pub scopes: Vec<String>,
}

/// Headers that make a request an authorized one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeaders {
    /// `Authorization`, and `DPoP` where the token is bound.
    pub headers: Vec<Header>,
}

/// What to do with an API's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the app's.
    Pass,
    /// Authorize the request anew and send it once more.
    Retry,
    /// It is the app's, which needs a stronger or fresher sign-in (RFC 9470).
    StepUp,
}

/// What an operation ends with.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// `begin`.
    AuthorizationReady {
        /// What to open.
        ready: AuthorizationReady,
    },
    /// `begin_device`.
    DeviceReady {
        /// What to show.
        ready: DeviceReady,
    },
    /// `handle_redirect`, `poll_device`, `native_sso`, `adopt`.
    SignedIn {
        /// Who.
        account: String,
    },
    /// `access_token`, `exchange`.
    Token {
        /// The token.
        token: Token,
    },
    /// `authorize_request`.
    Headers {
        /// To be added.
        headers: RequestHeaders,
    },
    /// `accounts`.
    Accounts {
        /// In an order that stays, which is no other's: by id.
        accounts: Vec<String>,
        /// The one to use when none is named.
        default: Option<String>,
    },
    /// `end_session_url`.
    Url {
        /// To be opened in the system browser.
        url: String,
    },
    /// `id_claims`.
    Claims {
        /// The ID token's claims as JSON.
        json: Secret,
    },
    /// `share`.
    Shared {
        /// For an app of the same maker.
        sso: NativeSso,
    },
    /// Whatever has nothing to say.
    Done,
}

// A URL may have `state`, `nonce` or an ID token in it, and whoever knows a user code can use it: they are not for logs.

impl fmt::Debug for AuthorizationReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationReady")
            .field("flow_id", &self.flow_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DeviceReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceReady")
            .field("flow_id", &self.flow_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthorizationReady { ready } => ready.fmt(f),
            Self::DeviceReady { ready } => ready.fmt(f),
            Self::SignedIn { account } => write!(f, "SignedIn({account})"),
            Self::Token { token } => token.fmt(f),
            Self::Headers { headers } => headers.fmt(f),
            Self::Accounts { accounts, default } => write!(f, "Accounts({accounts:?}, default {default:?})"),
            Self::Url { .. } => f.write_str("Url"),
            Self::Claims { json } => write!(f, "Claims({json:?})"),
            Self::Shared { sso } => sso.fmt(f),
            Self::Done => f.write_str("Done"),
        }
    }
}
