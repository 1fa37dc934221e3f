//! The authorization endpoint (RFC 6749 section 3.1).

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    base::seal::Purpose,
    domain::{
        client::Client,
        oauth_error::OAuthError,
        request::{AuthorizationRequest, Raw},
        sign_in,
    },
    flows::{
        authorize,
        consent::remembered,
        pending::{self, Goal, Pending},
    },
    store::error::StoreError,
    web::{
        Shared, answer,
        error::{bad_form_page, oauth_page, store_page},
        extract::{
            form::{BadForm, Form, Query},
            session::Visitor,
        },
        journey,
        layer::RequestId,
    },
};

/// The parameters of a posted request, on their way through one redirect.
type Posted = Vec<(String, Vec<String>)>;

/// A post from another site carries no Lax cookie: the parameters travel through a redirect, and only the GET reads
/// cookies and makes a pending request.
pub(crate) async fn post(
    State(site): State<Shared>,
    Extension(request_id): Extension<RequestId>,
    form: Result<Form, BadForm>,
) -> Response {
    let request_id = request_id.to_string();
    let raw = match form {
        Ok(Form(raw)) => raw,
        Err(error) => return bad_form_page(&site, &request_id, error),
    };
    let provider = &site.provider;
    let expires = provider.clock.now().plus(provider.lifetimes.authorization_code);
    let posted: Posted = raw.into_pairs();
    let sealed = provider
        .keys
        .load()
        .sealer
        .seal(Purpose::PostedRequest, &posted, expires);
    if sealed.len() > crate::base::seal::MAX_SEALED {
        let error = OAuthError::invalid_request("the request has too many or too long parameters");
        return oauth_page(&site, &request_id, &error);
    }
    Redirect::to(&format!("/authorize?posted={sealed}")).into_response()
}

pub(crate) async fn get(
    State(site): State<Shared>,
    visitor: Visitor,
    query: Result<Query, BadForm>,
) -> Response {
    let raw = match query {
        Ok(Query(raw)) => raw,
        Err(error) => return bad_form_page(&site, &visitor.request_id, error),
    };
    let raw = match unpost(&site, &visitor.request_id, raw).await {
        Ok(raw) => raw,
        Err(response) => return response,
    };
    let redirectable = match authorize::identify(&site.provider, raw).and_then(authorize::redirectable) {
        Ok(redirectable) => redirectable,
        Err(error) => return oauth_page(&site, &visitor.request_id, &error),
    };
    match authorize::check(&redirectable) {
        Ok(request) => begin(&site, visitor, &redirectable.client, request).await,
        Err(error) => {
            tracing::info!(code = error.code.as_str(), hint = %error.hint, "an authorization request was refused");
            answer::refuse(&site, &redirectable.client, &redirectable.answer_to, &error)
        }
    }
}

/// The parameters of a posted request in the place of the one that names it. The answer otherwise is a page.
async fn unpost(site: &Shared, request_id: &str, raw: Raw) -> Result<Raw, Response> {
    let refused = |error: OAuthError| oauth_page(site, request_id, &error);
    let Some(sealed) = raw.one("posted").map_err(|error| refused(error.into()))? else {
        return Ok(raw);
    };
    let opened = pending::open::<Posted>(&site.provider, Purpose::PostedRequest, sealed).await;
    opened
        .map_err(|error| store_page(site, request_id, &error))?
        .map(Raw::from_pairs)
        .map_err(|_| {
            refused(OAuthError::invalid_request(
                "this link has expired: start again in the app",
            ))
        })
}

/// The first page of a request, or the answer that no page was allowed.
async fn begin(
    site: &Shared,
    visitor: Visitor,
    client: &Client,
    request: AuthorizationRequest,
) -> Response {
    if request.prompt.none {
        return match without_page(site, &visitor, client, &request).await {
            Ok(error) => answer::refuse(site, client, &request.answer_to, &error),
            Err(error) => store_page(site, &visitor.request_id, &error),
        };
    }
    let flow = visitor.start_flow(site);
    let pending = Pending::new(&site.provider, flow.digest(), Goal::Authorize(Box::new(request)));
    let mut response = journey::proceed(site, &visitor, pending).await;
    site.cookies
        .set_flow(&site.provider, &flow, response.headers_mut());
    response
}

/// What `prompt=none` is told: there is always a page that would be due.
async fn without_page(
    site: &Shared,
    visitor: &Visitor,
    client: &Client,
    request: &AuthorizationRequest,
) -> Result<OAuthError, StoreError> {
    let state = sign_in::State::of(visitor.session.clone(), request, false, site.provider.clock.now());
    let step = match &state {
        sign_in::State::SignedIn(session) => {
            let allowed = remembered(&site.provider, session, client).await?;
            Some(sign_in::step(client, request, allowed.as_ref()))
        }
        _ => None,
    };
    Ok(sign_in::refuse_page(&state, step))
}
