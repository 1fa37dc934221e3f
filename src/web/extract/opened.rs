//! A page that is opened: by whom, and with which query.

use axum::{extract::FromRequestParts, response::Response};
use http::request::Parts;

use crate::{
    domain::request::Raw,
    web::{
        Shared,
        error::bad_form_page,
        extract::{form::Query, session::Visitor},
    },
};

/// A page that is opened.
pub(crate) struct Opened {
    /// The browser.
    pub(crate) visitor: Visitor,
    /// The parameters.
    pub(crate) query: Raw,
}

impl FromRequestParts<Shared> for Opened {
    type Rejection = Response;

    /// The answer otherwise is a page that says what cannot be read.
    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, site).await?;
        let query = Query::from_request_parts(parts, site).await;
        let Query(query) = query.map_err(|error| bad_form_page(site, &visitor.request_id, error))?;
        Ok(Self { visitor, query })
    }
}
