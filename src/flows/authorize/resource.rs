//! `resource` (RFC 8707 section 2.1): the API that the client is registered for, or none.

use super::Draft;
use crate::domain::{
    oauth_error::{ErrorCode, OAuthError},
    request::Redirectable,
};

pub(super) fn check(request: &Redirectable, draft: &mut Draft) -> Result<(), OAuthError> {
    for asked in request.raw.all("resource") {
        if !request.client.allows_resource(asked) {
            let hint = "resource names an API that this app is not registered for";
            return Err(OAuthError::new(ErrorCode::InvalidTarget, hint));
        }
        draft.resource.clone_from(&request.client.settings.resource);
    }
    Ok(())
}
