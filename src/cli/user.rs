//! `postern user add|list|show|password|disable|enable|role|end-sessions`.

use std::str::FromStr;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    base::{
        id::UserId,
        page::MAX_PAGE,
        text::{DisplayName, Email, Note},
    },
    cli::{
        admin::Admin,
        place::Place,
        table::{facts, table},
        words,
        world::World,
    },
    domain::{
        role::{Role, UnknownRole},
        session_filter::SessionFilter,
        user::User,
    },
    flows::admin::people::Adding,
};

/// Add, list, disable and enable people, set their passwords, end their sessions.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct UserCommand {
    #[command(subcommand)]
    verb: Verb,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

const EXAMPLES: &str =
    "People are named by the address that they sign in with. Whatever is done to them is in the record of \
                        events (postern events export --user EMAIL).

Examples:
  postern user add alice@example.com                 asks for a password
  postern user add root@example.com --role owner     the first admin; docs/admin.md has the roles
  postern user list --begins ali
  postern user password alice@example.com            ends everything of hers
  postern user disable alice@example.com             likewise, and she cannot sign in until enable";

/// Where a list goes on.
#[derive(Debug, Clone)]
enum After {
    User(UserId),
    Address(Email),
}

impl FromStr for After {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let user = text.parse().map(Self::User);
        user.or_else(|_| text.parse().map(Self::Address))
            .map_err(|_| "write an id such as usr_0197..., or with --begins an address")
    }
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
        /// Go on after this person; with --begins after this address
        #[arg(long, value_name = "ID")]
        after: Option<After>,
        /// Only people whose address begins like this, in the order of their addresses
        #[arg(long, value_name = "TEXT")]
        begins: Option<String>,
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
    /// Show a person, and how many browsers and apps they are signed in with
    Show {
        /// Whom
        email: Email,
    },
    /// Disable a person and end everything of theirs
    Disable {
        /// Whom
        email: Email,
    },
    /// Let a person who was disabled sign in again
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
    /// End all sessions of a person, in browsers and apps; the same as `session end --user`
    EndSessions {
        /// Whose
        email: Email,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: Option<Note>,
    },
}

pub(super) async fn run(command: UserCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let admin = world.admin(place).await?;
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
            let user = admin.add_user(adding).await?;
            let text = || format!("Added {email}: {}", user.id);
            world.output.result(json, &user, text)
        }
        Verb::List { after, begins, limit } => list(&admin, after, begins, limit, json, place, world).await,
        Verb::Show { email } => show(&admin, &email, json, world).await,
        Verb::Enable { email } => {
            let user = admin.user(&email).await?;
            let enabled = user.disabled_at.is_some();
            admin.enable(&user).await?;
            let value = json!({ "user": user.id, "enabled_now": enabled });
            world.output.result(json, &value, || {
                if enabled {
                    format!("{email} may sign in again.")
                } else {
                    format!("{email} was not disabled; nothing was changed.")
                }
            })
        }
        Verb::EndSessions { email, reason } => {
            let user = admin.user(&email).await?.id;
            let ended = admin.end_user(user, reason, None).await?.done;
            let value = json!({ "user": user, "ended": ended });
            world
                .output
                .result(json, &value, || format!("{email}: {}.", words::ended(ended)))
        }
        Verb::Password {
            email,
            password_stdin,
        } => {
            let user = admin.user(&email).await?;
            let password = world.input.new_password(password_stdin, &email)?;
            let ended = admin.set_password(&user, password).await?;
            let value = json!({ "user": user.id, "ended": ended });
            let text = || format!("The password of {email} is set; {}.", words::ended(ended));
            world.output.result(json, &value, text)
        }
        Verb::Disable { email } => {
            let user = admin.user(&email).await?;
            let ended = admin.disable(&user).await?;
            let value = json!({ "user": user.id, "disabled_now": ended.is_some(), "ended": ended.unwrap_or_default() });
            world.output.result(json, &value, || match ended {
                Some(ended) => format!("{email} is disabled; {}.", words::ended(ended)),
                None => format!("{email} was disabled already; nothing was changed."),
            })
        }
        Verb::Role { email, role } => {
            let (user, RoleOrNone(role)) = (admin.user(&email).await?, role);
            let ended = admin.set_role(&user, role).await?;
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

/// More apps of a person are not counted.
const MOST: i64 = 1000;

async fn show(admin: &Admin, email: &Email, json: bool, world: &mut World) -> anyhow::Result<()> {
    let user = admin.user(email).await?;
    let own = SessionFilter {
        user: Some(user.id),
        ..SessionFilter::default()
    };
    let apps = admin.sessions(&own, None, MOST).await?.page;
    let browsers = admin.browsers_of(user.id).await?.len();
    let (count, more) = (apps.items.len(), apps.next.is_some());
    let value = json!({ "user": user, "apps": count, "browsers": browsers });
    world.output.result(json, &value, || {
        let [id, email, name, added, state, role] = row(&user);
        let apps = if more {
            format!("{count} or more")
        } else {
            count.to_string()
        };
        facts(&[
            ("user", id),
            ("email", email),
            ("name", name),
            ("added", added),
            ("state", state),
            ("role", role),
            ("apps", apps),
            ("browsers", browsers.to_string()),
        ])
    })
}

async fn list(
    admin: &Admin,
    after: Option<After>,
    begins: Option<String>,
    limit: i64,
    json: bool,
    place: &Place,
    world: &mut World,
) -> anyhow::Result<()> {
    let page = match (&begins, &after) {
        (Some(begins), None) => admin.users_beginning(begins, None, limit).await?,
        (Some(begins), Some(After::Address(after))) => {
            admin.users_beginning(begins, Some(after), limit).await?
        }
        (None, None) => admin.users(None, limit).await?,
        (None, Some(After::User(after))) => admin.users(Some(*after), limit).await?,
        _ => bail!("the list goes on after an id, and with --begins after an address"),
    };
    world.output.result(json, &page, || {
        if page.items.is_empty() {
            let nobody = "Nobody yet. To add somebody run `postern user add EMAIL`.";
            return match (&begins, &after) {
                (Some(_), None) => "Nobody has an address that begins like this.",
                (_, Some(_)) => "Nobody after that.",
                (None, None) => nobody,
            }
            .to_owned();
        }
        let rows = table(
            ["ID", "EMAIL", "NAME", "ADDED", "STATE", "ROLE"],
            page.items.iter().map(row),
        );
        rows + &place.more(page.next.as_deref())
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
