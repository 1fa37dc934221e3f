//! Client authentication (RFC 6749 section 2.3), the one place for it: what the request presents is collected here, and
//! judged by `flows/client_auth.rs`. A handler that takes an [`AuthenticatedClient`] cannot run without it.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, Request},
    response::Response,
};

use crate::{
    domain::{client::Client, oauth_error::OAuthError, request::Raw},
    flows::{
        client_auth::{Authorization, ClientAuthError, PresentedClient, authenticate},
        client_metadata::is_stranger,
    },
    web::{
        Shared,
        cors::Asking,
        error::{bad_form_json, oauth_json, store_json},
        extract::{address::Address, basic::authorization, form::Form},
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
        let asking = Asking::of(request.extensions());
        let authorization = authorization(request.headers());
        let Form(form) = Form::from_request(request, site).await.map_err(bad_form_json)?;
        if let Ok(Some(id)) = form.one("client_id")
            && is_stranger(&site.provider, id)
            && let Err(error) = site.meet(id, address).await
        {
            return Err(error.json(site, address));
        }
        let authenticated = match presented(&form, authorization) {
            Ok(presented) => authenticate(&site.provider, &presented).await,
            Err(error) => Err(error.into()),
        };
        match authenticated {
            Ok(client) => {
                asking.is(&client);
                Ok(Self {
                    client,
                    form,
                    address,
                })
            }
            Err(ClientAuthError::Refused(error)) => Err(site.count_failure(address, oauth_json(&error))),
            Err(ClientAuthError::Store(error)) => Err(store_json(&error)),
        }
    }
}

fn presented(form: &Raw, authorization: Option<Authorization>) -> Result<PresentedClient<'_>, OAuthError> {
    Ok(PresentedClient {
        client_id: form.one("client_id")?,
        authorization,
        client_secret: form.one("client_secret")?,
        client_assertion: form.one("client_assertion")?,
        client_assertion_type: form.one("client_assertion_type")?,
    })
}
