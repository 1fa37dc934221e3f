//! Who asks: a machine by its access token, or a person by the session of the console. Found out once, before anything else
//! of the request is looked at.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, header, request::Parts};
use postern_resource_server::{Presented, PresentedProof, Rejection};

use super::{
    Private,
    problem::{Kind, Problem},
};
use crate::{
    domain::{
        actor::Actor,
        admin_session::{AdminCookie, AdminSession},
    },
    flows::admin::{By, api, console},
    web::{cookies::value_of, extract::address::Address, nonce::with_nonce},
};

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// With what they may do.
    pub(super) by: By,
    /// The session of a person.
    pub(super) session: Option<Arc<AdminSession>>,
}

impl Caller {
    /// As it was found out; the answer otherwise says what is needed.
    pub(super) fn of(parts: &Parts, private: &Private) -> Result<Self, Response> {
        let caller = parts.extensions.get::<Self>().ok_or(Rejection::NoToken);
        let caller = caller.map_err(|rejection| Problem::rejected(&rejection).into_response())?;
        if caller.session.is_some() && !is_safe(&parts.method) && !is_same_origin(&parts.headers, private) {
            return Err(Problem::new(Kind::CrossSite).into_response());
        }
        Ok(caller.clone())
    }
}

/// Finds out who asks. Nobody is nobody: what needs somebody says so.
pub(super) async fn identify(State(private): State<Private>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let headers = parts.headers.clone();
    let response = match found(&private, &parts).await {
        Ok(caller) => {
            if let Some(mut caller) = caller {
                caller.by.address = Some(Address::of(&parts.extensions).to_string());
                parts.extensions.insert(caller);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    };
    with_nonce(private.provider(), &headers, response)
}

async fn found(private: &Private, request: &Parts) -> Result<Option<Caller>, Problem> {
    let headers = &request.headers;
    let is_api = request.uri.path().starts_with("/api/");
    if is_api && headers.contains_key(header::AUTHORIZATION) {
        let presented =
            Presented::from_headers(headers).map_err(|rejection| Problem::rejected(&rejection))?;
        let sent = PresentedProof::from_headers(headers);
        let url = private.url().at(request.uri.path());
        let method = request.method.as_str();
        let by = api::authenticate(private.provider(), presented, sent, method, &url).await?;
        let by = by.map_err(|rejection| Problem::rejected(&rejection))?;
        return Ok(Some(Caller { by, session: None }));
    }
    let cookie = value_of(headers, private.cookies().admin).and_then(AdminCookie::presented);
    let Some(cookie) = cookie else {
        return Ok(None);
    };
    let session = console::session(private.provider(), &cookie).await?;
    Ok(session.map(|session| Caller {
        by: By {
            actor: Actor::Person { id: session.user },
            address: None,
            permissions: session.role.permissions(),
        },
        session: Some(Arc::new(session)),
    }))
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whether a page of the console sent this. Who has the cookie and says nothing of where it comes from is no page.
pub(super) fn is_same_origin(headers: &HeaderMap, private: &Private) -> bool {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (header("sec-fetch-site"), header("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == private.url().as_str(),
        (None, None) => false,
    }
}
