//! A signed request object (RFC 9101): the parameters of an authorization request as the claims of a JWT that its client
//! has signed. What stands here is what its claims must be; whose signature it is, `flows/request_object.rs` finds out.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;

use crate::{
    base::{
        id::ClientId,
        time::{Instant, Lifetime},
        url::Issuer,
    },
    domain::request::Raw,
};

/// Its `typ` (RFC 9101 section 4), which keeps it apart from every other JWT that the client signs.
pub const TYP: &str = "oauth-authz-req+jwt";
/// Nothing longer is looked at.
pub const MAX_BYTES: usize = 8 * 1024;
/// How long one is good, and how long ago its time may have begun (FAPI 2.0 Message Signing section 5.3.1).
const MOST: Lifetime = Lifetime::from_secs(3600);
/// How much the client's clock may differ from ours.
const CLOCKS_DIFFER: Lifetime = Lifetime::from_secs(30);

/// Claims about the JWT itself (RFC 7519 section 4.1), which are no parameters.
const OF_THE_JWT: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// The members of a JSON object, each of them there once.
#[derive(Debug)]
pub struct Members(Vec<(String, Value)>);

impl Members {
    fn get(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// Seconds since 1970, possibly with a fraction (RFC 7519 section 2); nothing when it is no time that a calendar has.
    fn instant(&self, name: &str) -> Option<Instant> {
        let seconds = self.get(name)?.as_f64()?;
        // The last second of the year 9999.
        #[expect(clippy::cast_possible_truncation, reason = "it is in these bounds")]
        (0.0..=253_402_300_799.0)
            .contains(&seconds)
            .then(|| Instant::from_millis((seconds * 1000.0) as i64))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let (mut members, mut seen) = (Vec::new(), BTreeSet::new());
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    // Two readers of the same object could believe different ones (RFC 7519 section 4).
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom("a member that is there twice"));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// What is wrong with a request object. The texts are for the developer of its client; none of them holds what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It is something else.
    #[error("this is no request object: its typ is oauth-authz-req+jwt, or absent (RFC 9101 section 4)")]
    OtherType,
    /// It is another client's, or nobody's.
    #[error("iss and client_id of the request object are the client_id of the app (RFC 9101 section 4)")]
    Client,
    /// It could be taken for a client assertion.
    #[error(
        "the request object has no sub that is the client_id: it could be used as a client assertion (RFC 9101 section 10.8)"
    )]
    Subject,
    /// It is for another server.
    #[error("aud of the request object is the issuer of this server, or a list that has it")]
    Audience,
    /// It has no time, or its time is over, or too long.
    #[error(
        "the request object has exp and nbf in seconds since 1970: begun, not over, and at most 60 minutes from nbf to exp"
    )]
    Time,
    /// It is or names another request object.
    #[error("a request object holds neither request nor request_uri (RFC 9101 section 4)")]
    Nested,
    /// A parameter that cannot be one.
    #[error("a parameter in the request object is no text, number, truth value or object")]
    Parameter,
}

/// Whether a JWT with this `typ` may be a request object. A client assertion, a DPoP proof, an ID, access or logout token
/// says that it is something else, or lacks what [`parameters`] asks for (RFC 8725 section 3.11).
pub fn check_typ(typ: Option<&str>) -> Result<(), Flaw> {
    let is_it = typ.is_none_or(|typ| {
        let bare = typ
            .get(..12)
            .filter(|start| start.eq_ignore_ascii_case("application/"));
        bare.map_or(typ, |start| &typ[start.len()..])
            .eq_ignore_ascii_case(TYP)
    });
    if is_it { Ok(()) } else { Err(Flaw::OtherType) }
}

/// The parameters in a request object of `client` for `issuer`, which is good at `now`. Nothing else of the request counts
/// (RFC 9101 section 6.3).
pub fn parameters(claims: Members, client: &ClientId, issuer: &Issuer, now: Instant) -> Result<Raw, Flaw> {
    let own = Some(client.as_str());
    if claims.text("iss") != own || claims.text("client_id") != own {
        return Err(Flaw::Client);
    }
    if claims.text("sub") == own {
        return Err(Flaw::Subject);
    }
    let is_us = |audience: &Value| audience.as_str() == Some(issuer.as_str());
    let is_for_us = match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().any(is_us),
        Some(one) => is_us(one),
        None => false,
    };
    if !is_for_us {
        return Err(Flaw::Audience);
    }
    if !is_in_time(&claims, now) {
        return Err(Flaw::Time);
    }
    if claims.get("request").is_some() || claims.get("request_uri").is_some() {
        return Err(Flaw::Nested);
    }
    let of_request = claims.0.into_iter();
    let of_request = of_request.filter(|(name, _)| !OF_THE_JWT.contains(&name.as_str()));
    let mut pairs = Vec::new();
    for (name, value) in of_request {
        let values = texts(&name, value).ok_or(Flaw::Parameter)?;
        pairs.extend(values.into_iter().map(|text| (name.clone(), text)));
    }
    Ok(Raw::new(pairs))
}

fn is_in_time(claims: &Members, now: Instant) -> bool {
    let (Some(from), Some(until)) = (claims.instant("nbf"), claims.instant("exp")) else {
        return false;
    };
    let soon = now.plus(CLOCKS_DIFFER);
    let issued_at = claims.get("iat").is_none() || claims.instant("iat").is_some_and(|at| at <= soon);
    issued_at
        && from <= soon
        && from >= now.minus(MOST)
        && until > now.minus(CLOCKS_DIFFER)
        && until <= from.plus(MOST)
}

/// A claim as the parameter that it is in a form: one text for each value. `resource` may be named more than once
/// (RFC 8707 section 2); every other list or object is the JSON text that the parameter has outside (RFC 9101 section 4).
fn texts(name: &str, value: Value) -> Option<Vec<String>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::String(text) => Some(vec![text]),
        Value::Array(all) if name == "resource" => {
            let texts = all.into_iter().map(|each| match each {
                Value::String(text) => Some(text),
                _ => None,
            });
            texts.collect()
        }
        Value::Array(_) if name != "authorization_details" => None,
        other => Some(vec![other.to_string()]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_790_000_000;

    fn read(text: &str) -> Option<Result<Raw, Flaw>> {
        let members = serde_json::from_str::<Members>(text).ok()?;
        let (client, issuer) = ("app".parse().expect("an id"), "https://id.example".parse());
        let now = Instant::from_millis(NOW * 1000);
        Some(parameters(members, &client, &issuer.expect("an issuer"), now))
    }

    fn good() -> Value {
        json!({ "iss": "app", "client_id": "app", "aud": "https://id.example", "nbf": NOW, "exp": NOW + 60 })
    }

    #[test]
    fn numbers_objects_and_lists_become_the_texts_that_they_are_in_a_form() {
        let mut claims = good();
        claims["max_age"] = json!(60);
        claims["claims"] = json!({ "id_token": { "acr": null } });
        claims["resource"] = json!(["https://one.example", "https://two.example"]);
        claims["state"] = json!("");
        claims["nonce"] = Value::Null;
        let raw = read(&claims.to_string()).expect("an object").expect("right");
        assert_eq!(raw.one("max_age"), Ok(Some("60")));
        assert_eq!(raw.one("claims"), Ok(Some(r#"{"id_token":{"acr":null}}"#)));
        assert_eq!(raw.all("resource").len(), 2);
        for absent in ["state", "nonce", "iss", "aud", "exp", "nbf"] {
            assert!(!raw.has(absent), "{absent}");
        }
        assert_eq!(raw.one("client_id"), Ok(Some("app")));
    }

    #[test]
    fn a_member_that_is_there_twice_is_refused_whatever_it_is() {
        let text = good().to_string();
        for twice in [
            r#","scope":"a","scope":"b"}"#,
            r#","iss":"app"}"#,
            r#","x":1,"x":1}"#,
        ] {
            let doubled = format!("{}{twice}", &text[..text.len() - 1]);
            assert!(read(&doubled).is_none(), "{doubled}");
        }
    }

    #[test]
    fn only_its_own_type_or_none_is_taken() {
        for good in [
            None,
            Some(TYP),
            Some("OAuth-AuthZ-Req+JWT"),
            Some("application/oauth-authz-req+jwt"),
        ] {
            assert_eq!(check_typ(good), Ok(()), "{good:?}");
        }
        for bad in [
            "JWT",
            "",
            "at+jwt",
            "dpop+jwt",
            "logout+jwt",
            "client-authentication+jwt",
            "application/",
            "äöü-authz-req",
        ] {
            assert_eq!(check_typ(Some(bad)), Err(Flaw::OtherType), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_refused_or_only_what_it_says(
            text in "[ -~]{0,200}",
            name in "[a-z_]{1,12}",
            value in "[ -~]{1,40}",
        ) {
            let _ = read(&text);
            let mut claims = good();
            claims[&name] = json!(value);
            if let Some(Ok(raw)) = read(&claims.to_string()) {
                prop_assert_eq!(raw.one("client_id"), Ok(Some("app")));
                if !OF_THE_JWT.contains(&name.as_str()) && name != "client_id" {
                    prop_assert_eq!(raw.all(&name), [value]);
                }
            }
        }

        #[test]
        fn a_time_is_good_only_inside_its_bounds(from in -8000_i64..8000, life in -8000_i64..8000) {
            let mut claims = good();
            claims["nbf"] = json!(NOW + from);
            claims["exp"] = json!(NOW + from + life);
            let is_good = read(&claims.to_string()).expect("an object").is_ok();
            prop_assert_eq!(is_good, (-3600..=30).contains(&from) && life <= 3600 && from + life > -30);
        }
    }
}
