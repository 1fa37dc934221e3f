//! Settings that are one word of a few: the same word on the command line, in the database and on the wire.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A text that is none of a setting's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownWord(&'static [&'static str]);

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_last() {
            Some((last, rest)) if !rest.is_empty() => write!(f, "write {} or {last}", rest.join(", ")),
            _ => write!(f, "write {}", self.0.join(" ")),
        }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $word:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$of])* $word,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$word),*];
            const WORDS: &[&str] = &[$($text),*];

            /// Its word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)*
                }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                let mut all = Self::ALL.iter().copied();
                all.find(|word| word.as_str() == text).ok_or(UnknownWord(Self::WORDS))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

words! {
    /// What kind of program a client is.
    ClientKind {
        /// An app on a person's device: public, holds no secret (RFC 8252).
        Native = "native",
        /// A web server that people sign in to; without a way to authenticate it is an app in their browser.
        Web = "web",
        /// A program without people: it speaks for itself, or is an API that asks about tokens.
        Service = "service",
    }

    /// Who may register clients by himself (RFC 7591).
    RegistrationMode {
        /// Nobody.
        Off = "off",
        /// Who has an initial access token (RFC 7591 section 3).
        Token = "token",
        /// Everybody.
        Open = "open",
    }

    /// Who says what a client is.
    RegisteredBy {
        /// The operator, or somebody to whom he gave an initial access token.
        Operator = "operator",
        /// The client itself: nobody has checked it.
        Itself = "itself",
    }

    /// A set of settings under one name.
    Preset {
        /// The FAPI 2.0 Security Profile.
        Fapi2 = "fapi2",
        /// FAPI 2.0 Message Signing: signed requests and signed answers on top of the Security Profile.
        Fapi2MessageSigning = "fapi2-message-signing",
        /// A client library of the OpenID Connect Basic profile, as they are in the field.
        OidcBasic = "oidc-basic",
    }

    /// Whether a person is asked before the client gets anything.
    ConsentPolicy {
        /// Asked once for each set of scopes.
        Ask = "ask",
        /// A first-party app: the person continues with one tap, and the consent is recorded all the same.
        Never = "never",
    }

    /// How a client proves that it is itself (OpenID Connect Core section 9). Each has one way, and no other is taken.
    AuthMethod {
        /// Not at all: a public client (RFC 6749 section 2.1).
        None = "none",
        /// A secret in the Authorization header (RFC 6749 section 2.3.1).
        ClientSecretBasic = "client_secret_basic",
        /// A secret in the form (RFC 6749 section 2.3.1).
        ClientSecretPost = "client_secret_post",
        /// A JWT signed by its own key (RFC 7523 section 2.2): no secret is ever sent.
        PrivateKeyJwt = "private_key_jwt",
    }

    /// Whether an authorization request needs PKCE (RFC 7636).
    PkcePolicy {
        /// Always.
        Required = "required",
        /// Unless the request has a `nonce`, which protects an OpenID Connect client as well (OAuth 2.1 section 7.5.1).
        RequiredUnlessNonce = "required_unless_nonce",
        /// No. A challenge that is sent is answered all the same.
        Optional = "optional",
    }

    /// Whether a client binds its tokens to a key (RFC 9449).
    DpopPolicy {
        /// It must not: a request with a proof, or one that names a key, is refused before anything is spent. (Ignored, it
        /// would get bearer tokens, which RFC 9449 section 5 tells it to throw away: its sign-in would be lost.)
        Off = "off",
        /// It may, and sessions that begin with a proof are bound to its key.
        Allowed = "allowed",
        /// It must at every token request: `dpop_bound_access_tokens` (RFC 9449 section 5.2).
        Required = "required",
    }

    /// What the `aud` of a client's assertion may be.
    AssertionAudience {
        /// The issuer, as a single string (FAPI 2.0): an assertion for another server is of no use here.
        IssuerOnly = "issuer_only",
        /// The token endpoint's URL too, as RFC 7523 section 3 recommended.
        IssuerOrTokenEndpoint = "issuer_or_token_endpoint",
    }

    /// What ID tokens of a client are signed with (OpenID Connect Registration section 2).
    IdTokenAlgorithm {
        /// ECDSA on P-256 with SHA-256.
        Es256 = "ES256",
        /// RSASSA-PKCS1-v1_5 with SHA-256, for libraries that know nothing else.
        Rs256 = "RS256",
    }

    /// A `grant_type` (RFC 6749).
    GrantType {
        /// RFC 6749 section 4.1.
        AuthorizationCode = "authorization_code",
        /// RFC 6749 section 6.
        RefreshToken = "refresh_token",
        /// RFC 6749 section 4.4.
        ClientCredentials = "client_credentials",
        /// RFC 8628 section 3.4.
        DeviceCode = "urn:ietf:params:oauth:grant-type:device_code",
        /// RFC 8693 section 2.1: an API passes a request on, or an app of a group signs in by another (Native SSO).
        TokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange",
        /// RFC 7523 section 2.1: an issuer that is registered for the client vouches for a person.
        JwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer",
    }

    /// What the `sub` of an assertion is that vouches for a person (RFC 7523 section 3).
    AssertionSubject {
        /// The id that the person has here.
        UserId = "user_id",
        /// The address that they sign in with here.
        Email = "email",
    }

    /// What becomes of a refresh token that was used.
    RefreshRotation {
        /// Its successor takes its place (RFC 9700 section 2.2.2).
        Rotate = "rotate",
        /// It stays. Who may use it has to authenticate, which protects it as well.
        Keep = "keep",
    }
}

#[expect(clippy::derivable_impls, reason = "a macro makes the type")]
impl Default for DpopPolicy {
    fn default() -> Self {
        Self::Allowed
    }
}

#[expect(clippy::derivable_impls, reason = "a macro makes the type")]
impl Default for RegisteredBy {
    fn default() -> Self {
        Self::Operator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reads_back_and_another_is_told_which_there_are() {
        for kind in ClientKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        let told = "app".parse::<ClientKind>().map_err(|error| error.to_string());
        assert_eq!(told, Err("write native, web or service".to_owned()));
    }
}
