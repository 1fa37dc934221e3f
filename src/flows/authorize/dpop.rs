//! `dpop_jkt` (RFC 9449 section 10): the key that must redeem the code, named before there is one.

use super::Draft;
use crate::domain::{
    binding::Thumbprint, client::DpopPolicy, oauth_error::OAuthError, request::Redirectable,
};

pub(super) fn check(request: &Redirectable, draft: &mut Draft) -> Result<(), OAuthError> {
    let Some(text) = request.raw.one("dpop_jkt")? else {
        return Ok(());
    };
    // Ignored, the code would not be bound although the app relies on it.
    if request.client.settings.dpop == DpopPolicy::Off {
        let hint = "dpop_jkt is for apps that use DPoP, for which this one is not registered";
        return Err(OAuthError::invalid_request(hint));
    }
    let hint = "dpop_jkt is not the base64url form of a SHA-256 thumbprint (43 characters, RFC 7638)";
    let key = Thumbprint::from_base64url(text).ok_or_else(|| OAuthError::invalid_request(hint))?;
    draft.dpop_jkt = Some(key);
    Ok(())
}
