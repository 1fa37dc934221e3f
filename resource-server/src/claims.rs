//! The claims of an access token (RFC 9068 section 2.2), typed.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::Rejection;

/// The claims of an access token that has passed every check.
///
/// Only this crate makes one, so a function that takes it cannot be reached without a valid token.
/// The token's text is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessToken {
    /// Who issued it.
    pub iss: String,
    /// Whom it speaks for: the person, or the client itself where there is no person.
    pub sub: String,
    /// The resources that it may be presented to.
    pub aud: Vec<String>,
    /// The client that it was issued to.
    pub client_id: String,
    /// What it allows.
    pub scope: ScopeSet,
    /// The device session that it belongs to, where it belongs to one.
    pub sid: Option<String>,
    /// The token's own id.
    pub jti: String,
    /// When it was issued, in seconds since 1970.
    pub iat: u64,
    /// When it ends, in seconds since 1970.
    pub exp: u64,
    /// When the person proved who they are, in seconds since 1970.
    pub auth_time: Option<u64>,
    /// How surely the person proved who they are.
    pub acr: Option<String>,
    /// By which methods (RFC 8176).
    pub amr: Vec<String>,
    /// What it is bound to, if to anything.
    pub cnf: Option<Confirmation>,
    /// Who acts in the name of `sub`, where that is somebody else (RFC 8693 section 4.1).
    pub act: Option<Actor>,
    /// The key of the issuer that it is signed with.
    pub kid: String,
    /// What it allows in finer grain than a scope, each an object with a `type` (RFC 9396 section 9.1).
    pub authorization_details: Vec<serde_json::Value>,
}

impl AccessToken {
    /// Refuses unless the token allows `scope`: one line at the head of a handler.
    pub fn require_scope(&self, scope: &str) -> Result<(), Rejection> {
        if self.scope.has(scope) {
            Ok(())
        } else {
            Err(Rejection::InsufficientScope {
                required: scope.to_owned(),
            })
        }
    }
}

#[cfg(test)]
impl AccessToken {
    /// For tests of what happens to tokens that are valid.
    pub(crate) fn sample(sid: &str) -> Self {
        let claims = serde_json::json!({
            "iss": "https://id.example.com", "sub": "user", "aud": "https://notes.example.com", "client_id": "notes-app",
            "sid": sid, "jti": "jti", "iat": 0, "exp": 1000,
        });
        Claims::deserialize(claims).unwrap().signed_with("k1".to_owned())
    }
}

impl AccessToken {
    /// About how much text it holds.
    pub(crate) fn bytes(&self) -> usize {
        let texts = [
            &self.iss,
            &self.sub,
            &self.client_id,
            &self.scope.0,
            &self.jti,
            &self.kid,
        ];
        let optional = [&self.sid, &self.acr].into_iter().flatten();
        let lists = self.aud.iter().chain(&self.amr);
        let texts = texts.into_iter().chain(optional);
        let actors = self
            .act
            .iter()
            .flat_map(Actor::chain)
            .map(|actor| actor.sub.len() + ENTRY);
        let details = self.authorization_details.iter().map(weight);
        texts.map(String::len).sum::<usize>()
            + lists.map(|text| text.len() + ENTRY).sum::<usize>()
            + actors.sum::<usize>()
            + details.sum::<usize>()
    }
}

/// Of a text in a list, of a value in a value.
const ENTRY: usize = 64;

fn weight(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    ENTRY
        + match value {
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(weight).sum(),
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| name.len() + weight(value))
                .sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

/// Who acts in somebody's name (RFC 8693 section 4.1), and in whose place: an API that was called passed the request on.
///
/// Only the outermost one says who presents the token. The others are history, and nothing is decided by them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Actor {
    /// Who: the `client_id` of the API.
    pub sub: String,
    /// Who acted before.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub act: Option<Box<Actor>>,
}

impl Actor {
    /// Somebody who acts, in the place of whoever acted before.
    pub fn new(sub: impl Into<String>, before: Option<Self>) -> Self {
        Self {
            sub: sub.into(),
            act: before.map(Box::new),
        }
    }

    /// This one, the one before, and so on.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |actor| actor.act.as_deref())
    }
}

/// The key that a token is bound to (RFC 7800).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Confirmation {
    /// The thumbprint of the DPoP key (RFC 9449 section 6.1); none if it is bound in another way.
    #[serde(default, deserialize_with = "present")]
    pub jkt: Option<String>,
    /// Whether there is more than that: a certificate (`x5t#S256`, RFC 8705), for example.
    #[serde(flatten)]
    more: More,
}

impl Confirmation {
    /// Whether the token is bound to a DPoP key and to nothing else.
    pub(crate) fn is_only_jkt(&self) -> bool {
        self.jkt.is_some() && !self.more.0
    }
}

/// Whether a map has any member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct More(bool);

impl<'de> Deserialize<'de> for More {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = More;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the members of cnf")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<More, A::Error> {
                let mut more = More(false);
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    more = More(true);
                }
                Ok(more)
            }
        }
        from.deserialize_map(Members)
    }
}

/// The scopes of a token (RFC 6749 section 3.3).
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ScopeSet(String);

impl ScopeSet {
    /// Is exactly this one scope among them?
    pub fn has(&self, scope: &str) -> bool {
        self.iter().any(|held| held == scope)
    }

    /// Each scope, in the token's order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|scope| !scope.is_empty())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The claims as they stand in the token: of the right types, each at most once, not yet judged.
#[derive(Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: OneOrMany,
    pub(crate) client_id: String,
    #[serde(default)]
    pub(crate) scope: ScopeSet,
    #[serde(default, deserialize_with = "present")]
    pub(crate) sid: Option<String>,
    pub(crate) jti: String,
    pub(crate) iat: u64,
    pub(crate) exp: u64,
    #[serde(default, deserialize_with = "present")]
    pub(crate) nbf: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) auth_time: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) acr: Option<String>,
    #[serde(default)]
    pub(crate) amr: Vec<String>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) cnf: Option<Confirmation>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) act: Option<Actor>,
    #[serde(default)]
    pub(crate) authorization_details: Vec<serde_json::Value>,
}

impl Claims {
    pub(crate) fn signed_with(self, kid: String) -> AccessToken {
        let claims = self;
        AccessToken {
            iss: claims.iss,
            sub: claims.sub,
            aud: claims.aud.into(),
            client_id: claims.client_id,
            scope: claims.scope,
            sid: claims.sid,
            jti: claims.jti,
            iat: claims.iat,
            exp: claims.exp,
            auth_time: claims.auth_time,
            acr: claims.acr,
            amr: claims.amr,
            cnf: claims.cnf,
            act: claims.act,
            kid,
            authorization_details: claims.authorization_details,
        }
    }
}

/// `aud` is a string or an array of strings (RFC 7519 section 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(crate) fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Many(many) => many.iter().any(|one| one == wanted),
        }
    }
}

impl From<OneOrMany> for Vec<String> {
    fn from(either: OneOrMany) -> Self {
        match either {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

/// A claim may be absent, but one that is there has its type: `null` is refused.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
