//! A request that another site posts carries no Lax cookie: its parameters travel sealed through a redirect to a GET, which
//! treats them exactly as those of a query. Only the GET reads and sets cookies.

use axum::response::{IntoResponse, Redirect, Response};

use crate::{
    base::seal::{MAX_SEALED, Purpose},
    domain::{oauth_error::OAuthError, request::Raw},
    flows::pending,
    store::error::StoreError,
    web::Shared,
};

/// The parameters of a posted request, on their way through one redirect.
type Posted = Vec<(String, Vec<String>)>;

/// Why there are no parameters.
pub(super) enum NotPosted {
    /// The request's fault.
    Refused(OAuthError),
    /// The database's.
    Store(StoreError),
}

impl From<OAuthError> for NotPosted {
    fn from(error: OAuthError) -> Self {
        Self::Refused(error)
    }
}

/// The redirect to `path`, for a minute.
pub(super) fn redirect(
    site: &Shared,
    purpose: Purpose,
    path: &str,
    raw: Raw,
) -> Result<Response, OAuthError> {
    let provider = &site.provider;
    let expires = provider.clock.now().plus(provider.lifetimes.authorization_code);
    let posted: Posted = raw.into_pairs();
    let sealed = provider.keys.load().sealer.seal(purpose, &posted, expires);
    if sealed.len() > MAX_SEALED {
        let hint = "the request has too many or too long parameters";
        return Err(OAuthError::invalid_request(hint));
    }
    Ok(Redirect::to(&format!("{path}?posted={sealed}")).into_response())
}

/// The parameters of a posted request in the place of the one that names it.
pub(super) async fn open(site: &Shared, purpose: Purpose, raw: Raw) -> Result<Raw, NotPosted> {
    let Some(sealed) = raw.one("posted").map_err(OAuthError::from)? else {
        return Ok(raw);
    };
    let opened = pending::open::<Posted>(&site.provider, purpose, sealed).await;
    opened
        .map_err(NotPosted::Store)?
        .map(Raw::from_pairs)
        .map_err(|_| {
            let hint = "this link has expired: start again in the app";
            NotPosted::Refused(OAuthError::invalid_request(hint))
        })
}
