//! Initial access tokens (RFC 7591 section 3): given out by the operator to who may register clients.

use crate::{
    base::{id::RegistrationTokenId, time::Lifetime},
    domain::{
        actor::Actor,
        event::{Event, Subject},
        registration::{InitialAccessToken, KeptInitialAccessToken},
        scope::ScopeSet,
    },
    flows::Provider,
    store::{
        error::StoreError,
        registrations::{self, AddToken, RemoveToken},
    },
};

/// A token that was just made: the only time that it is there to be shown.
#[derive(Debug)]
pub struct NewToken {
    /// As its holder needs it.
    pub token: InitialAccessToken,
    /// As it is kept.
    pub kept: KeptInitialAccessToken,
}

/// Makes a token for so many registrations, or any number, for as long as is said, or until it is removed.
pub async fn add(
    provider: &Provider,
    life: Option<Lifetime>,
    uses: Option<i64>,
    scope: Option<ScopeSet>,
    actor: Actor,
) -> Result<NewToken, StoreError> {
    let now = provider.clock.now();
    let token = InitialAccessToken::new(&provider.entropy);
    let kept = KeptInitialAccessToken {
        id: RegistrationTokenId::new(now, &provider.entropy),
        digest: token.digest(),
        scope,
        uses_left: uses,
        created_at: now,
        expires_at: life.map(|life| now.plus(life)),
    };
    let made = Event::RegistrationTokenCreated {
        token: kept.id,
        expires_at: kept.expires_at,
        uses,
    };
    let change = AddToken {
        token: kept.clone(),
        event: provider.event(now, Subject::default(), made).by(actor),
    };
    provider.db.write(change).await?;
    Ok(NewToken { token, kept })
}

/// Every token that is kept.
pub async fn list(provider: &Provider) -> Result<Vec<KeptInitialAccessToken>, StoreError> {
    registrations::tokens(&provider.db).await
}

/// Ends a token at once; clients that it let in stay. False when there was none with this name.
pub async fn remove(provider: &Provider, id: RegistrationTokenId, actor: Actor) -> Result<bool, StoreError> {
    let removed = Event::RegistrationTokenRemoved { token: id };
    let event = provider
        .event(provider.clock.now(), Subject::default(), removed)
        .by(actor);
    provider.db.write(RemoveToken { id, event }).await
}
