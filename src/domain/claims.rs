//! The `claims` parameter (OpenID Connect Core section 5.5): claims that a client asks for by name, and where it wants
//! them. Asking makes no scope: an access token says nothing of it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    base::{id::UserId, json::is_within, time::Instant},
    domain::scope::{self, ScopeSet},
};

/// A claim that we have and that a client may ask for. Others that it asks for are left out (section 5.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// The person's name.
    Name,
    /// When the person's data last changed.
    UpdatedAt,
    /// The person's address.
    Email,
    /// Whether the address was proved.
    EmailVerified,
    /// When the person proved who they are. In every ID token.
    AuthTime,
    /// How well. In every ID token.
    Acr,
    /// By what means. In every ID token.
    Amr,
}

impl Claim {
    const ALL: [Self; 7] = [
        Self::Name,
        Self::UpdatedAt,
        Self::Email,
        Self::EmailVerified,
        Self::AuthTime,
        Self::Acr,
        Self::Amr,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::UpdatedAt => "updated_at",
            Self::Email => "email",
            Self::EmailVerified => "email_verified",
            Self::AuthTime => "auth_time",
            Self::Acr => "acr",
            Self::Amr => "amr",
        }
    }

    /// The scope that gives this claim (section 5.4), and that a person allows when it is asked for by name. None: it is
    /// about the sign-in, which whoever signs somebody in may know.
    pub fn scope(self) -> Option<&'static str> {
        match self {
            Self::Name | Self::UpdatedAt => Some(scope::PROFILE),
            Self::Email | Self::EmailVerified => Some(scope::EMAIL),
            Self::AuthTime | Self::Acr | Self::Amr => None,
        }
    }
}

/// The claims that a client asks for by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AskedClaims {
    /// From userinfo.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub userinfo: BTreeSet<Claim>,
    /// In the ID token, besides what is always in it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub id_token: BTreeSet<Claim>,
}

impl AskedClaims {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }

    /// Whether the ID token needs the person's data.
    pub fn want_person_in_id_token(&self) -> bool {
        self.id_token.iter().any(|claim| claim.scope().is_some())
    }

    /// Leaves out what comes with a scope that is not in `registered`.
    pub fn limit_to(&mut self, registered: &ScopeSet) {
        let allowed = |claim: &Claim| claim.scope().is_none_or(|scope| registered.has(scope));
        self.userinfo.retain(allowed);
        self.id_token.retain(allowed);
    }

    /// The scopes that give these claims.
    pub fn scopes(&self) -> ScopeSet {
        let both = self.userinfo.iter().chain(&self.id_token);
        both.filter_map(|claim| claim.scope()).collect()
    }

    /// The parameter that asks for these claims and this person; nothing when it would ask for nothing.
    pub fn to_parameter(&self, subject: Option<UserId>) -> Option<String> {
        let members = |claims: &BTreeSet<Claim>| -> Map<String, Value> {
            let member = |claim: &Claim| (claim.as_str().to_owned(), Value::Null);
            claims.iter().map(member).collect()
        };
        let (userinfo, mut id_token) = (members(&self.userinfo), members(&self.id_token));
        if let Some(subject) = subject {
            id_token.insert("sub".to_owned(), json!({ "value": subject }));
        }
        let both = [("id_token", id_token), ("userinfo", userinfo)];
        let both = both.into_iter().filter(|(_, members)| !members.is_empty());
        let parameter: Map<String, Value> = both.map(|(name, it)| (name.to_owned(), it.into())).collect();
        (!parameter.is_empty()).then(|| Value::Object(parameter).to_string())
    }
}

/// A parsed `claims` parameter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClaimsParameter {
    /// What is asked for.
    pub asked: AskedClaims,
    /// The values of `acr` that are good enough, when the ID token must have one of some (section 5.5.1.1).
    pub acr: Option<Vec<String>>,
    /// The persons of whom one must be signed in, when that is demanded.
    pub sub: Option<Vec<String>>,
}

/// A `claims` parameter that does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "claims is not a JSON object with the objects userinfo and id_token, of at most 3 KiB (OpenID Connect Core section 5.5)"
)]
pub struct BadClaims;

const MAX_BYTES: usize = 3072;
/// `{"id_token":{"acr":{"values":[...]}}}` is four deep; members that we do not know may be deeper.
const MAX_DEPTH: usize = 8;

impl ClaimsParameter {
    /// Reads the parameter. What is not known is ignored, as section 5.5 asks.
    pub fn parse(text: &str) -> Result<Self, BadClaims> {
        if !is_within(text, MAX_BYTES, MAX_DEPTH) {
            return Err(BadClaims);
        }
        let Value::Object(mut parameter) = serde_json::from_str(text).map_err(|_| BadClaims)? else {
            return Err(BadClaims);
        };
        let mut member = |name: &str| match parameter.remove(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(claims)) => Ok(claims),
            Some(_) => Err(BadClaims),
        };
        let (userinfo, id_token) = (member("userinfo")?, member("id_token")?);
        let known = |claims: &Map<String, Value>| -> BTreeSet<Claim> {
            let known = Claim::ALL.into_iter();
            known
                .filter(|claim| claims.contains_key(claim.as_str()))
                .collect()
        };
        let mut asked = AskedClaims {
            userinfo: known(&userinfo),
            id_token: known(&id_token),
        };
        // What is not the person's data is in every ID token anyway.
        asked.id_token.retain(|claim| claim.scope().is_some());
        Ok(Self {
            asked,
            acr: demanded(&id_token, "acr")?,
            sub: demanded(&id_token, "sub")?.or(demanded(&userinfo, "sub")?),
        })
    }
}

/// The texts of `value` or `values` of a claim; nothing when any will do. A value that is no text is one that nobody has.
fn demanded(claims: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, BadClaims> {
    let Some(Value::Object(request)) = claims.get(name) else {
        return Ok(None);
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match (request.get("value"), request.get("values")) {
        (None, None) => Ok(None),
        (Some(value), None) => Ok(Some(text(value).into_iter().collect())),
        (None, Some(Value::Array(values))) => Ok(Some(values.iter().filter_map(text).collect())),
        // One or the other (section 5.5.1).
        (_, Some(_)) => Err(BadClaims),
    }
}

/// What is known of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The address.
    pub email: String,
    /// The name, when there is one.
    pub name: Option<String>,
    /// When any of it last changed.
    pub updated_at: Instant,
}

/// The standard claims of a person (section 5.1) that are told.
#[derive(Debug, Default, Serialize)]
pub struct PersonClaims {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

impl Person {
    /// The claims for which `is_told` says yes.
    pub fn claims(&self, is_told: impl Fn(Claim) -> bool) -> PersonClaims {
        PersonClaims {
            name: self.name.clone().filter(|_| is_told(Claim::Name)),
            updated_at: is_told(Claim::UpdatedAt).then(|| self.updated_at.seconds()),
            email: is_told(Claim::Email).then(|| self.email.clone()),
            // Nothing proves an address yet.
            email_verified: is_told(Claim::EmailVerified).then_some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let text = r#"{"id_token":{"email":null},"userinfo":{"auth_time":null,"name":null}}"#;
        let read = ClaimsParameter::parse(text).expect("valid");
        assert_eq!(read.asked.to_parameter(None).as_deref(), Some(text));
        assert_eq!(AskedClaims::default().to_parameter(None), None);
    }
}
