//! What a client says of itself at the address that is its id (OAuth Client ID Metadata Document,
//! draft-ietf-oauth-client-id-metadata-document).

use super::{Bounds, Metadata, Proposed};
use crate::{
    base::id::ClientId,
    domain::oauth_error::{ErrorCode, OAuthError},
};

/// What a document may register: it says whose it is, and has no secret, which everybody could read.
pub fn of_document(id: &ClientId, document: &[u8], bounds: Bounds<'_>) -> Result<Proposed, OAuthError> {
    let wrong = |hint: &'static str| OAuthError::new(ErrorCode::InvalidClientMetadata, hint);
    let text = str::from_utf8(document).map_err(|_| wrong("it is not UTF-8"))?;
    let mut said = Metadata::parse(text)?;
    if said.text("client_id")? != Some(id.as_str()) {
        return Err(wrong("its client_id is not its address"));
    }
    if said.has("client_secret") || said.has("client_secret_expires_at") {
        return Err(wrong("it has a secret, which everybody can read"));
    }
    let method = said.text("token_endpoint_auth_method")?;
    if !matches!(method, None | Some("none" | "private_key_jwt")) {
        return Err(wrong(
            "it authenticates with a secret, of which nobody but everybody knows",
        ));
    }
    if method.is_none() {
        let public = [("token_endpoint_auth_method".to_owned(), "none".into())];
        said = said.with(Metadata::of(public.into_iter().collect()));
    }
    said.propose(bounds)
}
