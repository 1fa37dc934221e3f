//! The token endpoint's verbs: one file a grant, the same shape each.

pub mod client_credentials;
pub mod code;
pub mod device_code;
pub mod exchange;
pub mod jwt_bearer;
mod redemption;
pub mod refresh;
pub(super) mod resource;

use crate::{
    domain::{
        client::{Client, GrantType},
        oauth_error::{ErrorCode, OAuthError},
        scope::ScopeSet,
    },
    flows::issue::IssueError,
    store::error::StoreError,
};

/// Why a token request was refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The client's fault; it is told why.
    #[error(transparent)]
    Refused(#[from] OAuthError),
    /// The token or code was not made by this server. Told like any other bad one, and counted against the address:
    /// the only way to have one is to guess.
    #[error("the token was not made by this server")]
    NotOurs(OAuthError),
    /// The tokens could not be made: our fault.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The scope of a session that a client opens without a page: something, and nothing that the client is not registered for
/// (RFC 6749 section 3.3).
fn registered_scope(client: &Client, scope: ScopeSet) -> Result<ScopeSet, OAuthError> {
    if scope.is_empty() || !scope.is_within(&client.settings.scope) {
        let hint = "ask for scopes that the client is registered with, or leave the parameter out";
        return Err(OAuthError::new(ErrorCode::InvalidScope, hint));
    }
    Ok(scope)
}

/// A client uses the grants that it is registered for and no other (RFC 6749 section 5.2).
pub fn check_grant(client: &Client, grant: GrantType) -> Result<(), OAuthError> {
    if client.may(grant) {
        return Ok(());
    }
    let hint = "the client is not registered for this grant_type";
    Err(OAuthError::new(ErrorCode::UnauthorizedClient, hint))
}
