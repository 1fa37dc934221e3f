//! Client authentication (RFC 6749 section 2.3), the one place for it. Public clients name themselves; confidential
//! ones will prove it here.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, Request},
    response::Response,
};
use http::header;

use crate::{
    domain::{client::Client, oauth_error::OAuthError, request::Raw},
    web::{
        Shared,
        error::{bad_form_json, oauth_json},
        extract::{address::Address, form::Form},
    },
};

/// An authenticated client with the form that it sent.
#[derive(Debug)]
pub(crate) struct AuthenticatedClient {
    /// The client.
    pub(crate) client: Arc<Client>,
    /// The parameters.
    pub(crate) form: Raw,
    /// Where the request came from.
    pub(crate) address: Address,
}

impl FromRequest<Shared> for AuthenticatedClient {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Shared) -> Result<Self, Response> {
        let address = Address::of(request.extensions());
        let has_authorization = request.headers().contains_key(header::AUTHORIZATION);
        let Form(form) = Form::from_request(request, site).await.map_err(bad_form_json)?;
        match authenticate(site, &form, has_authorization) {
            Ok(client) => Ok(Self {
                client,
                form,
                address,
            }),
            Err(error) => Err(site.count_failure(address, oauth_json(&error))),
        }
    }
}

fn authenticate(site: &Shared, form: &Raw, has_authorization: bool) -> Result<Arc<Client>, OAuthError> {
    let id = form.one("client_id")?;
    // A public client that sends a credential was configured as something else: say so, instead of ignoring it.
    if has_authorization || form.has("client_secret") || form.has("client_assertion") {
        return Err(OAuthError::invalid_client());
    }
    let id = id.ok_or_else(|| OAuthError::invalid_request("client_id is missing"))?;
    let client = site
        .provider
        .clients
        .find(id)
        .ok_or_else(OAuthError::invalid_client)?;
    if client.is_confidential() {
        Err(OAuthError::invalid_client())
    } else {
        Ok(client)
    }
}
