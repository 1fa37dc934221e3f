//! The token endpoint's verbs: one file a grant, the same shape each.

pub mod code;
pub mod refresh;
mod resource;

use crate::{domain::oauth_error::OAuthError, flows::issue::IssueError, store::error::StoreError};

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
