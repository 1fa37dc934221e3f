//! Finds the access token in a request: the Authorization header and nothing else (RFC 6750 section 2.1).
//!
//! A token in the query or in a form is never looked for: queries are logged (RFC 9700 section 4.3.2).

use std::fmt;

use http::{HeaderMap, HeaderValue, header};

use crate::Rejection;
use crate::digest::sha256;
use crate::proof::{Proof, ath};

/// How a token was presented: a token bound to a key must not be accepted as a bare bearer token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// Whoever has the token may use it (RFC 6750).
    Bearer,
    /// The request proves possession of the key that the token is bound to (RFC 9449 section 7.1).
    Dpop,
}

/// A token as a request presented it, together with its scheme; nothing of it is verified.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    scheme: Scheme,
    token: &'a str,
    proof: Option<&'a Proof>,
}

impl<'a> Presented<'a> {
    /// Reads the request's one Authorization header.
    pub fn from_headers(headers: &'a HeaderMap) -> Result<Self, Rejection> {
        let mut sent = headers.get_all(header::AUTHORIZATION).iter();
        match (sent.next(), sent.next()) {
            (None, _) => Err(Rejection::NoToken),
            (Some(value), None) => Self::from_authorization(value),
            (Some(_), Some(_)) => Err(Rejection::SeveralAuthorizations),
        }
    }

    /// A bearer token that was received in another way than in a header.
    pub fn bearer(token: &'a str) -> Self {
        Self {
            scheme: Scheme::Bearer,
            token,
            proof: None,
        }
    }

    /// The same token with the proof of the request, which was made for its [`Presented::ath`].
    #[must_use]
    pub fn proved_by(self, proof: &'a Proof) -> Self {
        Self {
            proof: Some(proof),
            ..self
        }
    }

    /// `Bearer SP token`; the scheme's name is case-insensitive (RFC 9110 section 11.1).
    fn from_authorization(value: &'a HeaderValue) -> Result<Self, Rejection> {
        let value = value.as_bytes();
        let end = value.iter().position(|&byte| byte == b' ').unwrap_or(value.len());
        let (name, rest) = value.split_at(end);
        let scheme = if name.eq_ignore_ascii_case(b"Bearer") {
            Scheme::Bearer
        } else if name.eq_ignore_ascii_case(b"DPoP") {
            Scheme::Dpop
        } else {
            // Another way to authenticate counts as no token (RFC 6750 section 3.1).
            return Err(Rejection::NoToken);
        };
        let token = b64token(rest.trim_ascii_start()).ok_or(Rejection::MalformedAuthorization)?;
        Ok(Self {
            scheme,
            token,
            proof: None,
        })
    }

    /// How the token was presented.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The SHA-256 of the token, as it stands in a proof's `ath` (RFC 9449 section 4.2).
    pub fn ath(&self) -> String {
        ath(self.token)
    }

    /// Stands for the token where it is kept: nobody gets it back from that, or finds another one that has the same.
    pub(crate) fn digest(&self) -> [u8; 32] {
        sha256(self.token.as_bytes())
    }

    /// The token, of which nothing is verified.
    pub fn token(&self) -> &'a str {
        self.token
    }

    pub(crate) fn proof(&self) -> Option<&'a Proof> {
        self.proof
    }
}

/// The token is a secret and is not printed.
impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 6750 section 2.1)
fn b64token(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let body = text.trim_end_matches('=');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    (!body.is_empty() && body.bytes().all(allowed)).then_some(text)
}
