//! Pushed authorization requests (RFC 9126): a client sends its request to the server, authenticated and unseen by the
//! browser, and the browser brings only a reference. The reference is the checked request itself, sealed: nothing is
//! stored before a person has decided.

use std::sync::Arc;

use crate::{
    base::{
        digest::Digest,
        seal::{Purpose, SealError},
        time::Lifetime,
    },
    domain::{
        client::Client,
        oauth_error::{ErrorCode, OAuthError},
        request::{AuthorizationRequest, Identified, Raw},
    },
    flows::{Provider, authorize, dpop, pending, request_object, token::TokenError},
    store::error::StoreError,
};

/// What a `request_uri` of ours begins with (RFC 9126 section 2.2).
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// The longest reference: browsers and what stands before servers take a URL with it.
const MAX_REFERENCE: usize = 2048 + PREFIX.len();

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
    let sealed = provider
        .keys
        .load()
        .sealer
        .seal(Purpose::PushedRequest, &request, expires);
    let request_uri = format!("{PREFIX}{sealed}");
    if request_uri.len() > MAX_REFERENCE {
        let hint = "the request is too long: at most about 1,400 characters in all";
        return Err(OAuthError::invalid_request(hint).into());
    }
    Ok(Pushed {
        request_uri,
        expires_in,
    })
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
    let opened = pending::open::<AuthorizationRequest>(provider, Purpose::PushedRequest, sealed).await?;
    let refused = |hint| OAuthError::new(ErrorCode::InvalidRequestUri, hint);
    Ok(opened
        .map_err(|error| match error {
            SealError::Expired => refused("this request_uri has expired: push the request again"),
            SealError::NotOurs | SealError::UnknownKey => {
                refused("this request_uri was not made by this server")
            }
        })
        // Another client's is no more known than an invented one.
        .and_then(|request| {
            if request.client == client.id {
                Ok(request)
            } else {
                Err(refused("this request_uri was not made by this server"))
            }
        })
        .map(|request| AuthorizationRequest {
            pushed: Some(Digest::of(sealed.as_bytes())),
            ..request
        }))
}
