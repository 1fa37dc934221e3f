//! A form that any site may post. It carries no Lax cookie, so nobody is asked who the visitor is.

use axum::{
    extract::{FromRequest, Request},
    response::Response,
};

use crate::{
    domain::request::Raw,
    web::{Shared, error::bad_form_page, extract::form::Form, layer::RequestId},
};

/// A form that any site may post.
pub(crate) struct ForeignForm {
    /// The request's id.
    pub(crate) request_id: String,
    /// The fields.
    pub(crate) form: Raw,
}

impl FromRequest<Shared> for ForeignForm {
    type Rejection = Response;

    /// The answer otherwise is a page that says what cannot be read.
    async fn from_request(request: Request, site: &Shared) -> Result<Self, Response> {
        let id = request.extensions().get::<RequestId>();
        let request_id = id.map(ToString::to_string).unwrap_or_default();
        let form = Form::from_request(request, site).await;
        let Form(form) = form.map_err(|error| bad_form_page(site, &request_id, error))?;
        Ok(Self { request_id, form })
    }
}
