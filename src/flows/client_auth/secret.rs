//! `client_secret_basic` and `client_secret_post` (RFC 6749 section 2.3.1): any of the client's secrets that is still good.

use std::sync::Arc;

use super::Flaw;
use crate::{
    domain::{client::Client, client_secret::ClientSecret},
    flows::Provider,
    ports::clients::COARSE,
    store::{
        client_secrets::USED,
        error::{Result, StoreError},
    },
};

/// Compares what was presented with the digests in memory, each in constant time.
pub(super) async fn check(
    provider: &Provider,
    client: Arc<Client>,
    presented: &str,
) -> Result<Result<Arc<Client>, Flaw>, StoreError> {
    let Some(digest) = ClientSecret::presented(presented).map(|secret| secret.digest()) else {
        return Ok(Err(Flaw::WrongSecret));
    };
    let now = provider.clock.now();
    let kept = provider.clients.secrets(&client.id);
    let found = kept
        .iter()
        .find(|kept| kept.digest == digest && kept.is_good(now));
    let Some(found) = found else {
        return Ok(Err(Flaw::WrongSecret));
    };
    if provider.clients.is_first_use_of_secret_today(found.id, now) {
        provider
            .db
            .execute(USED, (found.id, now, now.minus(COARSE)))
            .await?;
    }
    Ok(Ok(client))
}
