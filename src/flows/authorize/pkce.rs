//! PKCE (RFC 7636): always, unless the client is set to do without, and S256 only. `plain` is refused, also when it is the absent default of section 4.3.

use super::Draft;
use crate::domain::{oauth_error::OAuthError, pkce::Challenge, request::Redirectable, scope::OPENID};

pub(super) fn check(request: &Redirectable, draft: &mut Draft) -> Result<(), OAuthError> {
    let Some(challenge) = request.raw.one("code_challenge")? else {
        let has_nonce = draft.scope.has(OPENID) && request.raw.one("nonce")?.is_some();
        if !request.client.needs_pkce(has_nonce) && !request.raw.has("code_challenge_method") {
            draft.challenge = Some(Challenge::none());
            return Ok(());
        }
        return Err(OAuthError::invalid_request(
            "code_challenge is missing: this server asks for PKCE (RFC 7636)",
        ));
    };
    if request.raw.one("code_challenge_method")? != Some("S256") {
        return Err(OAuthError::invalid_request(
            "code_challenge_method is S256; plain protects nothing",
        ));
    }
    let challenge = Challenge::parse(challenge);
    let hint = "code_challenge is not the base64url form of a SHA-256 (43 characters)";
    draft.challenge = Some(challenge.ok_or_else(|| OAuthError::invalid_request(hint))?);
    Ok(())
}
