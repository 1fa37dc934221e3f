//! `resource` (RFC 8707 section 2.1): APIs that the client is registered for. A person may allow several at once; each
//! access token is for one of them.

use super::Draft;
use crate::{
    domain::{
        api,
        oauth_error::{ErrorCode, OAuthError},
        request::Redirectable,
    },
    flows::Provider,
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

/// A scope that the request names has to be understood by one of the APIs that its tokens may be for. Those of which nothing
/// is known take any.
pub(super) fn check_scope(
    provider: &Provider,
    request: &Redirectable,
    draft: &Draft,
) -> Result<(), OAuthError> {
    if request.raw.one("scope")?.is_none() {
        return Ok(());
    }
    let default = request
        .client
        .settings
        .resource
        .iter()
        .filter(|_| draft.resources.is_empty());
    let named = draft.resources.iter().chain(default);
    let rules: Vec<_> = named
        .map(|api| provider.clients.api(api).unwrap_or_default())
        .collect();
    api::check_asked(&draft.scope, rules.iter().map(AsRef::as_ref))
}
