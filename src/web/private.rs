//! The private listener: the admin API, the console and the details of the server's health. What stands here is never on
//! the public one, and the protocol is never here.

mod caller;
mod clients;
mod console;
mod events;
mod form;
mod guard;
mod health;
mod input;
mod keys;
mod life;
mod once;
mod openapi;
mod permission;
mod problem;
mod session_ends;
mod sessions;
mod sign_in;
mod table;
mod users;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use self::problem::{Kind, Problem};
pub use self::{
    console::{ConsolePage, pages as console_pages},
    life::{Life, Version},
    problem::{KINDS as PROBLEMS, Kind as ProblemKind},
    table::{Operation, operations},
};
use crate::{
    base::{network::Networks, time::Lifetime, url::Issuer},
    flows::admin::console::HOME,
    web::{MAX_BODY, Shared, assets, cookies::CookieNames, error, layer},
};

/// What the handlers of the private listener share.
#[derive(Debug, Clone)]
pub(crate) struct Private(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    site: Shared,
    settings: Settings,
    cookies: CookieNames,
    longest_wait: Lifetime,
}

/// Where it is, and for whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The URL under which admins reach it.
    pub url: Issuer,
    /// Who may ask anything of it.
    pub allow: Networks,
    /// The file of the embedded database, whose disk is looked at.
    pub database: Option<PathBuf>,
}

impl Private {
    fn site(&self) -> &Shared {
        &self.0.site
    }

    fn provider(&self) -> &crate::flows::Provider {
        &self.0.site.provider
    }

    fn url(&self) -> &Issuer {
        &self.0.settings.url
    }

    fn database(&self) -> Option<&Path> {
        self.0.settings.database.as_deref()
    }

    /// A little shorter than the longest request.
    fn longest_wait(&self) -> Lifetime {
        self.0.longest_wait
    }

    fn cookies(&self) -> &CookieNames {
        &self.0.cookies
    }
}

impl FromRef<Private> for Shared {
    fn from_ref(private: &Private) -> Self {
        Self::clone(&private.0.site)
    }
}

/// Everything that the private listener answers. `versions` are those of the admin API.
pub fn router(site: Shared, settings: Settings, request_timeout: Duration, versions: &[Version]) -> Router {
    let private = Private(Arc::new(Inner {
        cookies: CookieNames::new(&settings.url),
        longest_wait: Lifetime::from_millis(
            i64::try_from(request_timeout.as_millis()).unwrap_or(i64::MAX) / 5 * 4,
        ),
        site: Arc::clone(&site),
        settings,
    }));
    let pages = Router::new()
        .merge(console::router())
        .route("/", get(async || Redirect::to(HOME)))
        .route("/console/sign-in", get(sign_in::begin))
        .route("/console/confirm", get(sign_in::begin))
        .route("/console/callback", get(sign_in::callback))
        .route("/console/sign-out", post(sign_in::sign_out));
    let api = table::router(&private, versions);
    api.merge(pages)
        .layer(middleware::from_fn_with_state(private.clone(), caller::identify))
        .route("/health", get(health::details))
        .route("/health/live", get(health_live))
        .route("/assets/{name}", get(assets::asset))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(
            ServiceBuilder::new()
                .layer(middleware::from_fn_with_state(
                    Arc::clone(&site),
                    layer::outermost,
                ))
                .layer(middleware::from_fn_with_state(private.clone(), allowed))
                .layer(CatchPanicLayer::custom(panicked))
                .layer(middleware::from_fn_with_state(
                    (site, request_timeout),
                    layer::in_time,
                ))
                .layer(DefaultBodyLimit::max(MAX_BODY)),
        )
        .with_state(private)
}

async fn health_live() -> Response {
    crate::web::health::live().await
}

/// Answers whom the operator has named, and nobody else; nothing else of the request is looked at.
async fn allowed(State(private): State<Private>, request: Request, next: Next) -> Response {
    let source = private.site().proxies.source(&request);
    match source {
        Some(source) if private.0.settings.allow.contains(source) => next.run(request).await,
        Some(source) => {
            tracing::warn!(%source, "a request to the private listener was refused: see server.private_allow");
            Problem::new(Kind::AddressNotAllowed).into_response()
        }
        None => {
            tracing::warn!(
                "a request to the private listener was refused: it came through a proxy that is not trusted"
            );
            Problem::new(Kind::AddressNotAllowed).into_response()
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that the layer wants")]
fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    Problem::fault(&error::panic_text(&*panic)).into_response()
}

async fn not_found(State(private): State<Private>, request: Request) -> Response {
    if request.uri().path().starts_with("/api/") {
        return Problem::new(Kind::NotFound).into_response();
    }
    error::not_found(State(Arc::clone(private.site())), request).await
}

async fn method_not_allowed(State(private): State<Private>, request: Request) -> Response {
    if request.uri().path().starts_with("/api/") {
        return Problem::new(Kind::MethodNotAllowed).into_response();
    }
    error::method_not_allowed(State(Arc::clone(private.site())), request).await
}
