//! `login_hint` (OpenID Connect Core section 3.1.2.1): fills the address in; a hint that is none is ignored.

use super::Draft;
use crate::{
    base::text::Email,
    domain::{oauth_error::OAuthError, request::Redirectable},
};

pub(super) fn check(request: &Redirectable, draft: &mut Draft) -> Result<(), OAuthError> {
    let hint = request.raw.one("login_hint")?;
    draft.login_hint = hint
        .filter(|hint| hint.parse::<Email>().is_ok())
        .map(str::to_owned);
    Ok(())
}
