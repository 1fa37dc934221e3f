//! `response_type`, `response_mode`, `state` and `nonce` (RFC 6749 section 3.1.1, OpenID Connect Core 3.1.2.1).

use super::{Draft, MAX_NONCE, MAX_STATE};
use crate::domain::{
    answer::ResponseMode,
    oauth_error::{ErrorCode, OAuthError},
    request::Redirectable,
};

pub(super) fn check(request: &Redirectable, draft: &mut Draft) -> Result<(), OAuthError> {
    match request.raw.one("response_type")? {
        Some("code") => {}
        Some(_) => {
            let hint =
                "response_type is code: tokens never travel through the browser (RFC 9700 section 2.1.2)";
            return Err(OAuthError::new(ErrorCode::UnsupportedResponseType, hint));
        }
        None => {
            return Err(OAuthError::invalid_request(
                "response_type is missing; it is code",
            ));
        }
    }
    match (request.raw.one("response_mode")?, request.answer_to.mode()) {
        (None | Some("query"), _) | (Some(ResponseMode::FORM_POST), ResponseMode::FormPost) => {}
        (Some(ResponseMode::FORM_POST), ResponseMode::Query) => {
            let hint =
                "response_mode=form_post needs an http redirect URI: an app's own scheme takes no form";
            return Err(OAuthError::invalid_request(hint));
        }
        (Some(_), _) => {
            let hint = "response_mode is query or form_post, or absent";
            return Err(OAuthError::invalid_request(hint));
        }
    }
    if request
        .raw
        .one("state")?
        .is_some_and(|state| state.len() > MAX_STATE)
    {
        return Err(OAuthError::invalid_request(format!(
            "state is longer than {MAX_STATE} bytes"
        )));
    }
    let nonce = request.raw.one("nonce")?;
    if nonce.is_some_and(|nonce| nonce.len() > MAX_NONCE) {
        return Err(OAuthError::invalid_request(format!(
            "nonce is longer than {MAX_NONCE} bytes"
        )));
    }
    draft.nonce = nonce.map(str::to_owned);
    Ok(())
}
