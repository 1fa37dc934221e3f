//! The authorization endpoint (RFC 6749 section 3.1).

use std::sync::Arc;

use axum::{extract::State, response::Response};

use crate::{
    base::seal::Purpose,
    domain::{
        client::Client,
        request::{AuthorizationRequest, Redirectable},
    },
    flows::{
        authorize,
        pending::{Goal, Pending},
        pushed, request_object,
    },
    web::{
        Shared, answer,
        consent::go_on,
        error::{oauth_page, store_page},
        extract::{foreign::ForeignForm, opened::Opened, session::Visitor},
        journey,
        oauth::posted::{self, NotPosted},
    },
};

/// A post from another site carries no Lax cookie: the parameters travel through a redirect, and only the GET reads
/// cookies and makes a pending request.
pub(crate) async fn post(State(site): State<Shared>, foreign: ForeignForm) -> Response {
    let ForeignForm { request_id, form } = foreign;
    posted::redirect(&site, Purpose::PostedRequest, "/authorize", form)
        .unwrap_or_else(|error| oauth_page(&site, &request_id, &error))
}

pub(crate) async fn get(State(site): State<Shared>, opened: Opened) -> Response {
    let Opened { visitor, query } = opened;
    let raw = match posted::open(&site, Purpose::PostedRequest, query).await {
        Ok(raw) => raw,
        Err(NotPosted::Refused(error)) => return oauth_page(&site, &visitor.request_id, &error),
        Err(NotPosted::Store(error)) => return store_page(&site, &visitor.request_id, &error),
    };
    if let Ok(Some(id)) = raw.one("client_id")
        && let Err(error) = site.meet(id, visitor.address).await
    {
        return error.page(&site, &visitor);
    }
    let identified = match authorize::identify(&site.provider, raw) {
        Ok(identified) => identified,
        Err(error) => return oauth_page(&site, &visitor.request_id, &error),
    };
    if let Ok(Some(reference)) = identified.raw.one("request_uri")
        && pushed::is_reference(reference)
    {
        return begin_pushed(&site, visitor, &identified.client, reference).await;
    }
    // What it signed is all that counts, also where the answer goes; one that does not verify vouches for no place.
    let identified = match request_object::unwrap(&site.provider, identified).await {
        Ok(identified) => identified,
        Err(error) => return oauth_page(&site, &visitor.request_id, &error),
    };
    let redirectable = match authorize::redirectable(identified) {
        Ok(redirectable) => redirectable,
        Err(error) => return oauth_page(&site, &visitor.request_id, &error),
    };
    match authorize::check_unpushed(&site.provider, &redirectable) {
        Ok(request) => begin(&site, visitor, &redirectable.client, request).await,
        Err(error) => {
            tracing::info!(code = error.code.as_str(), hint = %error.hint, "an authorization request was refused");
            let Redirectable {
                client, answer_to, ..
            } = &redirectable;
            answer::refuse(&site, &visitor, client, answer_to, &error).await
        }
    }
}

/// The first page of a request that its client pushed. Whatever else stands in the URL is ignored (RFC 9126 section 4).
async fn begin_pushed(site: &Shared, visitor: Visitor, client: &Arc<Client>, reference: &str) -> Response {
    match pushed::load(&site.provider, client, reference).await {
        Ok(Ok(request)) if request.is_allowed_for(client) => begin(site, visitor, client, request).await,
        Ok(Ok(_)) => journey::client::client_gone(site, &visitor),
        Ok(Err(error)) => oauth_page(site, &visitor.request_id, &error),
        Err(error) => store_page(site, &visitor.request_id, &error),
    }
}

/// The first page of a request, or the answer that no page was allowed.
async fn begin(
    site: &Shared,
    visitor: Visitor,
    client: &Arc<Client>,
    request: AuthorizationRequest,
) -> Response {
    if request.prompt.none {
        let next = journey::without_page(site, &visitor, client, request).await;
        return go_on(site, &visitor, next).await;
    }
    let flow = visitor.start_flow(site);
    let pending = Pending::new(&site.provider, flow.digest(), Goal::Authorize(Box::new(request)));
    let next = journey::next(site, &visitor, pending).await;
    let mut response = go_on(site, &visitor, next).await;
    site.cookies
        .set_flow(&site.provider, &flow, response.headers_mut());
    response
}
