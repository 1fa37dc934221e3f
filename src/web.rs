//! HTTP: parse, call one verb, shape the answer. This page is the whole router, its layers in order.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    response::Response,
    routing::{delete, get, post},
};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_sessions::{Expiry, SessionManagerLayer, cookie::SameSite};

use crate::{
    base::{network::Networks, text::DisplayName},
    flows::Provider,
    web::{
        cookies::CookieNames,
        extract::address::{Address, Proxies},
        limiter::Limiter,
        page::Pages,
        seldom::Seldom,
        session_store::BrowserSessionStore,
    },
};

mod account;
mod answer;
mod assets;
mod association;
mod consent;
mod continuing;
mod cookies;
mod cors;
mod device;
pub mod encoding;
mod error;
mod extract;
mod health;
mod journey;
mod layer;
mod limiter;
mod meet;
mod nonce;
mod oauth;
pub mod page;
pub mod pages;
pub mod private;
pub(crate) mod problem_details;
mod scope_texts;
mod seldom;
mod session_store;
mod sign_in;
mod user_agent;

/// What handlers share.
#[derive(Debug)]
pub struct Site {
    /// The verbs' world.
    pub provider: Arc<Provider>,
    /// The pages.
    pub pages: Pages,
    /// Counts token requests that fail authentication, per address.
    token_failures: Limiter,
    /// Counts open registrations, per address.
    registrations: Limiter,
    /// Counts what devices and those who type in their codes do.
    devices: device::Limits,
    /// The cookies' names, which depend on the public URL.
    cookies: CookieNames,
    /// Who may say where a request came from.
    proxies: Proxies,
    /// Requests of which nobody can read where they came from.
    unreadable: Seldom,
}

impl Site {
    /// A site; `templates` is a folder whose templates come before the program's, `product` what pages call it,
    /// `proxies` who may say where a request came from.
    pub fn new(
        provider: Arc<Provider>,
        templates: Option<PathBuf>,
        product: &DisplayName,
        proxies: Networks,
    ) -> Self {
        Self {
            pages: Pages::new(templates, product),
            token_failures: Limiter::new(provider.limits.token_failures),
            registrations: Limiter::new(provider.limits.registrations),
            devices: device::Limits::new(provider.limits.device_codes),
            cookies: CookieNames::new(&provider.issuer),
            proxies: Proxies::new(proxies),
            unreadable: Seldom::default(),
            provider,
        }
    }
}

impl Site {
    /// The answer to a token request that only somebody who guesses makes: counted for its address, and once there are too
    /// many, how long to wait instead.
    fn count_failure(&self, address: Address, answer: Response) -> Response {
        let now = self.provider.clock.now();
        let counted = self.token_failures.count(&address.to_string(), now);
        counted.map_or_else(error::too_many, |()| answer)
    }
}

type Shared = Arc<Site>;

/// No request body that we read is larger than this; whoever reads it says so in words that its sender understands.
const MAX_BODY: usize = 32 * 1024;

/// Everything that the public listener answers.
pub fn router(site: Shared, request_timeout: Duration) -> Router {
    // What pages of other sites call from a browser: those that clients have named, but for what is public. The layers
    // answer preflights, which therefore have to reach them: a fallback stands outside.
    let callable = Router::new()
        .route(
            "/token",
            post(oauth::token::token).options(error::method_not_allowed),
        )
        .route(
            "/revoke",
            post(oauth::revoke::revoke).options(error::method_not_allowed),
        )
        .route("/par", post(oauth::par::push).options(error::method_not_allowed))
        .route(
            "/device_authorization",
            post(oauth::device_authorization::begin).options(error::method_not_allowed),
        )
        .route(
            "/userinfo",
            get(oauth::userinfo::get)
                .post(oauth::userinfo::post)
                .options(error::method_not_allowed),
        )
        .layer(middleware::from_fn_with_state(
            Arc::clone(&site),
            cors::of_clients,
        ));
    let public = Router::new()
        .route(
            "/jwks.json",
            get(oauth::jwks::jwks).options(error::method_not_allowed),
        )
        .route(
            "/.well-known/openid-configuration",
            get(oauth::discovery::document).options(error::method_not_allowed),
        )
        .route(
            "/.well-known/oauth-authorization-server",
            get(oauth::discovery::document).options(error::method_not_allowed),
        )
        .layer(middleware::from_fn(cors::of_everybody));
    let protocol = callable
        .merge(public)
        .route("/introspect", post(oauth::introspect::introspect))
        .route("/revocations", get(oauth::revocations::follow))
        .route("/revocations/acknowledge", post(oauth::revocations::acknowledge))
        .route(
            "/revocations/instances/{instance}",
            delete(oauth::revocations::leave),
        )
        .route("/register", post(oauth::register::register))
        .route(
            "/register/{client_id}",
            get(oauth::register::read)
                .put(oauth::register::update)
                .delete(oauth::register::remove),
        )
        .route("/.well-known/assetlinks.json", get(association::asset_links))
        .route("/.well-known/apple-app-site-association", get(association::apple))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/device/qr", get(device::qr::picture))
        .route("/assets/{name}", get(assets::asset));
    let pages = Router::new()
        .route("/", get(account::home))
        .route(
            "/authorize",
            get(oauth::authorize::get).post(oauth::authorize::post),
        )
        .route("/logout", get(oauth::logout::get).post(oauth::logout::post))
        .route("/logout/confirm", post(oauth::logout::confirm))
        .route("/sign-in", post(sign_in::sign_in))
        .route("/continue", get(continuing::resume))
        .route("/consent", post(consent::decide))
        .route("/device", get(device::form).post(device::enter))
        .route("/device/decide", post(device::decide))
        .route("/account", get(account::overview))
        .route("/account/end", post(account::ending::end_one))
        .route("/account/end-others", post(account::ending::end_others))
        .route("/account/password", post(account::password::change_password))
        .route("/account/sign-out", post(account::sign_out::sign_out_as_chosen))
        .route("/account/withdraw", post(account::consent::withdraw))
        .route("/sign-out", post(account::sign_out::sign_out))
        .layer(sessions(&site));
    protocol
        .merge(pages)
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(
            ServiceBuilder::new()
                .layer(middleware::from_fn_with_state(
                    Arc::clone(&site),
                    layer::outermost,
                ))
                .layer(CatchPanicLayer::custom(error::panicked))
                .layer(middleware::from_fn_with_state(
                    (Arc::clone(&site), request_timeout),
                    layer::in_time,
                ))
                .layer(DefaultBodyLimit::max(MAX_BODY)),
        )
        .with_state(site)
}

/// tower-sessions over our table: persistent, since iOS does not share session cookies with the sign-in sheet.
fn sessions(site: &Site) -> SessionManagerLayer<BrowserSessionStore> {
    let provider = &site.provider;
    let lifetimes = provider.lifetimes;
    let store = BrowserSessionStore::new(Arc::clone(provider));
    SessionManagerLayer::new(store)
        .with_name(site.cookies.session)
        .with_secure(provider.issuer.is_https())
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(time::Duration::seconds(
            lifetimes.browser_session_absolute.seconds(),
        )))
}
