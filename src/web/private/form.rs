//! Forms of the console. A handler that names one runs only for a form of its own pages, sent by who is signed in there.

use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};

use super::{
    Private,
    caller::{Caller, is_same_origin},
};
use crate::{
    base::{id::DeviceSessionId, seal::Purpose},
    domain::{admin_session::AdminSession, request::Raw},
    flows::{admin::console, pending},
    web::{
        error::{bad_form_page, forged_page, store_page},
        extract::{address::Address, form::Form},
        layer::RequestId,
    },
};

/// A form of a page of the console.
pub(super) struct Posted {
    /// Who is signed in.
    pub(super) session: AdminSession,
    /// The fields.
    pub(super) form: Raw,
    /// Where the request came from.
    pub(super) address: Address,
}

/// A page's proof that it was made for this session of an admin.
#[derive(Debug, Serialize, Deserialize)]
struct AdminCsrf {
    admin: DeviceSessionId,
}

/// The token of a page's forms.
pub(super) fn token(private: &Private, session: &AdminSession) -> String {
    let keys = private.provider().keys.load();
    let csrf = AdminCsrf { admin: session.id };
    keys.sealer.seal(Purpose::Csrf, &csrf, session.expires_at)
}

impl FromRequest<Private> for Posted {
    type Rejection = Response;

    /// The answer otherwise: sign in, or nothing is done.
    async fn from_request(request: Request, private: &Private) -> Result<Self, Response> {
        let site = private.site();
        let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
        let request_id = request_id.unwrap_or_default();
        let address = Address::of(request.extensions());
        let session = request
            .extensions()
            .get::<Caller>()
            .and_then(|caller| caller.session.clone());
        let Some(session) = session else {
            return Err(Redirect::to(console::HOME).into_response());
        };
        // Who says nothing of where it comes from has the token of the page.
        let says = ["sec-fetch-site", "origin"]
            .iter()
            .any(|name| request.headers().get(*name).is_some_and(|value| value != "null"));
        if says && !is_same_origin(request.headers(), private) {
            return Err(forged_page(site, &request_id));
        }
        let form = Form::from_request(request, private).await;
        let Form(form) = form.map_err(|error| bad_form_page(site, &request_id, error))?;
        let provider = private.provider();
        let csrf = pending::open::<AdminCsrf>(provider, Purpose::Csrf, form.text("csrf")).await;
        let csrf = csrf.map_err(|error| store_page(site, &request_id, &error))?;
        if csrf.is_ok_and(|csrf| csrf.admin == session.id) {
            let session = (*session).clone();
            Ok(Self {
                session,
                form,
                address,
            })
        } else {
            Err(forged_page(site, &request_id))
        }
    }
}
