//! The answer to an authorization request, and how it travels back to the client.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{
    id::ClientId,
    time::{Instant, Lifetime},
};

/// `response_mode` (OAuth 2.0 Multiple Response Type Encoding Practices section 2.1, JARM section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of a redirect: the default of `response_type=code`.
    #[default]
    Query,
    /// In the body of a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
    /// In the query, as one signed JWT (JARM section 2.3.1).
    QueryJwt,
    /// In a form, as one signed JWT (JARM section 2.3.3).
    FormPostJwt,
}

impl ResponseMode {
    /// The words on the wire.
    pub const WORDS: [&str; 5] = ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"];

    /// The mode that a request asks for; nothing when there is none of this name. `jwt` is the signed form of what is usual,
    /// which for a code is the query (JARM section 2.3.4).
    pub fn asked(word: Option<&str>) -> Option<Self> {
        Some(match word {
            None | Some("query") => Self::Query,
            Some("form_post") => Self::FormPost,
            Some("jwt" | "query.jwt") => Self::QueryJwt,
            Some("form_post.jwt") => Self::FormPostJwt,
            Some(_) => return None,
        })
    }

    /// How a request that says `word` is answered at `redirect_uri`, errors in it included. A form is posted over http
    /// only: an app's own scheme takes none. What cannot be had is told by the default, signed if it always has to be.
    pub fn of(word: Option<&str>, redirect_uri: &str, must_sign: bool) -> Self {
        let takes_forms = redirect_uri.starts_with("https:") || redirect_uri.starts_with("http:");
        let asked = Self::asked(word).unwrap_or_default();
        match (asked.is_form() && takes_forms, asked.is_signed() || must_sign) {
            (false, false) => Self::Query,
            (true, false) => Self::FormPost,
            (false, true) => Self::QueryJwt,
            (true, true) => Self::FormPostJwt,
        }
    }

    /// Its word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
            Self::QueryJwt => "query.jwt",
            Self::FormPostJwt => "form_post.jwt",
        }
    }

    /// Whether it is the default.
    pub fn is_query(&self) -> bool {
        *self == Self::Query
    }

    /// Whether the browser posts a form.
    pub fn is_form(self) -> bool {
        matches!(self, Self::FormPost | Self::FormPostJwt)
    }

    /// Whether everything is inside a signed JWT.
    pub fn is_signed(self) -> bool {
        matches!(self, Self::QueryJwt | Self::FormPostJwt)
    }
}

/// The parameters of an answer.
pub type Parameters = Vec<(&'static str, String)>;

/// The claims of a signed answer (JARM section 2.1): its parameters, of which `iss` is one, for whom they are and until when.
#[derive(Debug, Serialize)]
pub struct SignedAnswer<'a> {
    aud: &'a ClientId,
    exp: i64,
    #[serde(flatten)]
    parameters: BTreeMap<&'static str, &'a str>,
}

/// How long a signed answer is good (JARM section 2.1 recommends at most 10 minutes).
pub const SIGNED_LIFE: Lifetime = Lifetime::from_secs(300);

impl<'a> SignedAnswer<'a> {
    /// The claims of an answer that is given now.
    pub fn new(client: &'a ClientId, parameters: &'a Parameters, now: Instant) -> Self {
        let parameters = parameters.iter().map(|(name, value)| (*name, value.as_str()));
        Self {
            aud: client,
            exp: now.plus(SIGNED_LIFE).seconds(),
            parameters: parameters.collect(),
        }
    }
}

/// An answer with its verified place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A redirect to this URL.
    Redirect(String),
    /// A form that the browser posts.
    FormPost(FormPost),
}

/// A form that the browser posts to a client: nothing of it is in a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormPost {
    /// The redirect URI.
    pub action: String,
    /// The parameters of the answer.
    pub fields: Parameters,
}
