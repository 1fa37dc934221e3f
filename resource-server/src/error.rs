//! Why a request is refused, and what its sender is told (RFC 6750 section 3).

use http::{HeaderValue, StatusCode};

/// Why a request is refused. The text of each is what the sender is told; none of it is secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The request has no access token, or authenticates in another way.
    #[error("an access token is needed")]
    NoToken,
    /// More than one Authorization header.
    #[error("more than one Authorization header")]
    SeveralAuthorizations,
    /// The Authorization header does not hold a token.
    #[error("the Authorization header is malformed")]
    MalformedAuthorization,
    /// DPoP proofs are not checked yet, so a request that relies on one is refused.
    #[error("the DPoP scheme is not supported here")]
    DpopNotSupported,

    /// Too long, not a signed JWT, or a claim is missing, doubled or of the wrong type.
    #[error("the token is malformed")]
    Malformed,
    /// Not an access token: `typ` is not `at+jwt`. An ID token, for example.
    #[error("the token is not an access token")]
    WrongType,
    /// The header demands an extension (`crit`); none is understood.
    #[error("the token demands an extension that is not understood")]
    CriticalHeader,
    /// Not the algorithm of its key.
    #[error("the token is signed with another algorithm than its key's")]
    WrongAlgorithm,
    /// The issuer has no key of that id, as far as we know.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// Not signed by that key, or changed since.
    #[error("the signature of the token is wrong")]
    BadSignature,
    /// From another issuer.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// Made for another API.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Over.
    #[error("the token has expired")]
    Expired,
    /// Taken back before its time, by itself or with its session.
    #[error("the token was revoked")]
    Revoked,
    /// Issued in the future: one of the clocks is wrong.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Bound to a key (`cnf`) whose possession the request does not prove (RFC 9449 section 7.1).
    #[error("the token is bound to a key and is no bearer token")]
    BoundToKey,

    /// Valid, but it does not allow this.
    #[error("the token does not allow this")]
    InsufficientScope {
        /// The scope that it would need.
        required: String,
    },

    /// Valid, but the sign-in behind it is too old or not good enough (RFC 9470 section 3).
    #[error("the token's sign-in is too old or not good enough for this")]
    InsufficientAuthentication {
        /// The `acr` values of which one would do, with spaces between; empty where any would.
        acr_values: String,
        /// How old the sign-in may be at most, in seconds.
        max_age: Option<u64>,
    },

    /// The issuer has not been reached for so long that its keys cannot be relied on.
    #[error("access tokens cannot be checked at the moment")]
    KeysUnavailable,
}

impl Rejection {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self.code() {
            Code::None | Code::InvalidToken | Code::InsufficientAuthentication => StatusCode::UNAUTHORIZED,
            Code::InvalidRequest => StatusCode::BAD_REQUEST,
            Code::InsufficientScope => StatusCode::FORBIDDEN,
            Code::Ours => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The challenge that belongs into the answer; none where the fault is ours.
    ///
    /// A request without any token is told no error, only that one is needed (RFC 6750 section 3.1).
    pub fn www_authenticate(&self) -> Option<HeaderValue> {
        let error = match self.code() {
            Code::Ours => return None,
            // The scheme must be followed by at least one parameter (RFC 6750 section 3).
            Code::None => return Some(HeaderValue::from_static(r#"Bearer realm="api""#)),
            Code::InvalidRequest => "invalid_request",
            Code::InvalidToken => "invalid_token",
            Code::InsufficientScope => "insufficient_scope",
            Code::InsufficientAuthentication => "insufficient_user_authentication",
        };
        let mut challenge = format!(r#"Bearer realm="api", error="{error}", error_description="{self}""#);
        if let Self::InsufficientScope { required } = self {
            challenge.push_str(r#", scope=""#);
            challenge.extend(required.chars().filter(|&char| is_scope_char(char)));
            challenge.push('"');
        }
        if let Self::InsufficientAuthentication { acr_values, max_age } = self {
            if !acr_values.is_empty() {
                challenge.push_str(r#", acr_values=""#);
                challenge.extend(acr_values.chars().filter(|&char| is_scope_char(char)));
                challenge.push('"');
            }
            challenge.extend(max_age.map(|most| format!(r#", max_age="{most}""#)));
        }
        HeaderValue::try_from(challenge).ok()
    }

    fn code(&self) -> Code {
        match self {
            Self::NoToken => Code::None,
            Self::SeveralAuthorizations | Self::MalformedAuthorization | Self::DpopNotSupported => {
                Code::InvalidRequest
            }
            Self::Malformed
            | Self::WrongType
            | Self::CriticalHeader
            | Self::WrongAlgorithm
            | Self::UnknownKey
            | Self::BadSignature
            | Self::WrongIssuer
            | Self::WrongAudience
            | Self::Expired
            | Self::Revoked
            | Self::NotYetValid
            | Self::BoundToKey => Code::InvalidToken,
            Self::InsufficientScope { .. } => Code::InsufficientScope,
            Self::InsufficientAuthentication { .. } => Code::InsufficientAuthentication,
            Self::KeysUnavailable => Code::Ours,
        }
    }
}

/// The error codes of RFC 6750 section 3.1.
enum Code {
    None,
    InvalidRequest,
    InvalidToken,
    InsufficientScope,
    /// RFC 9470 section 3.
    InsufficientAuthentication,
    Ours,
}

/// A scope, or the space between two (RFC 6749 section 3.3); excludes what would end the quoted string.
fn is_scope_char(char: char) -> bool {
    matches!(char, ' ' | '!' | '#'..='[' | ']'..='~')
}
