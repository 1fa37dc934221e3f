//! What proxies ask: `/verify`, for Envoy whatever is below `/envoy`, and `/health`.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware::map_response,
    response::Response,
    routing::{any, get},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

use super::{
    claims,
    original::{Original, Proxy},
    refusal::Refusal,
    verifier::{Rejection, Verifier},
};
use crate::{domain::scope::ScopeSet, web::encoding::parse_pairs};

/// Where Envoy's questions begin; the path of the request follows.
const ENVOY: &str = "/envoy";

#[derive(Debug)]
pub(super) struct Sidecar {
    pub(super) verifier: Verifier,
    /// What every token must allow.
    pub(super) needed: ScopeSet,
    pub(super) proxy: Option<Proxy>,
}

pub(super) fn router(sidecar: Arc<Sidecar>) -> Router {
    let mut router = Router::new().route("/health", get(health));
    // Each proxy has its own question: below Envoy's prefix the client chooses the path.
    router = match sidecar.proxy {
        Some(Proxy::Envoy) => ["", "/", "/{*path}"].into_iter().fold(router, |router, path| {
            router.route(&format!("{ENVOY}{path}"), any(below))
        }),
        Some(Proxy::Nginx | Proxy::Traefik) | None => router.route("/verify", get(verify)),
    };
    router
        .layer(map_response(|mut response: Response| async {
            let never = HeaderValue::from_static("no-store");
            response.headers_mut().insert(header::CACHE_CONTROL, never);
            response
        }))
        .with_state(sidecar)
}

/// nginx and Traefik: the headers say which request is meant, the query which scopes it needs.
async fn verify(
    State(sidecar): State<Arc<Sidecar>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<HeaderMap, Refusal> {
    let more = scopes(uri.query().unwrap_or_default())?;
    let original = Original::from_headers(sidecar.proxy, &headers)?;
    sidecar.judge(original.as_ref(), &headers, &more).await
}

/// Envoy: the question is the request without its body. Its query is the client's.
async fn below(State(sidecar): State<Arc<Sidecar>>, question: Request) -> Result<HeaderMap, Refusal> {
    let (method, uri): (&Method, &Uri) = (question.method(), question.uri());
    let original = Original::behind(ENVOY, method, uri)?;
    sidecar
        .judge(Some(&original), question.headers(), &ScopeSet::default())
        .await
}

/// 200 as soon as, and as long as, tokens can be judged.
async fn health(State(sidecar): State<Arc<Sidecar>>) -> StatusCode {
    if sidecar.verifier.knows() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

impl Sidecar {
    async fn judge(
        &self,
        original: Option<&Original>,
        headers: &HeaderMap,
        more: &ScopeSet,
    ) -> Result<HeaderMap, Refusal> {
        let token = self.verifier.authenticate(original, headers).await?;
        let needed: Vec<&str> = self.needed.iter().chain(more.iter()).collect();
        if needed.iter().all(|scope| token.scope.has(scope)) {
            return Ok(claims::headers(&token)?);
        }
        let required = needed.join(" ");
        Err(Rejection::InsufficientScope { required }.into())
    }
}

/// The scopes that a question asks for.
fn scopes(query: &str) -> Result<ScopeSet, Refusal> {
    let pairs = parse_pairs(query)?;
    if pairs.iter().any(|(name, _)| name != "scope") {
        return Err(Refusal::Parameter);
    }
    let all: Vec<String> = pairs.into_iter().map(|(_, value)| value).collect();
    let scopes: ScopeSet = all.join(" ").parse().map_err(|_| Refusal::Parameter)?;
    // `?scope=` is a scope that somebody forgot.
    if scopes.is_empty() && !all.is_empty() {
        return Err(Refusal::Parameter);
    }
    Ok(scopes)
}
