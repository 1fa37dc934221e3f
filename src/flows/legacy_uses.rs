//! Who still uses what is going to end, so that they can be told before it does.

use crate::{
    base::page::MAX_PAGE,
    domain::actor::Actor,
    flows::Provider,
    store::{
        error::Result,
        legacy_uses::{self, COUNT, LegacyUse},
    },
};

/// Counts a use of a route by somebody; the operator and the server itself need not be told.
pub async fn count(provider: &Provider, route: &str, actor: &Actor) -> Result<()> {
    let name = match actor {
        Actor::Client { id } => id.to_string(),
        Actor::Person { id } => id.to_string(),
        Actor::Operator | Actor::System => return Ok(()),
    };
    let binds = (route.to_owned(), name, provider.clock.now());
    let counted = provider.db.execute(COUNT, binds).await;
    counted.map(|_: Option<()>| ())
}

/// Who still uses what.
pub async fn list(provider: &Provider) -> Result<Vec<LegacyUse>> {
    legacy_uses::list(&provider.db, MAX_PAGE).await
}
