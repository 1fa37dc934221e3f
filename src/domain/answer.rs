//! The answer to an authorization request, and how it travels back to the client.

use serde::{Deserialize, Serialize};

/// `response_mode` (OAuth 2.0 Multiple Response Type Encoding Practices section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of a redirect: the default of `response_type=code`.
    #[default]
    Query,
    /// In the body of a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    /// Its word on the wire.
    pub const FORM_POST: &str = "form_post";

    /// How a request that says `word` is answered at `redirect_uri`, errors in it included. A form is posted over http
    /// only: an app's own scheme takes none. What cannot be had is told by the default.
    pub fn of(word: Option<&str>, redirect_uri: &str) -> Self {
        let takes_forms = redirect_uri.starts_with("https:") || redirect_uri.starts_with("http:");
        if word == Some(Self::FORM_POST) && takes_forms {
            Self::FormPost
        } else {
            Self::Query
        }
    }

    /// Whether it is the default.
    pub fn is_query(&self) -> bool {
        *self == Self::Query
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
    pub fields: Vec<(&'static str, String)>,
}
