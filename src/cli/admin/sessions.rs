//! Sessions, and ends of one or of all of a person.

use http::Method;
use serde_json::json;

use super::{Admin, borrowed, parameters, wait};
use crate::{
    app::App,
    base::{
        id::{BrowserSessionId, ClientId, DeviceSessionId, UserId},
        page::{MAX_PAGE, Page},
        session_id::SessionId,
        text::Note,
        time::{Clock, Lifetime},
    },
    cli::remote::{Remote, missing},
    domain::{browser_session_filter::BrowserSessionFilter, session_filter::SessionFilter},
    flows::{
        admin::{By, people::PeopleError, sessions as verbs},
        confirm::{self, Reached, Wait},
        sessions::{self, Search, Shown},
    },
    store::{
        app_versions::VersionCount, browser_sessions, device_sessions::list::ListedDeviceSession,
        ending::Ended,
    },
};

/// What ended, and who refuses it by now when somebody waits for that.
type Told = Reached<Ended>;

impl Admin {
    /// Sessions of apps that match, newest first.
    pub(in crate::cli) async fn sessions(
        &self,
        filter: &SessionFilter,
        after: Option<DeviceSessionId>,
        limit: i64,
    ) -> anyhow::Result<Search<ListedDeviceSession>> {
        match self {
            Self::Here(app) => Ok(sessions::list(&app.provider, filter, after, limit).await?),
            Self::There(server, _) => {
                let mut query = parameters(filter)?;
                query.push(("limit".to_owned(), limit.to_string()));
                query.extend(after.map(|after| ("cursor".to_owned(), after.to_string())));
                server.get("/sessions", &borrowed(&query)).await
            }
        }
    }

    /// Browser sessions that match, newest first.
    pub(in crate::cli) async fn browsers(
        &self,
        filter: &BrowserSessionFilter,
        after: Option<BrowserSessionId>,
        limit: i64,
    ) -> anyhow::Result<Search<browser_sessions::list::ListedBrowserSession>> {
        match self {
            Self::Here(app) => Ok(sessions::browsers::list(&app.provider, filter, after, limit).await?),
            Self::There(server, _) => {
                let mut query = parameters(filter)?;
                query.push(("limit".to_owned(), limit.to_string()));
                query.extend(after.map(|after| ("cursor".to_owned(), after.to_string())));
                server.get("/browser-sessions", &borrowed(&query)).await
            }
        }
    }

    /// A person's browser sessions.
    pub(in crate::cli) async fn browsers_of(
        &self,
        user: UserId,
    ) -> anyhow::Result<Vec<browser_sessions::list::ListedBrowserSession>> {
        let filter = BrowserSessionFilter {
            user: Some(user),
            ..BrowserSessionFilter::default()
        };
        Ok(self.browsers(&filter, None, MAX_PAGE).await?.page.items)
    }

    /// One browser session.
    pub(in crate::cli) async fn browser(
        &self,
        id: BrowserSessionId,
    ) -> anyhow::Result<Option<Shown<browser_sessions::list::ListedBrowserSession>>> {
        match self {
            Self::Here(app) => Ok(sessions::browsers::show(&app.provider, id).await?),
            Self::There(server, _) => missing(server.get(&format!("/browser-sessions/{id}"), &[]).await),
        }
    }

    /// One session of an app.
    pub(in crate::cli) async fn session(&self, id: DeviceSessionId) -> anyhow::Result<Option<Shown>> {
        match self {
            Self::Here(app) => Ok(sessions::show(&app.provider, id).await?),
            Self::There(server, _) => missing(server.get(&format!("/sessions/{id}"), &[]).await),
        }
    }

    /// How many live sessions each version of an app has.
    pub(in crate::cli) async fn versions(
        &self,
        client: Option<&ClientId>,
    ) -> anyhow::Result<Vec<VersionCount>> {
        match self {
            Self::Here(app) => Ok(sessions::versions(&app.provider, client).await?),
            Self::There(server, _) => {
                let query: Vec<_> = client
                    .map(|client| ("client", client.to_string()))
                    .into_iter()
                    .collect();
                let page: Page<_> = server.get("/app-versions", &query).await?;
                Ok(page.items)
            }
        }
    }

    /// Ends one session; with patience waits until every API knows. Nothing when there is none; what has ended already ends
    /// nothing more, and is waited for likewise.
    pub(in crate::cli) async fn end(
        &self,
        id: SessionId,
        why: Option<Note>,
        patience: Option<Lifetime>,
    ) -> anyhow::Result<Option<Told>> {
        match self {
            Self::Here(app) => {
                let (provider, by) = (&app.provider, By::operator());
                let wait = place(app, patience)?;
                match verbs::end(provider, &by, id, why).await {
                    Err(PeopleError::Unknown(_)) => Ok(None),
                    ended => Ok(Some(reached(ended?.1, wait).await?)),
                }
            }
            Self::There(server, clock) => {
                let path = match id {
                    SessionId::Browser(id) => format!("/browser-sessions/{id}/end"),
                    SessionId::Device(id) => format!("/sessions/{id}/end"),
                };
                missing(end_there(server, clock, &path, why, patience).await)
            }
        }
    }

    /// Ends everything of a person, browsers too.
    pub(in crate::cli) async fn end_user(
        &self,
        id: UserId,
        why: Option<Note>,
        patience: Option<Lifetime>,
    ) -> anyhow::Result<Told> {
        match self {
            Self::Here(app) => {
                let wait = place(app, patience)?;
                let ended = verbs::end_user(&app.provider, &By::operator(), id, why).await?;
                reached(ended, wait).await
            }
            Self::There(server, clock) => {
                end_there(server, clock, &format!("/users/{id}/end-sessions"), why, patience).await
            }
        }
    }
}

fn place(app: &App, patience: Option<Lifetime>) -> anyhow::Result<Option<Wait<'_>>> {
    let wait = patience.map(|patience| confirm::wait(&app.provider, patience));
    Ok(wait.transpose()?)
}

async fn reached(done: Ended, wait: Option<Wait<'_>>) -> anyhow::Result<Told> {
    let confirmation = match wait {
        Some(wait) => Some(wait.confirm().await?),
        None => None,
    };
    Ok(Reached { done, confirmation })
}

async fn end_there(
    server: &Remote,
    clock: &Clock,
    path: &str,
    why: Option<Note>,
    patience: Option<Lifetime>,
) -> anyhow::Result<Told> {
    let because = json!({ "reason": why });
    match patience {
        Some(patience) => wait(server, clock, Method::POST, path, Some(because), patience).await,
        None => server.post(path, because).await,
    }
}
