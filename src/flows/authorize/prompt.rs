//! `prompt` and `max_age` (OpenID Connect Core section 3.1.2.1).

use super::Draft;
use crate::domain::{oauth_error::OAuthError, request::Redirectable};

pub(super) fn check(request: &Redirectable, draft: &mut Draft) -> Result<(), OAuthError> {
    for word in request
        .raw
        .one("prompt")?
        .unwrap_or_default()
        .split(' ')
        .filter(|word| !word.is_empty())
    {
        match word {
            "none" => draft.prompt.none = true,
            // For choosing an account the sign-in page is the page: it takes any.
            "login" | "select_account" => draft.prompt.login = true,
            "consent" => draft.prompt.consent = true,
            _ => {
                return Err(OAuthError::invalid_request(
                    "prompt has a word that is not none, login or consent",
                ));
            }
        }
    }
    if draft.prompt.none && (draft.prompt.login || draft.prompt.consent) {
        return Err(OAuthError::invalid_request(
            "prompt=none excludes every other prompt",
        ));
    }
    if let Some(text) = request.raw.one("max_age")? {
        let seconds = text
            .parse::<i64>()
            .ok()
            .filter(|seconds| (0..=i64::from(u32::MAX)).contains(seconds));
        draft.max_age =
            Some(seconds.ok_or_else(|| OAuthError::invalid_request("max_age is a number of seconds"))?);
    }
    Ok(())
}
