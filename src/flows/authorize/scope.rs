//! `scope` (RFC 6749 section 3.3): what the client is registered for, or less; everything it may ask when absent.

use super::Draft;
use crate::domain::{oauth_error::OAuthError, request::Redirectable};

pub(super) fn check(request: &Redirectable, draft: &mut Draft) -> Result<(), OAuthError> {
    draft.scope = request.client.scope_asked(request.raw.one("scope")?)?;
    Ok(())
}
