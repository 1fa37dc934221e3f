//! `postern user add|list|password|disable|enable|role`.

use std::str::FromStr;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    app::App,
    base::{
        id::UserId,
        page::{MAX_PAGE, Page},
        text::{DisplayName, Email},
    },
    cli::{place::Place, table::table, words, world::World},
    domain::{
        role::{Role, UnknownRole},
        user::User,
    },
    flows::{
        account::{self, AccountError},
        admin::{
            By,
            people::{self, Adding, PeopleError},
        },
    },
    store::users,
};

/// Add, list and disable people, set their passwords.
#[derive(Debug, Args)]
pub(super) struct UserCommand {
    #[command(subcommand)]
    verb: Verb,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Add a person who signs in with a password
    Add {
        /// What they sign in with
        email: Email,
        /// Their name
        #[arg(long)]
        name: Option<DisplayName>,
        /// Make them an admin: owner, admin, support, auditor or developer
        #[arg(long)]
        role: Option<Role>,
        /// Read the password from standard input, where one newline at its end does not count
        #[arg(long)]
        password_stdin: bool,
    },
    /// List people in the order in which they were added
    List {
        /// Go on after this person
        #[arg(long, value_name = "ID")]
        after: Option<UserId>,
        /// How many rows at most
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=MAX_PAGE))]
        limit: i64,
    },
    /// Set a person's password and end all their sessions
    Password {
        /// Whose
        email: Email,
        /// Read the password from standard input, where one newline at its end does not count
        #[arg(long)]
        password_stdin: bool,
    },
    /// Disable a person and end everything of theirs
    Disable {
        /// Whom
        email: Email,
    },
    /// Let a disabled person sign in again
    Enable {
        /// Whom
        email: Email,
    },
    /// Make a person an admin, another kind of admin, or none any more; their sessions at the console end
    Role {
        /// Whom
        email: Email,
        /// owner, admin, support, auditor or developer; or none
        role: RoleOrNone,
    },
}

pub(super) async fn run(command: UserCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let app = world.app(place).await?;
    let json = command.json;
    match command.verb {
        Verb::Add {
            email,
            name,
            role,
            password_stdin,
        } => {
            let password = world.input.new_password(password_stdin, &email)?;
            let adding = Adding {
                email: email.clone(),
                name,
                password,
                role,
            };
            let added = people::add(&app.provider, &By::operator(), adding).await;
            let user = added.map_err(|error| match error {
                PeopleError::Account(AccountError::Taken) => {
                    anyhow!("{email} has an account already; see `postern user list`")
                }
                other => other.into(),
            })?;
            let text = || format!("Added {email}: {}", user.id);
            world.output.result(json, &user, text)
        }
        Verb::List { after, limit } => list(&app, after, limit, json, world).await,
        Verb::Password {
            email,
            password_stdin,
        } => {
            let user = find(&app, &email).await?;
            let password = world.input.new_password(password_stdin, &email)?;
            let ended = account::set_password(&app.provider, user.id, password, None, None).await?;
            let value = json!({ "user": user.id, "ended": ended });
            let text = || format!("The password of {email} is set; {}.", words::ended(ended));
            world.output.result(json, &value, text)
        }
        Verb::Disable { email } => {
            let user = find(&app, &email).await?;
            let (_, ended) = people::disable(&app.provider, &By::operator(), user.id).await?;
            let value = json!({ "user": user.id, "disabled_now": ended.is_some(), "ended": ended.unwrap_or_default() });
            world.output.result(json, &value, || match ended {
                Some(ended) => format!("{email} is disabled; {}.", words::ended(ended)),
                None => format!("{email} was disabled already; nothing was changed."),
            })
        }
        Verb::Enable { email } => {
            let user = find(&app, &email).await?;
            let user = people::enable(&app.provider, &By::operator(), user.id).await?;
            world
                .output
                .result(json, &user, || format!("{email} may sign in again."))
        }
        Verb::Role { email, role } => {
            let (user, RoleOrNone(role)) = (find(&app, &email).await?, role);
            let (user, ended) = people::set_role(&app.provider, &By::operator(), user.id, role).await?;
            let value = json!({ "user": user.id, "role": role, "ended": ended });
            world.output.result(json, &value, || match role {
                Some(role) => format!("{email} has the role {role} now; {}.", words::ended(ended)),
                None => format!("{email} is no admin now; {}.", words::ended(ended)),
            })
        }
    }
}

/// A role, or that there is none.
#[derive(Debug, Clone, Copy)]
struct RoleOrNone(Option<Role>);

impl FromStr for RoleOrNone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let role = text.parse().map(Some).map(Self);
        role.map_err(|error: UnknownRole| format!("{error}, or none"))
    }
}

/// The person with an address.
pub(super) async fn find(app: &App, email: &Email) -> anyhow::Result<User> {
    let found = users::find_by_email(&app.provider.db, email.key()).await?;
    found.ok_or_else(|| anyhow!("nobody here has the address {email}; see `postern user list`"))
}

async fn list(
    app: &App,
    after: Option<UserId>,
    limit: i64,
    json: bool,
    world: &mut World,
) -> anyhow::Result<()> {
    let start = after.unwrap_or_else(|| UserId::from_bytes([0; 16]));
    // One more tells whether there are more.
    let found = users::list(&app.provider.db, start, limit + 1).await?;
    let page = Page::cut(found, limit, |user| user.id.to_string());
    world.output.result(json, &page, || {
        if page.items.is_empty() {
            let nobody = "Nobody yet. Add somebody: postern user add EMAIL";
            return after.map_or(nobody, |_| "Nobody after that.").to_owned();
        }
        let rows = table(
            ["ID", "EMAIL", "NAME", "ADDED", "STATE", "ROLE"],
            page.items.iter().map(row),
        );
        let more = page.next.as_ref();
        let more = more.map(|next| format!("\n\nThere are more: postern user list --after {next}"));
        rows + &more.unwrap_or_default()
    })
}

fn row(user: &User) -> [String; 6] {
    let disabled = user.disabled_at.map(|at| format!("disabled {}", at.to_rfc3339()));
    [
        user.id.to_string(),
        user.email.to_string(),
        user.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        user.created_at.to_rfc3339(),
        disabled.unwrap_or_else(|| "enabled".to_owned()),
        user.role.map(|role| role.to_string()).unwrap_or_default(),
    ]
}
