//! The introspection endpoint (RFC 7662).

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};

use crate::{
    domain::oauth_error::OAuthError,
    flows::{
        introspect::{self, Introspection},
        token::TokenError,
    },
    web::{
        Shared,
        error::{oauth_json, token_json},
        extract::client::AuthenticatedClient,
    },
};

pub(crate) async fn introspect(
    State(site): State<Shared>,
    headers: HeaderMap,
    request: AuthenticatedClient,
) -> Response {
    // RFC 7662 section 2.1: nobody asks who has not authenticated.
    if !request.client.is_confidential() {
        return site.count_failure(request.address, oauth_json(&OAuthError::invalid_client()));
    }
    match act(&site, &request).await {
        Ok(answer) if wants_jwt(&headers) => {
            match introspect::sign(&site.provider, &request.client, &answer) {
                Ok(jwt) => ([(header::CONTENT_TYPE, JWT)], jwt).into_response(),
                Err(error) => token_json(TokenError::Issue(error)),
            }
        }
        Ok(answer) => Json(answer).into_response(),
        Err(error) => token_json(error),
    }
}

/// RFC 9701 section 4.
const JWT: &str = "application/token-introspection+jwt";

/// Whether the answer should be signed: who names the type, and does not say that it takes it never.
fn wants_jwt(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).into_iter();
    let mut kinds = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    kinds.any(|kind| {
        let mut parts = kind.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(JWT));
        let never = |part: &str| part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0);
        named && !parts.any(never)
    })
}

async fn act(site: &Shared, request: &AuthenticatedClient) -> Result<Introspection, TokenError> {
    request.form.one("token_type_hint").map_err(OAuthError::from)?;
    let token = request.form.required("token")?;
    Ok(introspect::introspect(&site.provider, &request.client, token).await?)
}
