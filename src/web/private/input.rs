//! What requests to the API bring: names in paths, parameters and bodies, each read strictly.

use std::str::FromStr;

use axum::{
    body::{Bytes, HttpBody as _},
    extract::{FromRequest, FromRequestParts, Path, Request},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header, request::Parts};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    Private,
    problem::{Kind, Problem},
};
use crate::{
    base::{
        page::MAX_PAGE,
        time::{Instant, Lifetime},
    },
    domain::actor::Actor,
    flows::confirm::{Wait, look, wait},
    web::{encoding::parse_pairs, extract::form::is_sent_as},
};

/// The id in a path. One that does not read names nothing.
pub(super) struct Named<T>(pub(super) T);

impl<T: FromStr> FromRequestParts<Private> for Named<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, private: &Private) -> Result<Self, Response> {
        let text = Path::<String>::from_request_parts(parts, private).await;
        let text = text.map(|Path(text)| text).unwrap_or_default();
        let id = text.parse().map(Self);
        id.map_err(|_| Problem::saying(Kind::NotFound, "the id in the path is none").into_response())
    }
}

/// Two ids in a path, of something and of what belongs to it.
pub(super) struct Below<A, B>(pub(super) A, pub(super) B);

impl<A: FromStr, B: FromStr> FromRequestParts<Private> for Below<A, B> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, private: &Private) -> Result<Self, Response> {
        let texts = Path::<(String, String)>::from_request_parts(parts, private).await;
        let (of, id) = texts.map(|Path(texts)| texts).unwrap_or_default();
        match (of.parse(), id.parse()) {
            (Ok(of), Ok(id)) => Ok(Self(of, id)),
            _ => Err(Problem::saying(Kind::NotFound, "an id in the path is none").into_response()),
        }
    }
}

/// The parameters of a list; `judge` has refused those that it does not take.
pub(super) struct Asked(Vec<(String, String)>);

impl FromRequestParts<Private> for Asked {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Private) -> Result<Self, Response> {
        let pairs = parse_pairs(parts.uri.query().unwrap_or_default());
        let pairs = pairs.map_err(|error| Problem::saying(Kind::InvalidParameter, error).into_response())?;
        Ok(Self(pairs))
    }
}

const TIME: &str = "a time such as 2026-11-22T10:00:00Z";
const ACTOR: &str = "operator, system, a person's id, or client: and its id";

/// The parameters that are times.
pub(super) const TIMES: [&str; 6] = [
    "since",
    "until",
    "used_before",
    "used_since",
    "opened_before",
    "opened_since",
];

/// Who acted, as a parameter names them.
fn actor(text: &str) -> Option<Value> {
    let actor = match (text, text.strip_prefix("client:")) {
        ("operator", _) => Actor::Operator,
        ("system", _) => Actor::System,
        (_, Some(id)) => Actor::Client { id: id.parse().ok()? },
        _ => Actor::Person {
            id: text.parse().ok()?,
        },
    };
    serde_json::to_value(actor).ok()
}

/// How many rows a page has when nobody says.
const USUAL: i64 = 100;

impl Asked {
    /// A parameter as it was sent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(sent, _)| sent == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A parameter that reads as something.
    pub(super) fn value<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Option<T>,
        what: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let value = read(text).map(Some);
        value.ok_or_else(|| Problem::saying(Kind::InvalidParameter, format_args!("{name}: write {what}")))
    }

    /// A filter of which each part is a parameter of its name; those that are times are written as dates.
    pub(super) fn filter<T: DeserializeOwned>(&self, parts: &[&str]) -> Result<T, Problem> {
        let mut all = Map::new();
        for (name, text) in self.0.iter().filter(|(name, _)| parts.contains(&name.as_str())) {
            let value = match name.as_str() {
                "actor" => actor(text),
                name if TIMES.contains(&name) => Instant::from_rfc3339(text).map(|at| at.millis().into()),
                _ => Some(Value::from(text.as_str())),
            };
            let what = if name == "actor" { ACTOR } else { TIME };
            let wrong = |what: &dyn std::fmt::Display| {
                Problem::saying(Kind::InvalidParameter, format_args!("{name}: {what}"))
            };
            let value = value.ok_or_else(|| wrong(&format_args!("write {what}")))?;
            // One by one, so that the answer names the one that is wrong.
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            serde_json::from_value::<T>(alone.into()).map_err(|error| wrong(&error))?;
            all.insert(name.clone(), value);
        }
        serde_json::from_value(all.into()).map_err(|error| Problem::saying(Kind::InvalidParameter, error))
    }

    /// Behind what the page begins.
    pub(super) fn cursor<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        let what = "the next of the page before";
        self.value("cursor", |text| text.parse().ok(), what)
    }

    /// Whether to wait, with a place for that; as long as a request may take at most.
    pub(super) fn wait<'a>(&self, private: &'a Private) -> Result<Option<Wait<'a>>, Problem> {
        let patience = self.patience(private)?;
        let wait = patience.map(|patience| wait(private.provider(), patience));
        Ok(wait.transpose()?)
    }

    /// The same for who only looks.
    pub(super) fn look<'a>(&self, private: &'a Private) -> Result<Option<Wait<'a>>, Problem> {
        let patience = self.patience(private)?;
        let wait = patience.map(|patience| look(private.provider(), patience));
        Ok(wait.transpose()?)
    }

    fn patience(&self, private: &Private) -> Result<Option<Lifetime>, Problem> {
        let patience = self.value("wait", |text| text.parse().ok(), "a time such as 20s")?;
        Ok(patience.map(|patience: Lifetime| patience.min(private.longest_wait())))
    }

    /// A time.
    pub(super) fn time(&self, name: &str) -> Result<Option<Instant>, Problem> {
        self.value(name, Instant::from_rfc3339, TIME)
    }

    /// How many rows at most.
    pub(super) fn limit(&self) -> Result<i64, Problem> {
        let read = |text: &str| text.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
        let limit = self.value("limit", read, "a number from 1 to 1000")?;
        Ok(limit.unwrap_or(USUAL))
    }
}

/// A body of JSON.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Private> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, private: &Private) -> Result<Self, Response> {
        if !is_sent_as(request.headers(), "application/json") {
            return Err(Problem::new(Kind::NotJson).into_response());
        }
        let body = Bytes::from_request(request, private).await.map_err(|rejection| {
            match rejection.into_response().status() {
                StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Kind::TooLarge),
                _ => Problem::saying(Kind::InvalidBody, "it could not be read"),
            }
            .into_response()
        })?;
        let read = serde_json::from_slice(&body).map(Self);
        read.map_err(|error| Problem::saying(Kind::InvalidBody, error).into_response())
    }
}

/// A body of JSON, or none at all.
pub(super) struct MaySend<T>(pub(super) T);

impl<T: DeserializeOwned + Default> FromRequest<Private> for MaySend<T> {
    type Rejection = Response;

    async fn from_request(request: Request, private: &Private) -> Result<Self, Response> {
        let is_empty = request.body().size_hint().exact() == Some(0);
        if is_empty && !request.headers().contains_key(header::CONTENT_TYPE) {
            return Ok(Self(T::default()));
        }
        let Sent(sent) = Sent::from_request(request, private).await?;
        Ok(Self(sent))
    }
}
