//! `id_token_hint` (OpenID Connect Core section 3.1.2.1): the person for whom the answer must be.

use super::Draft;
use crate::{
    domain::{oauth_error::OAuthError, request::Redirectable},
    flows::{Provider, access_token::is_withdrawn},
};

pub(super) fn check(
    provider: &Provider,
    request: &Redirectable,
    draft: &mut Draft,
) -> Result<(), OAuthError> {
    let Some(jwt) = request.raw.one("id_token_hint")? else {
        return Ok(());
    };
    // A key is in every ring long before it signs: nobody has to be asked for newer ones.
    let hint = provider.keys.load().id_tokens.read(&provider.issuer, jwt);
    let hint = hint.filter(|hint| hint.client == request.client.id && !is_withdrawn(provider, jwt));
    let Some(hint) = hint else {
        let hint = "id_token_hint is no ID token that this server has issued to this app";
        return Err(OAuthError::invalid_request(hint));
    };
    if draft.subject.is_some_and(|subject| subject != hint.user) {
        let hint = "id_token_hint is about another person than the one whom claims demands";
        return Err(OAuthError::invalid_request(hint));
    }
    draft.subject = Some(hint.user);
    Ok(())
}
