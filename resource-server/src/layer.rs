//! The middleware (`tower`): no request goes through without a valid access token.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response, Uri};
use tower_layer::Layer;
use tower_service::Service;

use crate::{Authenticated, Postern, Rejection, Scope};

/// Answers requests without a valid access token; puts [`Authenticated`] into the extensions of all others.
///
/// What everybody may ask, such as the preflight requests of browsers (CORS), stays outside of it. A proof is used up by
/// the check, so each request goes through one such layer.
#[derive(Clone, Debug)]
pub struct AuthenticateLayer {
    postern: Postern,
    required: Option<&'static str>,
}

/// The service that an [`AuthenticateLayer`] makes.
#[derive(Clone, Debug)]
pub struct Authenticate<S> {
    inner: S,
    layer: AuthenticateLayer,
}

impl AuthenticateLayer {
    pub(crate) fn new(postern: Postern) -> Self {
        Self {
            postern,
            required: None,
        }
    }

    /// The least that every request behind it needs, whatever its handler asks for besides.
    #[must_use]
    pub fn require<S: Scope>(mut self) -> Self {
        self.required = Some(S::NAME);
        self
    }

    async fn check(&self, parts: &Parts) -> Result<Authenticated, Rejection> {
        let (method, uri) = (&parts.method, whole_uri(parts));
        let token = self.postern.authenticate(method, uri, &parts.headers).await?;
        self.required.map_or(Ok(()), |scope| token.require_scope(scope))?;
        Ok(token)
    }
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate {
            inner,
            layer: self.clone(),
        }
    }
}

impl<S, B, R> Service<Request<B>> for Authenticate<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that is ready goes, its clone stays.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let layer = self.layer.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match layer.check(&parts).await {
                Ok(token) => {
                    parts.extensions.insert(token);
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(rejection) => Ok(rejection.into_http()),
            }
        })
    }
}

/// A nested router of axum cuts the front of the path off; a proof is made for all of it.
fn whole_uri(parts: &Parts) -> &Uri {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::OriginalUri(uri)) = parts.extensions.get() {
        return uri;
    }
    &parts.uri
}
