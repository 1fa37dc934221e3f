//! After a redirect the sealed request is in the URL: this page takes it up again.

use axum::{extract::State, response::Response};

use crate::{
    base::seal::SealError,
    domain::request::Raw,
    flows::pending::Pending,
    web::{
        Shared,
        consent::go_on,
        error::store_page,
        extract::{opened::Opened, session::Visitor},
        journey::{self, start_again::start_again_page},
    },
};

pub(super) async fn resume(State(site): State<Shared>, opened: Opened) -> Response {
    let Opened { visitor, query } = opened;
    match open(&site, &visitor, &query).await {
        Ok(pending) => {
            let next = journey::next(&site, &visitor, pending).await;
            go_on(&site, &visitor, next).await
        }
        Err(response) => response,
    }
}

/// Opens the sealed request of a page that belongs to this browser. The answer otherwise says how to start again.
pub(super) async fn open(site: &Shared, visitor: &Visitor, raw: &Raw) -> Result<Pending, Response> {
    let opened = Pending::open(&site.provider, raw.text("request")).await;
    let opened = opened.map_err(|error| store_page(site, &visitor.request_id, &error))?;
    let pending = opened.map_err(|error| {
        let reason = match error {
            SealError::Expired => "This sign-in has waited for too long.",
            SealError::NotOurs | SealError::UnknownKey => "This sign-in link is damaged or not ours.",
        };
        start_again_page(site, None, reason)
    })?;
    if visitor
        .flow
        .as_ref()
        .is_none_or(|flow| flow.digest() != pending.flow)
    {
        let reason = "This sign-in was started in another browser, or this browser has forgotten it.";
        return Err(start_again_page(site, Some(&pending), reason));
    }
    Ok(pending)
}
