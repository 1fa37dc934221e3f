//! Pushed authorization requests (RFC 9126): a client sends its request to the server, authenticated and unseen by the
//! browser, and the browser brings only a reference. The reference is the checked request itself, sealed: nothing is
//! stored before a person has decided. One that is too large for that is kept for a client that has authenticated, and its
//! reference is the name of its row, sealed too: nobody can make one up, and no other client can use it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        digest::Digest,
        id::PushedRequestId,
        seal::{Purpose, SealError},
        time::{Instant, Lifetime},
    },
    domain::{
        client::Client,
        oauth_error::{ErrorCode, OAuthError},
        request::{AuthorizationRequest, Identified, Raw},
    },
    flows::{Provider, authorize, dpop, pending, request_object, token::TokenError},
    store::{error::StoreError, pushed_requests},
};

/// What a `request_uri` of ours begins with (RFC 9126 section 2.2).
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// The longest reference: browsers and what stands before servers take a URL with it.
const MAX_REFERENCE: usize = 2048 + PREFIX.len();

/// The longest request that is kept, as JSON. What the checks let through is shorter, but for texts that are all escapes.
const MAX_KEPT: usize = 16 * 1024;

/// What a reference says, under its seal.
#[derive(Serialize, Deserialize)]
enum Reference {
    /// The request itself.
    Whole(Box<AuthorizationRequest>),
    /// Where it is kept.
    Kept(PushedRequestId),
}

/// What the client is told (RFC 9126 section 2.2).
#[derive(Debug)]
pub struct Pushed {
    /// The reference.
    pub request_uri: String,
    /// How long it is good.
    pub expires_in: Lifetime,
}

/// Checks a request as the authorization endpoint does, and gives a reference to it. The key of a proof binds the code as
/// `dpop_jkt` does (RFC 9449 section 10.1).
pub async fn push(
    provider: &Provider,
    client: Arc<Client>,
    raw: Raw,
    proof: dpop::Sent<'_>,
) -> Result<Pushed, TokenError> {
    if raw.has("request_uri") {
        let hint = "request_uri must not be pushed (RFC 9126 section 2.1)";
        return Err(OAuthError::invalid_request(hint).into());
    }
    let identified = Identified {
        raw,
        client: Arc::clone(&client),
    };
    let redirectable = authorize::redirectable(request_object::unwrap(provider, identified).await?)?;
    let mut request = authorize::check(provider, &redirectable)?;
    request.dpop_jkt = dpop::at_par(provider, &client, proof, request.dpop_jkt).await?;
    let expires_in = client.lifetimes(&provider.lifetimes).request_uri;
    let expires = provider.clock.now().plus(expires_in);
    let whole = Reference::Whole(Box::new(request));
    let mut request_uri = whole.request_uri(provider, expires);
    if let (Reference::Whole(request), true) = (whole, request_uri.len() > MAX_REFERENCE) {
        let kept = keep(provider, &client, &request, expires).await?;
        request_uri = Reference::Kept(kept).request_uri(provider, expires);
    }
    Ok(Pushed {
        request_uri,
        expires_in,
    })
}

impl Reference {
    fn request_uri(&self, provider: &Provider, expires: Instant) -> String {
        let keys = provider.keys.load();
        format!(
            "{PREFIX}{}",
            keys.sealer.seal(Purpose::PushedRequest, self, expires)
        )
    }
}

/// Keeps a request for as long as somebody may be signing in for it. What that costs is not for strangers.
async fn keep(
    provider: &Provider,
    client: &Client,
    request: &AuthorizationRequest,
    expires: Instant,
) -> Result<PushedRequestId, TokenError> {
    if !client.is_confidential() || client.settings.is_unchecked() {
        let hint = "the request is too long: at most about 1,400 characters in all; only a client that authenticates, and that the \
                    operator has registered or vouched for, may push longer ones";
        return Err(OAuthError::invalid_request(hint).into());
    }
    let text = serde_json::to_string(request).map_err(|_| StoreError::corrupt("pushed_requests.request"))?;
    if text.len() > MAX_KEPT {
        let hint = "the request is too long: at most 16 KiB in all";
        return Err(OAuthError::invalid_request(hint).into());
    }
    let now = provider.clock.now();
    let (id, name) = (PushedRequestId::new(now, &provider.entropy), client.id.clone());
    let until = expires.plus(provider.lifetimes.pending_request);
    if pushed_requests::keep(&provider.db, id, name, text, now, until).await? {
        return Ok(id);
    }
    tracing::warn!(
        client = %client.id,
        limit = pushed_requests::MANY,
        limit_of_client = pushed_requests::MANY_OF_CLIENT,
        "too many long pushed requests are kept"
    );
    Err(StoreError::Busy.into())
}

/// Whether a `request_uri` is one of ours.
pub fn is_reference(request_uri: &str) -> bool {
    request_uri.starts_with(PREFIX)
}

/// The request that a client pushed. Its time is judged here, at its first load; the pages that follow have the time of
/// their own. That it is used once is seen where it is allowed.
pub async fn load(
    provider: &Provider,
    client: &Client,
    request_uri: &str,
) -> Result<Result<AuthorizationRequest, OAuthError>, StoreError> {
    let sealed = request_uri.strip_prefix(PREFIX).unwrap_or_default();
    let opened = pending::open::<Reference>(provider, Purpose::PushedRequest, sealed).await?;
    let refused = |hint| Ok(Err(OAuthError::new(ErrorCode::InvalidRequestUri, hint)));
    let expired = "this request_uri has expired: push the request again";
    let foreign = "this request_uri was not made by this server";
    let request = match opened {
        Ok(Reference::Whole(request)) => Some(*request),
        Ok(Reference::Kept(id)) => kept(provider, id).await?,
        Err(SealError::Expired) => None,
        Err(SealError::NotOurs | SealError::UnknownKey) => return refused(foreign),
    };
    match request {
        Some(request) if request.client == client.id => Ok(Ok(AuthorizationRequest {
            pushed: Some(Digest::of(sealed.as_bytes())),
            ..request
        })),
        // Another client's is no more known than an invented one.
        Some(_) => refused(foreign),
        None => refused(expired),
    }
}

/// A request that is kept, while it is.
pub(super) async fn kept(
    provider: &Provider,
    id: PushedRequestId,
) -> Result<Option<AuthorizationRequest>, StoreError> {
    let found = pushed_requests::find(&provider.db, id, provider.clock.now()).await?;
    Ok(found.map(|request| AuthorizationRequest {
        kept: Some(id),
        ..request
    }))
}
