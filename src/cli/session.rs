//! `postern session list|end`.

use anyhow::bail;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use crate::{
    app::App,
    base::{id::DeviceSessionId, page::Page, text::Email},
    cli::{page::Limit, place::Place, session::node::Node, table::table, user, words, world::World},
    config::Overrides,
    domain::{
        ending::{Ending, Reason},
        event::Subject,
    },
    flows::{end::end, sessions},
    store::{browser_sessions, device_sessions, ending::Ended},
};

mod node;

/// List and end sessions.
#[derive(Debug, Args)]
pub(super) struct SessionCommand {
    #[command(subcommand)]
    verb: Verb,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the sessions of apps; of one person also those of browsers
    List {
        /// Only this person's
        #[arg(long, value_name = "EMAIL")]
        user: Option<Email>,
        /// Go on after this session
        #[arg(long, value_name = "ID")]
        after: Option<DeviceSessionId>,
        #[command(flatten)]
        limit: Limit,
    },
    /// End one session, or all of a person
    #[command(group = clap::ArgGroup::new("what").required(true))]
    End {
        /// An app's session (dse_...), or a browser's (bse_...) with the app sessions that live with it
        #[arg(group = "what", value_name = "SESSION_ID")]
        session: Option<Node>,
        /// Everything of this person
        #[arg(long, group = "what", value_name = "EMAIL")]
        user: Option<Email>,
    },
}

/// A page of device sessions; of one person also the browser sessions.
#[derive(Serialize)]
struct Sessions {
    #[serde(flatten)]
    devices: Page<device_sessions::Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    browsers: Option<Vec<browser_sessions::Listed>>,
}

pub(super) async fn run(command: SessionCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let app = world.open(&world.config(place, &Overrides::default())?).await?;
    match command.verb {
        Verb::List { user, after, limit } => {
            let sessions = find(&app, user.as_ref(), after, limit).await?;
            if command.json {
                return world.output.json(&sessions);
            }
            show(&app, &sessions, user.as_ref(), world)
        }
        Verb::End {
            session: Some(node), ..
        } => {
            let ended = end_one(&app, node).await?;
            if command.json {
                return world
                    .output
                    .json(&json!({ "session": node.to_string(), "ended": ended }));
            }
            Ok(world.output.line(format!("{node}: {}.", words::ended(ended)))?)
        }
        Verb::End {
            user: Some(email), ..
        } => {
            let user = user::find(&app, &email).await?;
            let ending = Ending::User {
                id: user.id,
                keep: None,
            };
            let subject = Subject {
                user: Some(user.id),
                ..Subject::default()
            };
            let ended = end(&app.provider, ending, Reason::EndedByOperator, subject).await?;
            if command.json {
                return world.output.json(&json!({ "user": user.id, "ended": ended }));
            }
            Ok(world.output.line(format!("{email}: {}.", words::ended(ended)))?)
        }
        Verb::End { .. } => bail!("name a session, or a person with --user"),
    }
}

async fn find(
    app: &App,
    email: Option<&Email>,
    after: Option<DeviceSessionId>,
    limit: Limit,
) -> anyhow::Result<Sessions> {
    let provider = &app.provider;
    let user = match email {
        Some(email) => Some(user::find(app, email).await?.id),
        None => None,
    };
    let devices = sessions::devices(provider, user, after, limit.shown()).await?;
    // They are few, and stand before the first page.
    let browsers = match user.filter(|_| after.is_none()) {
        Some(user) => Some(sessions::browsers(provider, user).await?),
        None => None,
    };
    Ok(Sessions { devices, browsers })
}

fn show(app: &App, sessions: &Sessions, email: Option<&Email>, world: &mut World) -> anyhow::Result<()> {
    let now = app.provider.clock.now();
    let out = &mut world.output;
    if let Some(browsers) = sessions.browsers.as_ref().filter(|browsers| !browsers.is_empty()) {
        let row = |session: &browser_sessions::Listed| {
            let (began, seen) = (
                session.created_at.to_rfc3339(),
                words::ago(session.last_seen_at, now),
            );
            [session.id.to_string(), session.label.clone(), began, seen]
        };
        let rows: Vec<_> = browsers.iter().map(row).collect();
        out.line(table(["BROWSER SESSION", "BROWSER", "BEGAN", "SEEN"], &rows))?;
        out.line("")?;
    }
    if sessions.devices.items.is_empty() {
        return Ok(out.line("No app is signed in.")?);
    }
    let row = |session: &device_sessions::Listed| {
        [
            session.id.to_string(),
            session.user.to_string(),
            session.client.to_string(),
            session.device.clone(),
            session.first_used_at.to_rfc3339(),
            words::ago(session.last_used_at, now),
        ]
    };
    let rows: Vec<_> = sessions.devices.items.iter().map(row).collect();
    out.line(table(
        ["APP SESSION", "USER", "APP", "DEVICE", "BEGAN", "USED"],
        &rows,
    ))?;
    if let Some(next) = &sessions.devices.next {
        let user = email.map(|email| format!(" --user {email}")).unwrap_or_default();
        out.line(format!(
            "\nThere are more: postern session list{user} --after {next}"
        ))?;
    }
    Ok(())
}

async fn end_one(app: &App, node: Node) -> anyhow::Result<Ended> {
    let provider = &app.provider;
    let (ending, subject) = match node {
        Node::Device(id) => {
            let found = device_sessions::find(&provider.db, id)
                .await?
                .map(|found| found.session);
            let (user, client) = found.map(|session| (session.user, session.client)).unzip();
            (
                Ending::Device { id },
                Subject {
                    user,
                    client,
                    session: Some(id),
                    ..Subject::default()
                },
            )
        }
        Node::Browser(id) => (Ending::Browser { id }, Subject::default()),
    };
    let ended = end(provider, ending, Reason::EndedByOperator, subject).await?;
    if ended == Ended::default() {
        bail!(
            "there is no session {node} that could be ended: it has ended already, or never was; see `postern session list`"
        );
    }
    Ok(ended)
}
