//! The console's first page.

use axum::{
    extract::{FromRequestParts, OriginalUri, State},
    response::{IntoResponse, Redirect, Response},
};
use http::{StatusCode, request::Parts};

use super::{Private, caller::Caller, form};
use crate::{
    domain::{admin_session::AdminSession, role::Permission},
    web::pages::ConsolePage,
};

/// Who is signed in to the console; others are sent to sign in, and come back to the page.
pub(super) struct SignedIn(pub(super) AdminSession);

impl FromRequestParts<Private> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Private) -> Result<Self, Response> {
        let caller = parts.extensions.get::<Caller>();
        if let Some(session) = caller.and_then(|caller| caller.session.as_deref()) {
            return Ok(Self(session.clone()));
        }
        let uri = parts.extensions.get::<OriginalUri>();
        let uri = uri.map_or(&parts.uri, |OriginalUri(uri)| uri);
        let page = uri.path_and_query().map_or("", |page| page.as_str());
        Err(Redirect::to(&format!(
            "/console/sign-in?to={}",
            url::form_urlencoded::byte_serialize(page.as_bytes()).collect::<String>()
        ))
        .into_response())
    }
}

pub(super) async fn home(State(private): State<Private>, SignedIn(session): SignedIn) -> Response {
    let permissions = session.role.permissions().iter();
    let page = ConsolePage {
        email: session.email.to_string(),
        role: session.role.as_str(),
        permissions: permissions.map(Permission::as_str).collect(),
        fresh: session.is_fresh(private.provider().clock.now()),
        csrf: form::token(&private, &session),
    };
    private.site().pages.respond(StatusCode::OK, &page, &[])
}
