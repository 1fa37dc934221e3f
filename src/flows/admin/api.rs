//! Who asks the admin API: a machine, by an access token of its own that is made for this API (RFC 9068, RFC 8707).

use postern_resource_server::{Presented, Rejection};

use crate::{
    domain::{
        actor::Actor,
        role::{Permission, Permissions},
    },
    flows::{
        Provider,
        access_token::{self, SpeaksFor, in_force},
        admin::By,
        dpop,
    },
    store::error::StoreError,
};

/// The audience of tokens for it, whatever the address of the private listener is: its name below the issuer.
pub const AUDIENCE: &str = "/api/v1";

/// Who sent a request to `url`: its token, the proof of its key where it is bound to one, and what it allows. A token that
/// speaks for a person is none: people come by the console.
pub async fn authenticate(
    provider: &Provider,
    presented: Presented<'_>,
    sent: dpop::Sent<'_>,
    method: &str,
    url: &str,
) -> Result<Result<By, Rejection>, StoreError> {
    let audience = provider.issuer.at(AUDIENCE);
    let verified = access_token::authenticate(provider, presented, sent, method, url, &audience).await?;
    let token = match verified {
        Ok(token) => token,
        Err(rejection) => return Ok(Err(rejection)),
    };
    let client = provider.clients.find(&token.client_id);
    let speaks = in_force(provider, &token).await?;
    let (Some(SpeaksFor::Client), Some(client)) = (speaks, client) else {
        return Ok(Err(Rejection::Revoked));
    };
    // What was taken from the client since is gone at once.
    let registered = &client.settings.scope;
    let permits =
        |permission: Permission| token.scope.has(permission.scope()) && registered.has(permission.scope());
    Ok(Ok(By {
        actor: Actor::Client {
            id: client.id.clone(),
        },
        address: None,
        permissions: Permissions::granted(permits),
    }))
}
