//! What happened, and the keys of the server.

use serde_json::json;

use super::{Admin, borrowed, parameters};
use crate::{
    base::page::Page,
    domain::{actor::Actor, event::EventLine, event_filter::EventFilter, key::Ring},
    flows::{
        events,
        keys::{
            self, ListedKey,
            rotate::{Rotated, Withdrawn},
        },
    },
};

impl Admin {
    /// A page of events, oldest first.
    pub(in crate::cli) async fn events(
        &self,
        filter: &EventFilter,
        after: Option<String>,
        limit: i64,
    ) -> anyhow::Result<Page<EventLine>> {
        match self {
            Self::Here(app) => {
                let after = after.map(|after| after.parse()).transpose()?;
                Ok(events::oldest(&app.provider, filter, after, limit).await?)
            }
            Self::There(server, _) => {
                let mut query = parameters(filter)?;
                query.push(("limit".to_owned(), limit.to_string()));
                query.extend(after.map(|after| ("cursor".to_owned(), after)));
                server.get("/events", &borrowed(&query)).await
            }
        }
    }

    /// Every key.
    pub(in crate::cli) async fn keys(&self) -> anyhow::Result<Vec<ListedKey>> {
        match self {
            Self::Here(app) => Ok(keys::listed(&app.provider).await?),
            Self::There(server, _) => {
                let page: Page<_> = server.get("/keys", &[]).await?;
                Ok(page.items)
            }
        }
    }

    /// Rotates a ring, or all.
    pub(in crate::cli) async fn rotate(&self, ring: Option<Ring>) -> anyhow::Result<Vec<Rotated>> {
        match self {
            Self::Here(app) => {
                let rings = keys::rings(&app.provider, ring).await?;
                Ok(keys::rotate::rotate(&app.provider, &rings, Actor::Operator).await?)
            }
            Self::There(server, _) => {
                let page: Page<_> = server.post("/keys/rotate", json!({ "ring": ring })).await?;
                Ok(page.items)
            }
        }
    }

    /// Replaces keys that others may know.
    pub(in crate::cli) async fn withdraw(
        &self,
        ring: Option<Ring>,
        all: bool,
    ) -> anyhow::Result<Vec<Withdrawn>> {
        match self {
            Self::Here(app) => {
                let rings = keys::rings(&app.provider, ring).await?;
                Ok(keys::rotate::withdraw(&app.provider, &rings, all, Actor::Operator).await?)
            }
            Self::There(server, _) => {
                let asked = json!({ "ring": ring, "all": all });
                let page: Page<_> = server.post("/keys/withdraw", asked).await?;
                Ok(page.items)
            }
        }
    }
}
