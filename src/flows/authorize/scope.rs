//! `scope` (RFC 6749 section 3.3): what the client is registered for, or less; everything it may ask when absent.

use super::Draft;
use crate::domain::{
    oauth_error::{ErrorCode, OAuthError},
    request::Redirectable,
    scope::ScopeSet,
};

pub(super) fn check(request: &Redirectable, draft: &mut Draft) -> Result<(), OAuthError> {
    let registered = &request.client.settings.scope;
    let Some(text) = request.raw.one("scope")? else {
        draft.scope = registered.clone();
        return Ok(());
    };
    let asked: ScopeSet = text
        .parse()
        .map_err(|_| OAuthError::new(ErrorCode::InvalidScope, "scope is not a list of scope names"))?;
    if !asked.is_within(registered) {
        let hint = "scope names something that this app is not registered for";
        return Err(OAuthError::new(ErrorCode::InvalidScope, hint));
    }
    draft.scope = asked;
    Ok(())
}
