//! People.

use anyhow::anyhow;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::Admin;
use crate::{
    base::{id::UserId, page::Page, text::Email},
    cli::remote::Refused,
    domain::{actor::Actor, password::Password, role::Role, user::User},
    flows::{
        account::{self, AccountError},
        admin::{
            By, look,
            people::{self, Adding, PeopleError},
        },
    },
    store::ending::Ended,
};

/// A person, and what ended of theirs.
#[derive(Deserialize)]
struct UserEnded {
    ended: Ended,
}

impl Admin {
    /// The person with an address.
    pub(in crate::cli) async fn user(&self, email: &Email) -> anyhow::Result<User> {
        let found = match self {
            Self::Here(app) => look::by_address(&app.provider, email).await?,
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
    pub(in crate::cli) async fn users(
        &self,
        after: Option<UserId>,
        limit: i64,
    ) -> anyhow::Result<Page<User>> {
        match self {
            Self::Here(app) => Ok(account::list(&app.provider, after, limit).await?),
            Self::There(server, _) => {
                let after = after.map(|after| ("cursor", after.to_string()));
                let query: Vec<_> = [("limit", limit.to_string())].into_iter().chain(after).collect();
                server.get("/users", &query).await
            }
        }
    }

    /// People whose address begins so, in the order of their addresses.
    pub(in crate::cli) async fn users_beginning(
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
    pub(in crate::cli) async fn add_user(&self, adding: Adding) -> anyhow::Result<User> {
        let email = adding.email.clone();
        let taken = || anyhow!("{email} has an account already; see `postern user list`");
        match self {
            Self::Here(app) => {
                let added = people::add(&app.provider, &By::operator(), adding).await;
                added.map_err(|error| match error {
                    PeopleError::Account(AccountError::Taken) => taken(),
                    other => other.into(),
                })
            }
            Self::There(server, _) => {
                let (name, role, password) = (adding.name, adding.role, adding.password.expose());
                let new = json!({ "email": email, "name": name, "password": password, "role": role });
                let added: anyhow::Result<User> = server.post("/users", new).await;
                added.map_err(|error| match error.downcast_ref::<Refused>() {
                    Some(refused) if refused.is("taken") => taken(),
                    _ => error,
                })
            }
        }
    }

    /// Sets a person's password.
    pub(in crate::cli) async fn set_password(
        &self,
        user: &User,
        password: Password,
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
    pub(in crate::cli) async fn disable(&self, user: &User) -> anyhow::Result<Option<Ended>> {
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
    pub(in crate::cli) async fn enable(&self, user: &User) -> anyhow::Result<()> {
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
    pub(in crate::cli) async fn set_role(&self, user: &User, role: Option<Role>) -> anyhow::Result<Ended> {
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
}
