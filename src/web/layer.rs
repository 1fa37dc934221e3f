//! What every answer gets: a request id, one line in the access log (never with a query string), and the headers that
//! keep a browser safe.

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, HeaderValue, header};
use tracing::Instrument;

use crate::web::{
    Shared,
    error::{Asker, from_nowhere, timed_out},
    extract::address::Address,
};

/// By which the operator finds a request in the log; shown on error pages.
#[derive(Debug, Clone)]
pub(super) struct RequestId(Arc<str>);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) async fn outermost(State(site): State<Shared>, mut request: Request, next: Next) -> Response {
    let provider = &site.provider;
    let id = RequestId(format!("{:016x}", u64::from_be_bytes(provider.entropy.bytes())).into());
    let client = site.proxies.client(&request);
    let span =
        tracing::info_span!("request", id = %id, method = %request.method(), path = request.uri().path());
    request.extensions_mut().insert(id.clone());
    let started = provider.clock.now();
    let (address, mut response) = match client {
        Ok(address) => {
            request.extensions_mut().insert(address);
            let response = next.run(request).instrument(span.clone()).await;
            (address, response)
        }
        Err(unreadable) => {
            if let Some(times) = site.unreadable.again(started) {
                span.in_scope(|| tracing::warn!(times, "{unreadable}"));
            }
            (Address::NOWHERE, from_nowhere(&site, &Asker::of(&request)))
        }
    };
    let took = provider.clock.now().since(started);
    let status = response.status();
    span.in_scope(|| {
        if status.is_success() && !is_page(&response) {
            // A server refreshes thousands of tokens a second: those that went well are for who looks closer.
            tracing::debug!(status = status.as_u16(), ms = took.millis(), %address, "answered");
        } else {
            tracing::info!(status = status.as_u16(), ms = took.millis(), %address, "answered");
        }
    });
    add_headers(&site, &mut response);
    response
}

/// Answers for who takes too long, so that nothing waits for ever.
pub(super) async fn in_time(
    State((site, limit)): State<(Shared, Duration)>,
    request: Request,
    next: Next,
) -> Response {
    let asker = Asker::of(&request);
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => timed_out(&site, &asker),
    }
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn add_headers(site: &Shared, response: &mut Response) {
    let headers = response.headers_mut();
    let mut add = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    add(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    add(header::REFERRER_POLICY, "same-origin");
    add(
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=()",
    );
    add(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    );
    // Every page, redirect and token answer; what may be kept says so itself.
    add(header::CACHE_CONTROL, "no-store");
    if site.provider.issuer.is_https() {
        add(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}
