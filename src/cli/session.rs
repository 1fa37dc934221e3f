//! `postern session list|end`.

use anyhow::bail;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use crate::{
    app::App,
    base::{
        id::{DeviceSessionId, UserId},
        page::{MAX_PAGE, Page},
        text::Email,
        time::{Instant, Lifetime},
    },
    cli::{failure::Unconfirmed, place::Place, session::node::Node, table::table, user, words, world::World},
    domain::{
        ending::{Ending, Reason},
        event::Subject,
    },
    flows::{confirm::confirm, end::end, sessions},
    store::{browser_sessions, device_sessions, ending::Ended},
};

mod confirmed;
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
        /// How many rows at most
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=MAX_PAGE))]
        limit: i64,
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
        /// Wait until every API that follows the revocation stream has confirmed that it refuses what ended; exit code 3
        /// when one has not
        #[arg(long)]
        wait: bool,
        /// How long to wait
        #[arg(long, requires = "wait", value_name = "TIME", default_value = "30s")]
        timeout: Lifetime,
    },
}

/// A page of device sessions; of one person also the browser sessions.
#[derive(Serialize)]
struct Sessions {
    #[serde(flatten)]
    devices: Page<device_sessions::list::Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    browsers: Option<Vec<browser_sessions::Listed>>,
}

pub(super) async fn run(command: SessionCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let app = world.app(place).await?;
    let (mut value, whose, ended, patience) = match command.verb {
        Verb::List { user, after, limit } => {
            let sessions = find(&app, user.as_ref(), after, limit).await?;
            let text = || shown(&sessions, user.as_ref(), app.provider.clock.now());
            return world.output.result(command.json, &sessions, text);
        }
        Verb::End {
            session: Some(node),
            wait,
            timeout,
            ..
        } => {
            let ended = end_one(&app, node).await?;
            let value = json!({ "session": node.to_string(), "ended": ended });
            (value, node.to_string(), ended, wait.then_some(timeout))
        }
        Verb::End {
            user: Some(email),
            wait,
            timeout,
            ..
        } => {
            let user = user::find(&app, &email).await?.id;
            let ended = end_all(&app, user).await?;
            let value = json!({ "user": user, "ended": ended });
            (value, email.to_string(), ended, wait.then_some(timeout))
        }
        Verb::End { .. } => bail!("name a session, or a person with --user"),
    };
    let mut lines = vec![format!("{whose}: {}.", words::ended(ended))];
    let confirmation = match patience {
        Some(patience) => Some(confirm(&app.provider, patience).await?),
        None => None,
    };
    if let Some(confirmation) = &confirmation {
        value["confirmation"] = serde_json::to_value(confirmation)?;
        lines.push(confirmed::shown(confirmation));
    }
    world.output.result(command.json, &value, || lines.join("\n"))?;
    match confirmation {
        Some(confirmation) if !confirmation.is_whole() => Err(Unconfirmed(confirmation.missing.len()).into()),
        _ => Ok(()),
    }
}

async fn find(
    app: &App,
    email: Option<&Email>,
    after: Option<DeviceSessionId>,
    limit: i64,
) -> anyhow::Result<Sessions> {
    let provider = &app.provider;
    let user = match email {
        Some(email) => Some(user::find(app, email).await?.id),
        None => None,
    };
    let devices = sessions::devices(provider, user, after, limit).await?;
    // They are few, and stand before the first page.
    let browsers = match user.filter(|_| after.is_none()) {
        Some(user) => Some(sessions::browsers(provider, user).await?),
        None => None,
    };
    Ok(Sessions { devices, browsers })
}

fn shown(sessions: &Sessions, email: Option<&Email>, now: Instant) -> String {
    let mut parts = Vec::new();
    if let Some(browsers) = sessions.browsers.as_ref().filter(|browsers| !browsers.is_empty()) {
        let row = |session: &browser_sessions::Listed| {
            let (began, seen) = (session.created_at, session.last_seen_at);
            let (began, seen) = (began.to_rfc3339(), words::ago(seen, now));
            [session.id.to_string(), session.label.clone(), began, seen]
        };
        let headings = ["BROWSER SESSION", "BROWSER", "BEGAN", "SEEN"];
        parts.push(table(headings, browsers.iter().map(row)));
    }
    let row = |session: &device_sessions::list::Listed| {
        [
            session.id.to_string(),
            session.user.to_string(),
            session.client.to_string(),
            session.device.clone(),
            session.first_used_at.to_rfc3339(),
            words::ago(session.last_used_at, now),
        ]
    };
    let headings = ["APP SESSION", "USER", "APP", "DEVICE", "BEGAN", "USED"];
    let devices = &sessions.devices;
    parts.push(if devices.items.is_empty() {
        "No app is signed in.".to_owned()
    } else {
        table(headings, devices.items.iter().map(row))
    });
    if let Some(next) = &devices.next {
        let user = email.map(|email| format!(" --user {email}")).unwrap_or_default();
        parts.push(format!(
            "There are more: postern session list{user} --after {next}"
        ));
    }
    parts.join("\n\n")
}

async fn end_all(app: &App, user: UserId) -> anyhow::Result<Ended> {
    let ending = Ending::User { id: user, keep: None };
    let subject = Subject {
        user: Some(user),
        ..Subject::default()
    };
    Ok(end(&app.provider, ending, Reason::EndedByOperator, subject).await?)
}

async fn end_one(app: &App, node: Node) -> anyhow::Result<Ended> {
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
    let ended = end(&app.provider, ending, Reason::EndedByOperator, subject).await?;
    if ended == Ended::default() {
        bail!(
            "there is no session {node} that could be ended: it has ended already, or never was; see `postern session list`"
        );
    }
    Ok(ended)
}
