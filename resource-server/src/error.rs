//! Why a request is refused, and what its sender is told (RFC 6750 section 3, RFC 9449 section 7.1).

use http::{HeaderValue, Response, StatusCode, header};

use crate::{PROOF_ALGORITHMS, ProofError};

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
    /// This API does not know its own URL, without which no proof can be checked
    /// ([`Discover::public_url`](crate::Discover::public_url)).
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
    /// Presented with a proof, but bound to nothing.
    #[error("the token is a bearer token and is not bound to a key")]
    NotBound,
    /// Bound to another key than the one that the request proves, or to more than a DPoP key.
    #[error("the token is bound to another key than the one of the DPoP proof")]
    ForeignKey,
    /// The request's DPoP proof needs this nonce, which the answer carries in the header `DPoP-Nonce`.
    #[error("{}", ProofError::NonceNeeded)]
    UseNonce {
        /// For the next proof.
        nonce: String,
    },
    /// The request's DPoP proof is missing or wrong.
    #[error(transparent)]
    Proof(#[from] ProofError),

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
    /// Nobody can tell at the moment whether the token was revoked: the stream has not begun, or is down for too long.
    #[error("whether access tokens were revoked is not known at the moment")]
    RevocationsUnavailable,
    /// A handler asks for the token of a request that did not go through the layer: a mistake in this API.
    #[error("this API does not check the tokens of such requests")]
    NotChecked,
}

impl Rejection {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self.code() {
            Code::None | Code::InvalidToken | Code::Proof(_) | Code::InsufficientAuthentication => {
                StatusCode::UNAUTHORIZED
            }
            Code::InvalidRequest => StatusCode::BAD_REQUEST,
            Code::InsufficientScope => StatusCode::FORBIDDEN,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::Mistake => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The nonce that belongs into the answer, in the header `DPoP-Nonce` (RFC 9449 section 9).
    pub fn dpop_nonce(&self) -> Option<HeaderValue> {
        match self {
            Self::UseNonce { nonce } => HeaderValue::try_from(nonce).ok(),
            _ => None,
        }
    }

    /// The whole answer: problem details (RFC 9457) beside the challenges.
    pub fn into_http<B: From<String>>(self) -> Response<B> {
        let status = self.status();
        let problem = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.to_string(),
        });
        let mut response = Response::new(B::from(problem.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if let Some(nonce) = self.dpop_nonce() {
            headers.insert("dpop-nonce", nonce);
        }
        for challenge in self.www_authenticate() {
            headers.append(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }

    /// The challenges that belong into the answer, one `WWW-Authenticate` header each; none where the fault is ours.
    ///
    /// Both schemes are accepted, so both are told (RFC 9449 section 7.2); what is wrong with a proof concerns one. A request
    /// without any token is told no error, only that one is needed (RFC 6750 section 3.1).
    pub fn www_authenticate(&self) -> Vec<HeaderValue> {
        let error = match self.code() {
            Code::Unavailable | Code::Mistake => return Vec::new(),
            Code::None => None,
            Code::InvalidRequest => Some("invalid_request"),
            Code::InvalidToken => Some("invalid_token"),
            Code::InsufficientScope => Some("insufficient_scope"),
            Code::Proof(error) => Some(error.code()),
            Code::InsufficientAuthentication => Some("insufficient_user_authentication"),
        };
        // The scheme must be followed by at least one parameter (RFC 6750 section 3).
        let mut told = match error {
            None => r#" realm="api""#.to_owned(),
            Some(error) => format!(r#" realm="api", error="{error}", error_description="{self}""#),
        };
        if let Self::InsufficientScope { required } = self {
            told.push_str(r#", scope=""#);
            told.extend(required.chars().filter(|&char| is_scope_char(char)));
            told.push('"');
        }
        if let Self::InsufficientAuthentication { acr_values, max_age } = self {
            if !acr_values.is_empty() {
                told.push_str(r#", acr_values=""#);
                told.extend(acr_values.chars().filter(|&char| is_scope_char(char)));
                told.push('"');
            }
            told.extend(max_age.map(|most| format!(r#", max_age="{most}""#)));
        }
        let bearer = (!matches!(self.code(), Code::Proof(_))).then(|| format!("Bearer{told}"));
        let dpop = format!(r#"DPoP{told}, algs="{}""#, PROOF_ALGORITHMS.join(" "));
        bearer
            .into_iter()
            .chain([dpop])
            .filter_map(|challenge| HeaderValue::try_from(challenge).ok())
            .collect()
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
            | Self::BoundToKey
            | Self::NotBound
            | Self::ForeignKey => Code::InvalidToken,
            Self::Proof(error) => Code::Proof(*error),
            Self::UseNonce { .. } => Code::Proof(ProofError::NonceNeeded),
            Self::InsufficientScope { .. } => Code::InsufficientScope,
            Self::InsufficientAuthentication { .. } => Code::InsufficientAuthentication,
            Self::KeysUnavailable | Self::RevocationsUnavailable => Code::Unavailable,
            Self::NotChecked => Code::Mistake,
        }
    }
}

/// The error codes of RFC 6750 section 3.1, and those of proofs.
enum Code {
    None,
    InvalidRequest,
    InvalidToken,
    InsufficientScope,
    Proof(ProofError),
    /// RFC 9470 section 3.
    InsufficientAuthentication,
    Unavailable,
    Mistake,
}

/// A scope, or the space between two (RFC 6749 section 3.3); excludes what would end the quoted string.
fn is_scope_char(char: char) -> bool {
    matches!(char, ' ' | '!' | '#'..='[' | ']'..='~')
}
