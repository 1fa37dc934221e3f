//! What operations take and end with, and their steps.

use std::collections::HashMap;

use postern_mobile_core::{
    Answer, AuthorizationReady, AuthorizeParams, DeviceReady, Effect, Event, ExchangeParams, Header, Input,
    LogoutMode, Moment, NativeSso, Next, Outcome, RequestHeaders, SdkError, Secret, Step, StoredTokens,
    Token, Verdict, Want,
};

#[uniffi::remote(Record)]
pub struct AuthorizeParams {
    pub login_hint: Option<String>,
    pub prompt: Option<String>,
    pub acr_values: Option<String>,
    pub max_age: Option<u32>,
    pub ui_locales: Option<String>,
    pub scopes: Option<Vec<String>>,
    #[uniffi(default)]
    pub extra: HashMap<String, String>,
}

#[uniffi::remote(Record)]
pub struct Want {
    pub min_ttl_ms: u64,
    pub resource: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub fresh: bool,
}

#[uniffi::remote(Enum)]
pub enum LogoutMode {
    Session,
    SessionAndBrowser,
    LocalOnly,
}

#[uniffi::remote(Record)]
pub struct StoredTokens {
    pub refresh_token: Secret,
    pub id_token: Option<Secret>,
}

#[uniffi::remote(Record)]
pub struct ExchangeParams {
    pub audience: Option<String>,
    pub resource: Option<String>,
    pub scopes: Option<Vec<String>>,
}

#[uniffi::remote(Record)]
pub struct NativeSso {
    pub id_token: Secret,
    pub device_secret: Secret,
}

#[uniffi::remote(Record)]
pub struct AuthorizationReady {
    pub url: String,
    pub redirect_uri: String,
    pub flow_id: String,
}

#[uniffi::remote(Record)]
pub struct DeviceReady {
    pub user_code: String,
    pub verification_uri: String,
    pub verification_uri_complete: Option<String>,
    pub flow_id: String,
    pub expires_in_ms: u64,
}

#[uniffi::remote(Record)]
pub struct Token {
    pub value: Secret,
    pub token_type: String,
    pub expires_in_ms: u64,
    pub scopes: Vec<String>,
}

#[uniffi::remote(Record)]
pub struct RequestHeaders {
    pub headers: Vec<Header>,
}

#[uniffi::remote(Enum)]
pub enum Verdict {
    Pass,
    Retry,
    StepUp,
}

#[uniffi::remote(Enum)]
pub enum Outcome {
    AuthorizationReady {
        ready: AuthorizationReady,
    },
    DeviceReady {
        ready: DeviceReady,
    },
    SignedIn {
        account: String,
    },
    Token {
        token: Token,
    },
    Headers {
        headers: RequestHeaders,
    },
    Accounts {
        accounts: Vec<String>,
        default: Option<String>,
    },
    Url {
        url: String,
    },
    Claims {
        json: Secret,
    },
    Shared {
        sso: NativeSso,
    },
    Done,
}

#[uniffi::remote(Record)]
pub struct Moment {
    pub wall_ms: i64,
    pub monotonic_ms: i64,
    pub boot_id: String,
}

#[uniffi::remote(Record)]
pub struct Answer {
    pub id: u32,
    pub input: Input,
}

#[uniffi::remote(Record)]
pub struct Step {
    pub next: Next,
    pub events: Vec<Event>,
}

#[uniffi::remote(Enum)]
pub enum Next {
    Need { id: u32, effect: Effect },
    Done { outcome: Outcome },
    Failed { error: SdkError },
}
