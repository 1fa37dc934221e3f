//! What a client says of itself: one JSON object (RFC 7591 section 2), read strictly and member by member.

use std::{fmt, fmt::Display, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::refused;
use crate::{
    base::json::is_within,
    domain::oauth_error::{ErrorCode, OAuthError},
};

/// No registration has more bytes.
pub const MOST_BYTES: usize = 32 * 1024;
/// And none nests deeper: keys in a set in the registration, with lists in them.
const DEEPEST: usize = 8;
const MOST_MEMBERS: usize = 100;
/// No list has more entries, and no entry more characters.
const MOST_ENTRIES: usize = 32;
const LONGEST: usize = 1000;
const LONGEST_STATEMENT: usize = 16 * 1024;

/// Members of clients that are not empty. Who reads one says what it has to be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata(Map<String, Value>);

impl Metadata {
    /// Reads a request's body. What nobody here knows is ignored later (RFC 7591 section 2); what is there twice is not,
    /// since somebody else may have looked at the other one.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        if !is_within(text, MOST_BYTES, DEEPEST) {
            let hint = "the registration has more than 32 KiB, or more than 8 levels";
            return Err(OAuthError::new(ErrorCode::InvalidClientMetadata, hint));
        }
        let read = serde_json::from_str::<Members>(text);
        let hint = "send one JSON object, with each member once (RFC 7591 section 3.1)";
        let Members(mut members) =
            read.map_err(|_| OAuthError::new(ErrorCode::InvalidClientMetadata, hint))?;
        // RFC 7592 section 2.2: null is as good as absent.
        members.retain(|_, value| !value.is_null());
        Ok(Self(members))
    }

    /// Members that were read elsewhere.
    pub fn of(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// These members with `others` in their place.
    #[must_use]
    pub fn with(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Whether there is such a member.
    pub fn has(&self, member: &str) -> bool {
        self.0.contains_key(member)
    }

    /// A member as it is.
    pub(super) fn get(&self, member: &str) -> Option<&Value> {
        self.0.get(member)
    }

    /// A text.
    pub fn text(&self, member: &'static str) -> Result<Option<&str>, OAuthError> {
        let Some(value) = self.0.get(member) else {
            return Ok(None);
        };
        let longest = if member == "software_statement" {
            LONGEST_STATEMENT
        } else {
            LONGEST
        };
        let text = value.as_str().filter(|text| is_plain(text, longest));
        let rule = format!("write a text of 1 to {longest} bytes, without control characters");
        text.map(Some).ok_or_else(|| refused(member, rule))
    }

    /// A list of texts.
    pub(super) fn list(&self, member: &'static str) -> Result<Option<Vec<&str>>, OAuthError> {
        let Some(value) = self.0.get(member) else {
            return Ok(None);
        };
        let entries = value.as_array().filter(|entries| entries.len() <= MOST_ENTRIES);
        let texts = entries.and_then(|entries| {
            let texts = entries
                .iter()
                .map(|entry| entry.as_str().filter(|text| is_plain(text, LONGEST)));
            texts.collect::<Option<Vec<_>>>()
        });
        let rule = format!("write a list of at most {MOST_ENTRIES} texts of 1 to {LONGEST} bytes");
        texts.map(Some).ok_or_else(|| refused(member, rule))
    }

    /// True or false.
    pub(super) fn flag(&self, member: &'static str) -> Result<Option<bool>, OAuthError> {
        let flag = self.0.get(member).map(|value| {
            value
                .as_bool()
                .ok_or_else(|| refused(member, "write true or false"))
        });
        flag.transpose()
    }

    /// A text of a kind of its own.
    pub(super) fn word<T: FromStr<Err: Display>>(
        &self,
        member: &'static str,
    ) -> Result<Option<T>, OAuthError> {
        let word = self
            .text(member)?
            .map(|text| text.parse().map_err(|rule| refused(member, rule)));
        word.transpose()
    }

    /// A list of those, each once.
    pub(super) fn all<T: FromStr<Err: Display> + PartialEq>(
        &self,
        member: &'static str,
    ) -> Result<Vec<T>, OAuthError> {
        let mut all = Vec::new();
        for text in self.list(member)?.unwrap_or_default() {
            let one = text.parse().map_err(|rule| refused(member, rule))?;
            if !all.contains(&one) {
                all.push(one);
            }
        }
        Ok(all)
    }
}

fn is_plain(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.len() <= longest && !text.chars().any(char::is_control)
}

/// An object with each member once.
struct Members(Map<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Once)
    }
}

struct Once;

impl<'de> Visitor<'de> for Once {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with each member once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if members.len() >= MOST_MEMBERS || members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is there twice, or there are too many"));
            }
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        base::{id::ClientId, time::Lifetime},
        domain::{
            client::{AuthMethod, RegistrationMode},
            registration::{Bounds, RegistrationPolicy, of_document},
        },
    };

    fn policy() -> RegistrationPolicy {
        RegistrationPolicy {
            mode: RegistrationMode::Open,
            scope: "openid profile".parse().expect("scopes"),
            resources: Vec::new(),
            preset: None,
            unused_life: Lifetime::from_days(1),
            unused_most: 1,
            software_statement_required: false,
            metadata_documents: false,
            software_statement_issuers: Vec::new(),
        }
    }

    #[test]
    fn a_member_that_is_there_twice_refuses_all_and_null_is_none() {
        assert!(Metadata::parse(r#"{"a":1,"a":1}"#).is_err());
        assert!(Metadata::parse(r#"{"redirect_uris":[],"redirect\u005furis":[]}"#).is_err());
        assert!(Metadata::parse("[]").is_err() && Metadata::parse("").is_err());
        assert!(Metadata::parse(&format!("{{\"a\":{}1{}}}", "[".repeat(8), "]".repeat(8))).is_err());
        let read = Metadata::parse(r#"{"client_name":null,"scope":"a"}"#).expect("an object");
        assert!(!read.has("client_name") && read.has("scope"));
        let many: Map<_, _> = (0..101).map(|n| (n.to_string(), json!(1))).collect();
        assert!(Metadata::parse(&Value::from(many).to_string()).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~]{0,40}".prop_map(Value::from),
            "(https|http|javascript|data|com.example.app|app):(//)?[a-z.:@#/]{0,30}".prop_map(Value::from),
            "openid|profile|none|native|web|code|refresh_token|authorization_code|client_secret_basic|RS256"
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,6}", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    const NAMES: &str = "redirect_uris|grant_types|response_types|application_type|token_endpoint_auth_method|client_name|\
                         contacts|logo_uri|client_uri|scope|jwks|jwks_uri|id_token_signed_response_alg|software_id|\
                         post_logout_redirect_uris|allowed_origins|dpop_bound_access_tokens|subject_type|x";

    proptest! {
        #[test]
        fn whatever_comes_is_refused_in_plain_words_or_becomes_settings_that_agree(
            members in prop::collection::btree_map(NAMES, value(), 0..8),
            text in "[ -~]{0,80}",
        ) {
            let _ = Metadata::parse(&text);
            let mut members: Map<_, _> = members.into_iter().collect();
            let (policy, issuer) = (policy(), "https://id.example".parse().expect("an issuer"));
            let bounds = Bounds { issuer: &issuer, policy: &policy, scope: &policy.scope, is_open: true };
            let id: ClientId = "https://app.example/client.json".parse().expect("an id");
            let document = |members: &Map<String, Value>| of_document(&id, Value::from(members.clone()).to_string().as_bytes(), bounds);
            prop_assert!(document(&members).is_err(), "it does not say whose it is");
            members.insert("client_id".to_owned(), json!(id));
            if let Ok(proposed) = document(&members) {
                let method = proposed.settings.token_endpoint_auth_method;
                prop_assert!(matches!(method, AuthMethod::None | AuthMethod::PrivateKeyJwt));
            }
            let proposed = Metadata::parse(&Value::from(members).to_string()).and_then(|read| read.propose(bounds));
            match proposed {
                Ok(proposed) => {
                    prop_assert!(proposed.settings.contradictions(&issuer).is_empty());
                    prop_assert!(proposed.settings.scope.is_within(&policy.scope));
                    for uri in &proposed.settings.redirect_uris {
                        let scheme = uri.scheme();
                        prop_assert!(scheme == "https:" || scheme.contains('.') || uri.as_str().starts_with("http://127.0.0.1")
                            || uri.as_str().starts_with("http://[::1]"), "{uri}");
                    }
                    for link in proposed.told.values().filter_map(Value::as_str) {
                        prop_assert!(!link.starts_with("javascript:"));
                    }
                }
                Err(error) => prop_assert!(!error.hint.is_empty()),
            }
        }
    }
}
