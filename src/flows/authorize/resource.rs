//! `resource` (RFC 8707 section 2.1): APIs that the client is registered for. A person may allow several at once; each
//! access token is for one of them.

use super::Draft;
use crate::domain::{
    oauth_error::{ErrorCode, OAuthError},
    request::Redirectable,
};

pub(super) fn check(request: &Redirectable, draft: &mut Draft) -> Result<(), OAuthError> {
    for asked in request.raw.all("resource") {
        let own = request.client.resource(asked).ok_or_else(|| {
            let hint = "resource names an API that this app is not registered for";
            OAuthError::new(ErrorCode::InvalidTarget, hint)
        })?;
        if !draft.resources.contains(own) {
            draft.resources.push(own.clone());
        }
    }
    Ok(())
}
