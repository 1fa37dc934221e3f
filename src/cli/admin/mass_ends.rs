//! Ends of all sessions that match.

use std::time::Duration;

use anyhow::anyhow;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Admin, wait};
use crate::{
    base::{id::MassEndId, page::Page, text::Note, time::Lifetime},
    cli::remote::{Refused, missing},
    domain::session_filter::SessionFilter,
    flows::{
        admin::By,
        confirm::{self, Confirmation, Reached},
        mass_end::{self, Counted},
    },
    store::mass_ends::MassEnd,
};

/// How long a command waits before it looks again how far a server came.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Deserialize)]
struct Begun {
    end: Option<MassEnd>,
    would_end: Option<Counted>,
}

impl Admin {
    /// How many sessions match.
    pub(in crate::cli) async fn count(&self, filter: &SessionFilter) -> anyhow::Result<Counted> {
        match self {
            Self::Here(app) => Ok(mass_end::count(&app.provider, &By::operator(), filter).await?),
            Self::There(server, _) => {
                let asked = json!({ "filter": filter, "dry_run": true });
                let begun: Begun = server.post("/session-ends", asked).await?;
                begun.would_end.ok_or_else(|| anyhow!("the server did not count"))
            }
        }
    }

    /// Begins to end all sessions that match.
    pub(in crate::cli) async fn begin(
        &self,
        filter: &SessionFilter,
        why: Option<Note>,
    ) -> anyhow::Result<MassEnd> {
        match self {
            Self::Here(app) => Ok(mass_end::begin(&app.provider, &By::operator(), filter, why).await?),
            Self::There(server, _) => {
                let asked = json!({ "filter": filter, "reason": why });
                let begun: Begun = server.post("/session-ends", asked).await?;
                begun.end.ok_or_else(|| anyhow!("the server did not begin"))
            }
        }
    }

    /// Waits for one until it is done. On the database whoever is faster works it off: this command, or a server.
    pub(in crate::cli) async fn finish(&self, mut end: MassEnd) -> anyhow::Result<MassEnd> {
        while end.done_at.is_none() {
            match self {
                Self::Here(app) if !mass_end::work(&app.provider).await? => {}
                _ => tokio::time::sleep(LOOK).await,
            }
            end = self.mass_end(end.id).await?;
        }
        Ok(end)
    }

    /// One end of many.
    pub(in crate::cli) async fn mass_end(&self, id: MassEndId) -> anyhow::Result<MassEnd> {
        let found = match self {
            Self::Here(app) => mass_end::find(&app.provider, id).await?,
            Self::There(server, _) => missing(server.get(&format!("/session-ends/{id}"), &[]).await)?,
        };
        found.ok_or_else(|| anyhow!("there is no end {id}; see `postern session ends`"))
    }

    /// Waits until every API refuses what one that is done has ended.
    pub(in crate::cli) async fn confirm(
        &self,
        end: &MassEnd,
        patience: Lifetime,
    ) -> anyhow::Result<Confirmation> {
        match self {
            Self::Here(app) => Ok(confirm::wait(&app.provider, patience)?.confirm().await?),
            Self::There(server, clock) => {
                let path = format!("/session-ends/{}", end.id);
                let reached: Reached<MassEnd> =
                    wait(server, clock, Method::GET, &path, None, patience).await?;
                reached
                    .confirmation
                    .ok_or_else(|| anyhow!("{} is not done", end.id))
            }
        }
    }

    /// Ends of many, newest first.
    pub(in crate::cli) async fn mass_ends(
        &self,
        after: Option<MassEndId>,
        limit: i64,
    ) -> anyhow::Result<Page<MassEnd>> {
        match self {
            Self::Here(app) => Ok(mass_end::list(&app.provider, after, limit).await?),
            Self::There(server, _) => {
                let after = after.map(|after| ("cursor", after.to_string()));
                let query: Vec<_> = [("limit", limit.to_string())].into_iter().chain(after).collect();
                server.get("/session-ends", &query).await
            }
        }
    }

    /// Stops one. False when it is done, or never was.
    pub(in crate::cli) async fn cancel(&self, id: MassEndId) -> anyhow::Result<bool> {
        match self {
            Self::Here(app) => Ok(mass_end::cancel(&app.provider, &By::operator(), id).await?),
            Self::There(server, _) => {
                let path = format!("/session-ends/{id}/cancel");
                let cancelled: anyhow::Result<MassEnd> = server.post(&path, json!({})).await;
                match missing(cancelled) {
                    Ok(cancelled) => Ok(cancelled.is_some()),
                    Err(error) => match error.downcast_ref::<Refused>() {
                        Some(refused) if refused.is("not-now") => Ok(false),
                        _ => Err(error),
                    },
                }
            }
        }
    }
}
