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
    check_mode(request)?;
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

/// The mode that was asked for, or absent, is the one in which the answer travels.
fn check_mode(request: &Redirectable) -> Result<(), OAuthError> {
    let mode = request.answer_to.mode();
    let hint = match ResponseMode::asked(request.raw.one("response_mode")?) {
        None => {
            "response_mode is query, form_post, jwt, query.jwt or form_post.jwt, or absent: a fragment is not for a code"
        }
        Some(asked) if asked == mode => return Ok(()),
        Some(asked) if asked.is_form() && !mode.is_form() => {
            "a response_mode with form_post needs an http redirect URI: an app's own scheme takes no form"
        }
        Some(_) => {
            "this app has to ask for signed answers: response_mode is jwt, query.jwt or form_post.jwt (JARM)"
        }
    };
    Err(OAuthError::invalid_request(hint))
}
