//! What commands do that a running server can do for them: each verb on the database, or through the admin API.

use std::time::Duration;

use anyhow::anyhow;
use http::Method;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    app::App,
    base::{
        id::{ClientId, DeviceSessionId, MassEndId, UserId},
        page::Page,
        text::{Email, Note},
        time::{Clock, Instant, Lifetime},
    },
    cli::{remote::Remote, session::Node},
    domain::{
        actor::Actor,
        ending::Ending,
        event::{EventLine, Subject},
        event_filter::EventFilter,
        key::Ring,
        session_filter::SessionFilter,
        user::User,
    },
    flows::{
        account::{self, AccountError},
        admin::{
            By,
            people::{self, Adding, PeopleError},
        },
        confirm::{Confirmation, Reached, confirm},
        end::end_as_operator,
        events,
        keys::{
            self, Listed as ListedKey,
            rotate::{Rotated, Withdrawn},
        },
        mass_end::{self, Counted},
        sessions::{self, Search, Shown},
    },
    store::{
        app_versions::VersionCount,
        browser_sessions,
        device_sessions::{self, list::Listed},
        ending::Ended,
        mass_ends::MassEnd,
        users,
    },
};

/// How long a command waits before it looks again how far a server came.
const LOOK: Duration = Duration::from_millis(200);
/// How many sessions a dry run looks at.
const COUNTED: u64 = 2_000_000;
/// How long one request waits for APIs; a server may shorten it, and it is asked again.
const WAIT: Lifetime = Lifetime::from_secs(20);

/// Where verbs are done.
#[derive(Debug)]
pub(super) enum Admin {
    /// On the database.
    Here(Box<App>),
    /// By a running server.
    There(Box<Remote>, Clock),
}

/// What ended, and who refuses it by now when somebody waits for that.
pub(super) type Told = Reached<Ended>;

/// A person, and what ended of theirs.
#[derive(Deserialize)]
struct UserEnded {
    ended: Ended,
}

#[derive(Deserialize)]
struct Begun {
    end: Option<MassEnd>,
    would_end: Option<Counted>,
}

impl Admin {
    /// The time where it is done.
    pub(super) fn now(&self) -> Instant {
        match self {
            Self::Here(app) => app.provider.clock.now(),
            Self::There(_, clock) => clock.now(),
        }
    }

    /// The person with an address.
    pub(super) async fn user(&self, email: &Email) -> anyhow::Result<User> {
        let found = match self {
            Self::Here(app) => users::find_by_email(&app.provider.db, email.key()).await?,
            Self::There(server, _) => {
                let query = [("email_prefix", email.key()), ("limit", "1".to_owned())];
                // In the order of addresses, so the one that is no longer than this comes first.
                let page: Page<User> = server.get("/users", &query).await?;
                page.items
                    .into_iter()
                    .find(|user| user.email.key() == email.key())
            }
        };
        found.ok_or_else(|| anyhow!("nobody here has the address {email}; see `postern user list`"))
    }

    /// People in the order in which they were added.
    pub(super) async fn users(&self, after: Option<UserId>, limit: i64) -> anyhow::Result<Page<User>> {
        match self {
            Self::Here(app) => {
                let after = after.unwrap_or(UserId::from_bytes([0; 16]));
                // One more tells whether there are more.
                let found = users::list(&app.provider.db, after, limit + 1).await?;
                Ok(Page::cut(found, limit, |user| user.id.to_string()))
            }
            Self::There(server, _) => {
                let after = after.map(|after| ("cursor", after.to_string()));
                let query: Vec<_> = [("limit", limit.to_string())].into_iter().chain(after).collect();
                server.get("/users", &query).await
            }
        }
    }

    /// People whose address begins so, in the order of their addresses.
    pub(super) async fn users_beginning(
        &self,
        begins: &str,
        after: Option<&Email>,
        limit: i64,
    ) -> anyhow::Result<Page<User>> {
        match self {
            Self::Here(app) => Ok(account::search(&app.provider, begins, after, limit).await?),
            Self::There(server, _) => {
                let mut query = vec![("email_prefix", begins.to_owned()), ("limit", limit.to_string())];
                query.extend(after.map(|after| ("cursor", after.key())));
                server.get("/users", &query).await
            }
        }
    }

    /// Adds a person.
    pub(super) async fn add_user(&self, adding: Adding) -> anyhow::Result<User> {
        let email = adding.email.clone();
        match self {
            Self::Here(app) => {
                let added = people::add(&app.provider, &By::operator(), adding).await;
                added.map_err(|error| match error {
                    PeopleError::Account(AccountError::Taken) => {
                        anyhow!("{email} has an account already; see `postern user list`")
                    }
                    other => other.into(),
                })
            }
            Self::There(server, _) => {
                let (name, role, password) = (adding.name, adding.role, adding.password.expose());
                let new = json!({ "email": email, "name": name, "password": password, "role": role });
                server.post("/users", new).await
            }
        }
    }

    /// Sets a person's password.
    pub(super) async fn set_password(
        &self,
        user: &User,
        password: crate::domain::password::Password,
    ) -> anyhow::Result<Ended> {
        match self {
            Self::Here(app) => {
                let by = Some(Actor::Operator);
                Ok(account::set_password(&app.provider, user.id, password, None, None, by).await?)
            }
            Self::There(server, _) => {
                let new = json!({ "password": password.expose() });
                server.post(&format!("/users/{}/password", user.id), new).await
            }
        }
    }

    /// Disables a person. How much ended; nothing when they were disabled already.
    pub(super) async fn disable(&self, user: &User) -> anyhow::Result<Option<Ended>> {
        match self {
            Self::Here(app) => Ok(people::disable(&app.provider, &By::operator(), user.id).await?.1),
            Self::There(server, _) => {
                let path = format!("/users/{}/disable", user.id);
                let UserEnded { ended } = server.post(&path, json!({})).await?;
                Ok(user.disabled_at.is_none().then_some(ended))
            }
        }
    }

    /// Lets a person sign in again.
    pub(super) async fn enable(&self, user: &User) -> anyhow::Result<()> {
        match self {
            Self::Here(app) => drop(people::enable(&app.provider, &By::operator(), user.id).await?),
            Self::There(server, _) => {
                let _: User = server
                    .post(&format!("/users/{}/enable", user.id), json!({}))
                    .await?;
            }
        }
        Ok(())
    }

    /// Says what a person is among admins.
    pub(super) async fn set_role(
        &self,
        user: &User,
        role: Option<crate::domain::role::Role>,
    ) -> anyhow::Result<Ended> {
        match self {
            Self::Here(app) => Ok(people::set_role(&app.provider, &By::operator(), user.id, role)
                .await?
                .1),
            Self::There(server, _) => {
                let (path, new) = (format!("/users/{}/role", user.id), json!({ "role": role }));
                let UserEnded { ended } = server.send(Method::PUT, &path, &[], Some(new)).await?;
                Ok(ended)
            }
        }
    }

    /// Sessions of apps that match, newest first.
    pub(super) async fn sessions(
        &self,
        filter: &SessionFilter,
        after: Option<DeviceSessionId>,
        limit: i64,
    ) -> anyhow::Result<Search<Listed>> {
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

    /// A person's browser sessions.
    pub(super) async fn browsers(&self, user: UserId) -> anyhow::Result<Vec<browser_sessions::Listed>> {
        match self {
            Self::Here(app) => Ok(sessions::browsers(&app.provider, user).await?),
            Self::There(server, _) => {
                let page: Page<_> = server
                    .get(&format!("/users/{user}/browser-sessions"), &[])
                    .await?;
                Ok(page.items)
            }
        }
    }

    /// One session of an app.
    pub(super) async fn session(&self, id: DeviceSessionId) -> anyhow::Result<Option<Shown>> {
        match self {
            Self::Here(app) => Ok(sessions::show(&app.provider, id).await?),
            Self::There(server, _) => server.get(&format!("/sessions/{id}"), &[]).await.map(Some),
        }
    }

    /// How many live sessions each version of an app has.
    pub(super) async fn versions(&self, client: Option<&ClientId>) -> anyhow::Result<Vec<VersionCount>> {
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

    /// Ends one session; with patience waits until every API knows.
    pub(super) async fn end(
        &self,
        node: Node,
        why: Option<Note>,
        patience: Option<Lifetime>,
    ) -> anyhow::Result<Told> {
        match self {
            Self::Here(app) => {
                let mut subject = Subject::default();
                let ending = match node {
                    Node::Browser(id) => Ending::Browser { id },
                    Node::Device(id) => {
                        if let Some(found) = device_sessions::find(&app.provider.db, id).await? {
                            subject.user = Some(found.session.user);
                            subject.client = Some(found.session.client);
                        }
                        subject.session = Some(id);
                        Ending::Device { id }
                    }
                };
                end_here(app, ending, subject, why, patience).await
            }
            Self::There(server, clock) => {
                let path = match node {
                    Node::Browser(id) => format!("/browser-sessions/{id}/end"),
                    Node::Device(id) => format!("/sessions/{id}/end"),
                };
                end_there(server, clock, &path, why, patience).await
            }
        }
    }

    /// Ends everything of a person, browsers too.
    pub(super) async fn end_user(
        &self,
        id: UserId,
        why: Option<Note>,
        patience: Option<Lifetime>,
    ) -> anyhow::Result<Told> {
        match self {
            Self::Here(app) => {
                let subject = Subject {
                    user: Some(id),
                    ..Subject::default()
                };
                end_here(app, Ending::User { id, keep: None }, subject, why, patience).await
            }
            Self::There(server, clock) => {
                end_there(server, clock, &format!("/users/{id}/end-sessions"), why, patience).await
            }
        }
    }

    /// How many sessions match.
    pub(super) async fn count(&self, filter: &SessionFilter) -> anyhow::Result<Counted> {
        match self {
            Self::Here(app) => Ok(mass_end::count(&app.provider, filter, COUNTED).await?),
            Self::There(server, _) => {
                let asked = json!({ "filter": filter, "dry_run": true });
                let begun: Begun = server.post("/session-ends", asked).await?;
                begun.would_end.ok_or_else(|| anyhow!("the server did not count"))
            }
        }
    }

    /// Begins to end all sessions that match.
    pub(super) async fn begin(&self, filter: &SessionFilter, why: Option<Note>) -> anyhow::Result<MassEnd> {
        match self {
            Self::Here(app) => Ok(mass_end::begin(&app.provider, filter, why, Actor::Operator).await?),
            Self::There(server, _) => {
                let asked = json!({ "filter": filter, "reason": why });
                let begun: Begun = server.post("/session-ends", asked).await?;
                begun.end.ok_or_else(|| anyhow!("the server did not begin"))
            }
        }
    }

    /// Waits for one until it is done. On the database whoever is faster works it off: this command, or a server.
    pub(super) async fn finish(&self, mut end: MassEnd) -> anyhow::Result<MassEnd> {
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
    pub(super) async fn mass_end(&self, id: MassEndId) -> anyhow::Result<MassEnd> {
        match self {
            Self::Here(app) => {
                let found = mass_end::find(&app.provider, id).await?;
                found.ok_or_else(|| anyhow!("there is no end {id}; see `postern session ends`"))
            }
            Self::There(server, _) => server.get(&format!("/session-ends/{id}"), &[]).await,
        }
    }

    /// Waits until every API refuses what one that is done has ended.
    pub(super) async fn confirm(&self, end: &MassEnd, patience: Lifetime) -> anyhow::Result<Confirmation> {
        match self {
            Self::Here(app) => Ok(confirm(&app.provider, patience).await?),
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
    pub(super) async fn mass_ends(&self, limit: i64) -> anyhow::Result<Vec<MassEnd>> {
        match self {
            Self::Here(app) => Ok(mass_end::list(&app.provider, None, limit).await?),
            Self::There(server, _) => {
                let page: Page<_> = server
                    .get("/session-ends", &[("limit", limit.to_string())])
                    .await?;
                Ok(page.items)
            }
        }
    }

    /// Stops one. False when it is done.
    pub(super) async fn cancel(&self, id: MassEndId) -> anyhow::Result<bool> {
        match self {
            Self::Here(app) => Ok(mass_end::cancel(&app.provider, id, Actor::Operator).await?),
            Self::There(server, _) => {
                let _: MassEnd = server
                    .post(&format!("/session-ends/{id}/cancel"), json!({}))
                    .await?;
                Ok(true)
            }
        }
    }

    /// A page of events, oldest first.
    pub(super) async fn events(
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
    pub(super) async fn keys(&self) -> anyhow::Result<Vec<ListedKey>> {
        match self {
            Self::Here(app) => Ok(keys::listed(&app.provider).await?),
            Self::There(server, _) => {
                let page: Page<_> = server.get("/keys", &[]).await?;
                Ok(page.items)
            }
        }
    }

    /// Rotates a ring, or all.
    pub(super) async fn rotate(&self, ring: Option<Ring>) -> anyhow::Result<Vec<Rotated>> {
        match self {
            Self::Here(app) => {
                let rings = keys::rings(&app.provider.db, ring).await?;
                Ok(keys::rotate::rotate(&app.provider, &rings, Actor::Operator).await?)
            }
            Self::There(server, _) => {
                let page: Page<_> = server.post("/keys/rotate", json!({ "ring": ring })).await?;
                Ok(page.items)
            }
        }
    }

    /// Replaces keys that others may know.
    pub(super) async fn withdraw(&self, ring: Option<Ring>, all: bool) -> anyhow::Result<Vec<Withdrawn>> {
        match self {
            Self::Here(app) => {
                let rings = keys::rings(&app.provider.db, ring).await?;
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

async fn end_here(
    app: &App,
    ending: Ending,
    subject: Subject,
    why: Option<Note>,
    patience: Option<Lifetime>,
) -> anyhow::Result<Told> {
    let done = end_as_operator(&app.provider, ending, subject, why, Actor::Operator).await?;
    let confirmation = match patience {
        Some(patience) => Some(confirm(&app.provider, patience).await?),
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

/// Asks until every API has confirmed it or the patience is over, since a server ends each request after a while: what has
/// ended ends nothing more.
async fn wait<T: DeserializeOwned>(
    server: &Remote,
    clock: &Clock,
    method: Method,
    path: &str,
    body: Option<Value>,
    patience: Lifetime,
) -> anyhow::Result<Reached<T>> {
    let until = clock.now().plus(patience);
    let mut first = None;
    loop {
        let left = until.since(clock.now());
        let query = [("wait", format!("{}ms", left.min(WAIT).millis()))];
        let reached: Reached<T> = server.send(method.clone(), path, &query, body.clone()).await?;
        let is_whole = reached.confirmation.as_ref().is_some_and(Confirmation::is_whole);
        let done = first.take().unwrap_or(reached.done);
        if is_whole || clock.now() >= until {
            return Ok(Reached {
                done,
                confirmation: reached.confirmation,
            });
        }
        first = Some(done);
    }
}

/// A filter as parameters: times are dates there, and who acted is a word.
fn parameters(filter: &impl Serialize) -> anyhow::Result<Vec<(String, String)>> {
    let Value::Object(parts) = serde_json::to_value(filter)? else {
        return Ok(Vec::new());
    };
    let text = |value: Value| match value {
        Value::Number(at) => Instant::from_millis(at.as_i64().unwrap_or_default()).to_rfc3339(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(parts
        .into_iter()
        .map(|(name, value)| (name, text(value)))
        .collect())
}

fn borrowed(query: &[(String, String)]) -> Vec<(&str, String)> {
    query
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect()
}
