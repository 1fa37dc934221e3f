//! What requests to the API bring: names in paths, parameters and bodies, each read strictly.

use std::str::FromStr;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use super::{
    Private,
    problem::{Kind, Problem},
};
use crate::{
    base::page::MAX_PAGE,
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

    /// Behind what the page begins.
    pub(super) fn cursor<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        let what = "the next of the page before";
        self.value("cursor", |text| text.parse().ok(), what)
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
