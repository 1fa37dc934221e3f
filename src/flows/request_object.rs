//! Signed request objects (RFC 9101), pushed (RFC 9126 section 3) or in the browser: their parameters take the place of
//! all that came beside them. One by reference to a place of the client's is not fetched.

use std::sync::Arc;

use crate::{
    base::{
        jws::{Jws, JwsError},
        time::Instant,
    },
    domain::{
        client::Client,
        oauth_error::{ErrorCode, OAuthError},
        request::{Identified, Raw},
        request_object::{self, MAX_BYTES, Members},
    },
    flows::{Provider, client_auth},
};

/// The request that its client has signed, if it has. A client without keys cannot sign: what it sends is refused by the
/// check that refuses what is not supported. Unsigned ones are refused for a client that has to sign.
pub async fn unwrap(provider: &Provider, identified: Identified) -> Result<Identified, OAuthError> {
    let Identified { raw, client } = identified;
    let Some(object) = raw.one("request")?.filter(|_| client.settings.has_keys()) else {
        if client.settings.require_signed_request_object {
            let hint = "this app has to sign its requests (RFC 9101): send request, a signed request object";
            return Err(OAuthError::invalid_request(hint));
        }
        return Ok(Identified { raw, client });
    };
    if raw.has("request_uri") {
        let hint = "request and request_uri exclude each other (RFC 9101 section 5)";
        return Err(OAuthError::invalid_request(hint));
    }
    let raw = signed(provider, &client, object, provider.clock.now()).await?;
    Ok(Identified { raw, client })
}

async fn signed(
    provider: &Provider,
    client: &Arc<Client>,
    object: &str,
    now: Instant,
) -> Result<Raw, OAuthError> {
    let unreadable = |error: JwsError| refused(format!("the request object does not read: {error}"));
    let jws = Jws::parse(object, MAX_BYTES).map_err(unreadable)?;
    let flawed = |flaw: request_object::Flaw| refused(flaw.to_string());
    request_object::check_typ(jws.typ.as_deref()).map_err(flawed)?;
    if !client.signs_requests_with(jws.algorithm) {
        let hint = "the request object is not signed with the algorithm that the app is registered with; RS256 only where it is named";
        return Err(refused(hint));
    }
    // Before the signature, since keys may have to be fetched: nothing of it is used until that is verified.
    let claims: Members = jws.claims().map_err(unreadable)?;
    let parameters = request_object::parameters(claims, &client.id, &provider.issuer, now).map_err(flawed)?;
    match client_auth::has_signed(provider, client, &jws, now).await {
        Some(true) => Ok(parameters),
        Some(false) => Err(refused(
            "none of the app's keys made the signature of the request object",
        )),
        None => Err(refused(
            "the keys of the app could not be fetched from its jwks_uri",
        )),
    }
}

fn refused(hint: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequestObject, hint)
}
