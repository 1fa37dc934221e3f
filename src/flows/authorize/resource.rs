//! `resource` (RFC 8707 section 2.1): the API that the client is registered for, or none.

use super::Draft;
use crate::domain::{
    oauth_error::{ErrorCode, OAuthError},
    request::Redirectable,
};

pub(super) fn check(request: &Redirectable, draft: &mut Draft) -> Result<(), OAuthError> {
    let registered = request.client.settings.resource.as_ref();
    for asked in request.raw.all("resource") {
        let Some(resource) = registered.filter(|resource| resource.as_str() == asked) else {
            let hint = "resource names an API that this app is not registered for";
            return Err(OAuthError::new(ErrorCode::InvalidTarget, hint));
        };
        draft.resource = Some(resource.clone());
    }
    Ok(())
}
