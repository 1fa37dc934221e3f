//! The settings that a server starts with: told of when they are not those that the last one started with.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    domain::{
        actor::Actor,
        event::{Changed, Event, Subject},
    },
    flows::Provider,
    store::{
        error::{Result, StoreError},
        facts::{self, RememberSettings},
    },
};

/// Settings by name, as they are shown: secrets are not.
pub type Shown = BTreeMap<&'static str, String>;

/// Compares with what the last server started with, or with `defaults` where there was none. Whether anything is different.
pub async fn note(provider: &Provider, settings: &Shown, defaults: &Shown) -> Result<bool> {
    let stored = provider.db.read(facts::FIND, (facts::SETTINGS,)).await?;
    let last = match &stored {
        Some((bytes,)) => serde_json::from_slice(bytes).map_err(|_| StoreError::corrupt("facts.settings"))?,
        None => map(defaults),
    };
    let now = map(settings);
    let changed = Changed::between(&last, &now);
    if changed.is_nothing() && stored.is_some() {
        return Ok(false);
    }
    let is_different = !changed.is_nothing();
    let event = Event::SettingsChanged { changed };
    let event = provider.event(provider.clock.now(), Subject::default(), event);
    let change = RememberSettings {
        settings: serde_json::to_vec(&now).map_err(|error| StoreError::Corrupt(error.to_string()))?,
        event: is_different.then(|| event.by(Actor::Operator)),
    };
    provider.db.write(change).await?;
    Ok(is_different)
}

fn map(shown: &Shown) -> Map<String, Value> {
    let pairs = shown.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
        .collect()
}
