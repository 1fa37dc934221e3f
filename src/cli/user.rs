//! `postern user add|list|password|disable`.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    app::App,
    base::{
        id::UserId,
        page::Page,
        text::{DisplayName, Email},
    },
    cli::{page::Limit, place::Place, table::table, words, world::World},
    config::Overrides,
    domain::user::User,
    flows::account::{self, AccountError},
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
        /// Read the password from standard input, where one newline at its end does not count
        #[arg(long)]
        password_stdin: bool,
    },
    /// List people in the order in which they were added
    List {
        /// Go on after this person
        #[arg(long, value_name = "ID")]
        after: Option<UserId>,
        #[command(flatten)]
        limit: Limit,
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
}

pub(super) async fn run(command: UserCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let app = world.open(&world.config(place, &Overrides::default())?).await?;
    let json = command.json;
    match command.verb {
        Verb::Add {
            email,
            name,
            password_stdin,
        } => {
            let password = world.input.new_password(password_stdin, &email)?;
            let added = account::add(&app.provider, email.clone(), name, password).await;
            let user = added.map_err(|error| match error {
                AccountError::Taken => anyhow!("{email} has an account already; see `postern user list`"),
                other => other.into(),
            })?;
            if json {
                return world.output.json(&user);
            }
            world.output.line(format!("Added {email}: {}", user.id))?;
        }
        Verb::List { after, limit } => list(&app, after, limit, json, world).await?,
        Verb::Password {
            email,
            password_stdin,
        } => {
            let user = find(&app, &email).await?;
            let password = world.input.new_password(password_stdin, &email)?;
            let ended = account::set_password(&app.provider, user.id, password, None, None).await?;
            if json {
                return world.output.json(&json!({ "user": user.id, "ended": ended }));
            }
            world.output.line(format!(
                "The password of {email} is set; {}.",
                words::ended(ended)
            ))?;
        }
        Verb::Disable { email } => {
            let user = find(&app, &email).await?;
            let ended = account::disable(&app.provider, user.id).await?;
            if json {
                let now = ended.is_some();
                return world.output.json(
                    &json!({ "user": user.id, "disabled_now": now, "ended": ended.unwrap_or_default() }),
                );
            }
            world.output.line(match ended {
                Some(ended) => format!("{email} is disabled; {}.", words::ended(ended)),
                None => format!("{email} was disabled already; nothing was changed."),
            })?;
        }
    }
    Ok(())
}

/// The person with an address.
pub(super) async fn find(app: &App, email: &Email) -> anyhow::Result<User> {
    let found = users::find_by_email(&app.provider.db, email.key()).await?;
    found.ok_or_else(|| anyhow!("nobody here has the address {email}; see `postern user list`"))
}

async fn list(
    app: &App,
    after: Option<UserId>,
    limit: Limit,
    json: bool,
    world: &mut World,
) -> anyhow::Result<()> {
    let is_first = after.is_none();
    let after = after.unwrap_or_else(|| UserId::from_bytes([0; 16]));
    let found = users::list(&app.provider.db, after, limit.asked()).await?;
    let page = Page::cut(found, limit.shown(), |user| user.id.to_string());
    if json {
        return world.output.json(&page);
    }
    if page.items.is_empty() {
        return Ok(world.output.line(if is_first {
            "Nobody yet. Add somebody: postern user add EMAIL"
        } else {
            "Nobody after that."
        })?);
    }
    let row = |user: &User| {
        let name = user.name.as_ref().map(ToString::to_string).unwrap_or_default();
        let state = user
            .disabled_at
            .map_or("enabled".to_owned(), |at| format!("disabled {}", at.to_rfc3339()));
        [
            user.id.to_string(),
            user.email.to_string(),
            name,
            user.created_at.to_rfc3339(),
            state,
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    world
        .output
        .line(table(["ID", "EMAIL", "NAME", "ADDED", "STATE"], &rows))?;
    if let Some(next) = page.next {
        world
            .output
            .line(format!("\nThere are more: postern user list --after {next}"))?;
    }
    Ok(())
}
