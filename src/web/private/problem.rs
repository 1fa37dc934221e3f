//! Every error of the private listener for programs (RFC 9457): one list of types, which stay as they are.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use postern_resource_server::Rejection;
use serde_json::{Map, json};

use crate::{
    base::time::Lifetime,
    domain::client::Contradiction,
    flows::{
        account::AccountError,
        admin::{Beyond, Unknown, clients::AdminClientError, people::PeopleError},
        clients::{ClientError, secrets::SecretError, set::SetError},
        confirm::TooMany,
        events::LiveError,
        keys::{KeysError, rotate::RotateError},
        mass_end::MassEndError,
    },
    ports::hasher::HasherError,
    store::error::StoreError,
    web::{error::with_retry_after, problem_details::problem_with},
};

macro_rules! kinds {
    ($($name:ident = $slug:literal, $status:literal, $title:literal;)*) => {
        /// What went wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind {
            $(#[doc = $title] $name,)*
        }

        /// Every type of problem: its name, its status, its title.
        pub const KINDS: &[(&str, u16, &str)] = &[$(($slug, $status, $title)),*];

        impl Kind {
            /// Its name, its status, its title.
            pub(super) const fn parts(self) -> (&'static str, u16, &'static str) {
                match self {
                    $(Self::$name => ($slug, $status, $title),)*
                }
            }
        }
    };
}

kinds! {
    AddressNotAllowed = "address-not-allowed", 403, "requests from this address are not answered";
    NotAuthenticated = "not-authenticated", 401, "an access token for this API is needed";
    NotPermitted = "not-permitted", 403, "this needs a permission that you do not have";
    Beyond = "beyond-own-permissions", 403, "this needs every permission that it gives or changes";
    ConfirmationNeeded = "confirmation-needed", 403, "this needs your password once more";
    CrossSite = "cross-site", 403, "this was asked for by another site";
    NotFound = "not-found", 404, "there is nothing here";
    MethodNotAllowed = "method-not-allowed", 405, "this cannot be asked for in this way";
    Gone = "version-gone", 410, "this version has come to its end";
    TrailWentBack = "trail-went-back", 410, "the trail does not have this place";
    UnknownParameter = "unknown-parameter", 400, "a parameter is not known here";
    InvalidParameter = "invalid-parameter", 400, "a parameter does not read";
    InvalidBody = "invalid-body", 422, "the body is not what this takes";
    NotJson = "not-json", 415, "the body has to be JSON";
    TooLarge = "too-large", 413, "the body is too large";
    Contradiction = "contradiction", 422, "a setting contradicts another";
    WeakPassword = "weak-password", 422, "this password is too easy to guess";
    Taken = "taken", 409, "there is one already";
    LastOwner = "last-owner", 409, "there has to be an owner";
    ChangedMeanwhile = "changed-meanwhile", 409, "somebody else was faster";
    NotNow = "not-now", 409, "this cannot be done now";
    InvalidKey = "idempotency-key-invalid", 400, "the idempotency key does not read";
    KeyUnderWay = "idempotency-key-under-way", 409, "a request with this key is being carried out";
    KeyReused = "idempotency-key-reused", 422, "this key was used for another request";
    Busy = "busy", 503, "the server cannot answer just now";
    Fault = "fault", 500, "the server failed";
}

/// An error for a program.
#[derive(Debug)]
pub(super) struct Problem {
    kind: Kind,
    detail: Option<String>,
    wait: Option<Lifetime>,
    contradictions: Vec<Contradiction>,
    challenges: Vec<HeaderValue>,
}

impl Problem {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            detail: None,
            wait: None,
            contradictions: Vec::new(),
            challenges: Vec::new(),
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers hand over texts, errors and what they format"
    )]
    pub(super) fn saying(kind: Kind, detail: impl ToString) -> Self {
        Self {
            detail: Some(detail.to_string()),
            ..Self::new(kind)
        }
    }

    /// The log has it, the answer has nothing.
    pub(super) fn fault(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a fault");
        Self::saying(Kind::Fault, "the server's log says why")
    }

    /// A token that is not taken (RFC 6750 section 3, RFC 9449 section 7.1).
    pub(super) fn rejected(rejection: &Rejection) -> Self {
        let kind = match rejection.status() {
            StatusCode::FORBIDDEN => Kind::NotPermitted,
            StatusCode::BAD_REQUEST => Kind::InvalidParameter,
            StatusCode::SERVICE_UNAVAILABLE => Kind::Busy,
            _ => Kind::NotAuthenticated,
        };
        Self {
            challenges: rejection.www_authenticate(),
            ..Self::saying(kind, rejection)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (slug, status, title) = self.kind.parts();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = format!("urn:postern:problem:{slug}");
        let mut more = Map::new();
        if !self.contradictions.is_empty() {
            more.insert("contradictions".to_owned(), json!(self.contradictions));
        }
        let mut response = problem_with(status, &kind, title, self.detail.as_deref(), more);
        for challenge in self.challenges {
            response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
        }
        match self.wait {
            Some(wait) => with_retry_after(response, wait),
            None => response,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Unavailable(_) => {
                tracing::warn!(%error, "not served");
                Self {
                    wait: Some(StoreError::RETRY_AFTER),
                    ..Self::new(Kind::Busy)
                }
            }
            error => Self::fault(&error),
        }
    }
}

impl From<TooMany> for Problem {
    fn from(error: TooMany) -> Self {
        Self {
            wait: Some(StoreError::RETRY_AFTER),
            ..Self::saying(Kind::Busy, error)
        }
    }
}

impl From<Unknown> for Problem {
    fn from(unknown: Unknown) -> Self {
        Self::saying(Kind::NotFound, unknown)
    }
}

impl From<Beyond> for Problem {
    fn from(beyond: Beyond) -> Self {
        Self::saying(Kind::Beyond, beyond)
    }
}

impl From<MassEndError> for Problem {
    fn from(error: MassEndError) -> Self {
        match error {
            MassEndError::Everything => Self::saying(Kind::InvalidBody, error),
            MassEndError::Beyond(beyond) => beyond.into(),
            MassEndError::TooMany => Self::saying(Kind::NotNow, error),
            MassEndError::Store(error) => error.into(),
        }
    }
}

impl From<LiveError> for Problem {
    fn from(error: LiveError) -> Self {
        match error {
            LiveError::WentBack => Self::saying(Kind::TrailWentBack, error),
            LiveError::Store(error) => error.into(),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Taken => Self::saying(Kind::Taken, error),
            AccountError::Late => Self::saying(Kind::ChangedMeanwhile, error),
            AccountError::Hasher(HasherError::Busy) => StoreError::Busy.into(),
            AccountError::Hasher(HasherError::Broken) => Self::fault(&error),
            AccountError::Store(error) => error.into(),
        }
    }
}

impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Unknown(unknown) => unknown.into(),
            PeopleError::Beyond(beyond) => beyond.into(),
            PeopleError::LastOwner => Self::saying(Kind::LastOwner, error),
            PeopleError::Lost => Self::saying(Kind::ChangedMeanwhile, error),
            PeopleError::Account(error) => error.into(),
            PeopleError::Store(error) => error.into(),
        }
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Contradictions(contradictions) => Self {
                contradictions: contradictions.clone(),
                ..Self::saying(Kind::Contradiction, ClientError::Contradictions(contradictions))
            },
            ClientError::Taken => Self::saying(Kind::Taken, error),
            ClientError::Keys(error) => error.into(),
            ClientError::Store(error) => error.into(),
        }
    }
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::UnknownClient => Self::saying(Kind::NotFound, error),
            SecretError::Lives(error) => Self::saying(Kind::InvalidBody, error),
            SecretError::NoSecrets(_) | SecretError::TooMany => Self::saying(Kind::NotNow, error),
            SecretError::Lost => Self::saying(Kind::ChangedMeanwhile, error),
            SecretError::Store(error) => error.into(),
        }
    }
}

impl From<AdminClientError> for Problem {
    fn from(error: AdminClientError) -> Self {
        match error {
            AdminClientError::Unknown(unknown) => unknown.into(),
            AdminClientError::Beyond(beyond) => beyond.into(),
            AdminClientError::KeptByConsole(error) => Self::saying(Kind::Beyond, error),
            AdminClientError::Unreadable(error) => Self::saying(Kind::InvalidBody, error),
            AdminClientError::Client(error) => error.into(),
            AdminClientError::Set(error) => match error {
                SetError::SaysItself => Self::saying(Kind::NotNow, error),
                SetError::Changed => Self::saying(Kind::ChangedMeanwhile, error),
                SetError::Refused(error) => error.into(),
            },
            AdminClientError::Secret(error) => error.into(),
            AdminClientError::Store(error) => error.into(),
        }
    }
}

impl From<KeysError> for Problem {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Store(_) | KeysError::BroughtBack(_) => StoreError::from(error).into(),
            error => Self::fault(&error),
        }
    }
}

impl From<RotateError> for Problem {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::TooEarly(..) => Self::saying(Kind::NotNow, error),
            RotateError::Lost(_) => Self::saying(Kind::ChangedMeanwhile, error),
            RotateError::Keys(error) => error.into(),
        }
    }
}
