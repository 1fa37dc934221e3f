//! `postern session end|ends|cancel-end`.

use std::time::Duration;

use anyhow::{anyhow, bail};
use serde_json::{Value, json};

use super::{confirmed, filter::FilterFlags, node::Node};
use crate::{
    app::App,
    base::{
        id::{MassEndId, UserId},
        page::Page,
        text::Note,
        time::Lifetime,
    },
    cli::{failure::Unconfirmed, table::table, user, words, world::World},
    domain::{actor::Actor, ending::Ending, event::Subject},
    flows::{
        confirm::confirm,
        end::end_as_operator,
        mass_end::{self, Counted},
    },
    store::{device_sessions, ending::Ended, mass_ends::MassEnd},
};

/// How many sessions a dry run looks at.
const COUNTED: u64 = 2_000_000;
/// How long a command waits before it looks again how far a server came.
const LOOK: Duration = Duration::from_millis(200);

/// How sessions end.
#[derive(Debug, clap::Args)]
pub(super) struct How {
    /// Only say how many sessions would end
    #[arg(long)]
    dry_run: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<Note>,
    /// Leave an end of many to a running server, and do not wait until all have ended
    #[arg(long, conflicts_with = "wait")]
    no_wait: bool,
    /// Wait until every API that follows the revocation stream has confirmed that it refuses what ended; exit code 3 when one
    /// has not
    #[arg(long)]
    wait: bool,
    /// How long to wait for that
    #[arg(long, requires = "wait", value_name = "TIME", default_value = "30s")]
    timeout: Lifetime,
}

pub(super) async fn end(
    app: &App,
    session: Option<Node>,
    flags: &FilterFlags,
    how: How,
    json: bool,
    world: &mut World,
) -> anyhow::Result<()> {
    if how.dry_run {
        if let Some(node) = session {
            bail!("--dry-run counts the sessions that match; {node} is one");
        }
        let counted = mass_end::count(&app.provider, &flags.filter(app).await?, COUNTED).await?;
        return world.output.result(json, &counted, || dry(counted));
    }
    let patience = how.wait.then_some(how.timeout);
    let (value, whose, ended) = if let Some(node) = session {
        let ended = end_one(app, node, how.reason).await?;
        let value = json!({ "session": node.to_string(), "ended": ended });
        (value, node.to_string(), ended)
    } else if let Some(email) = flags.only_user() {
        let user = user::find(app, email).await?.id;
        let ended = end_all(app, user, how.reason).await?;
        (json!({ "user": user, "ended": ended }), email.to_string(), ended)
    } else {
        return end_matching(app, flags, how, json, world).await;
    };
    let text = format!("{whose}: {}.", words::ended(ended));
    tell(app, value, text, patience, json, world).await
}

/// Says what ended, and with patience which APIs have confirmed it.
async fn tell(
    app: &App,
    mut value: Value,
    mut text: String,
    patience: Option<Lifetime>,
    json: bool,
    world: &mut World,
) -> anyhow::Result<()> {
    let Some(patience) = patience else {
        return world.output.result(json, &value, || text);
    };
    let confirmation = confirm(&app.provider, patience).await?;
    value["confirmation"] = serde_json::to_value(&confirmation)?;
    text.push('\n');
    text.push_str(&confirmed::shown(&confirmation));
    world.output.result(json, &value, || text)?;
    if confirmation.is_whole() {
        Ok(())
    } else {
        Err(Unconfirmed(confirmation.missing.len()).into())
    }
}

fn dry(counted: Counted) -> String {
    let number = |number: u64, noun| words::count(i64::try_from(number).unwrap_or(i64::MAX), noun);
    let found = number(counted.found, "app session");
    if counted.is_all {
        format!("{found} would end, with what hangs under them. Nothing was changed.")
    } else {
        format!(
            "At least {found} would end: so many match of the newest {}, and older ones were not looked at. Nothing was \
             changed.",
            number(counted.looked_at, "session")
        )
    }
}

/// Everything of a person, browsers too.
pub(in crate::cli) async fn end_all(app: &App, user: UserId, note: Option<Note>) -> anyhow::Result<Ended> {
    let ending = Ending::User { id: user, keep: None };
    let subject = Subject {
        user: Some(user),
        ..Subject::default()
    };
    Ok(end_as_operator(&app.provider, ending, subject, note, Actor::Operator).await?)
}

async fn end_one(app: &App, node: Node, why: Option<Note>) -> anyhow::Result<Ended> {
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
    let ended = end_as_operator(&app.provider, ending, subject, why, Actor::Operator).await?;
    if ended == Ended::default() {
        bail!(
            "there is no session {node} that could be ended: it has ended already, or never was; see `postern session list`"
        );
    }
    Ok(ended)
}

/// Whoever is faster works it off: this command, or a server.
async fn end_matching(
    app: &App,
    flags: &FilterFlags,
    how: How,
    json: bool,
    world: &mut World,
) -> anyhow::Result<()> {
    let provider = &app.provider;
    let patience = how.wait.then_some(how.timeout);
    let filter = flags.filter(app).await?;
    let mut end = mass_end::begin(provider, &filter, how.reason, Actor::Operator).await?;
    while !how.no_wait && end.done_at.is_none() {
        if mass_end::work(provider).await? {
            tokio::time::sleep(LOOK).await;
        }
        end = find(app, end.id).await?;
    }
    tell(
        app,
        serde_json::to_value(&end)?,
        progress(&end),
        patience,
        json,
        world,
    )
    .await
}

async fn find(app: &App, id: MassEndId) -> anyhow::Result<MassEnd> {
    let found = mass_end::find(&app.provider, id).await?;
    found.ok_or_else(|| anyhow!("there is no end {id}; see `postern session ends`"))
}

fn progress(end: &MassEnd) -> String {
    let ended = words::count(end.ended, "app session");
    match (end.done_at, end.cancelled_at) {
        (_, Some(_)) => format!("{}: cancelled; ended {ended}.", end.id),
        (Some(_), None) => format!("{}: ended {ended}.", end.id),
        (None, None) => format!(
            "{}: ended {ended} so far; see `postern session ends`, and `postern session cancel-end {}`",
            end.id, end.id
        ),
    }
}

pub(super) async fn list(app: &App, limit: i64, json: bool, world: &mut World) -> anyhow::Result<()> {
    let items = mass_end::list(&app.provider, None, limit).await?;
    let page = Page { items, next: None };
    world.output.result(json, &page, || {
        if page.items.is_empty() {
            return "No end of many sessions was begun in the last 30 days.".to_owned();
        }
        let row = |end: &MassEnd| {
            let state = match (end.done_at, end.cancelled_at) {
                (_, Some(at)) => format!("cancelled {}", at.to_rfc3339()),
                (Some(at), None) => format!("done {}", at.to_rfc3339()),
                (None, None) => "under way".to_owned(),
            };
            [
                end.id.to_string(),
                end.begun_at.to_rfc3339(),
                end.found.to_string(),
                end.ended.to_string(),
                state,
                end.note.as_ref().map(ToString::to_string).unwrap_or_default(),
            ]
        };
        let headings = ["END", "BEGUN", "FOUND", "ENDED", "STATE", "REASON"];
        table(headings, page.items.iter().map(row))
    })
}

pub(super) async fn cancel(app: &App, id: MassEndId, json: bool, world: &mut World) -> anyhow::Result<()> {
    if !mass_end::cancel(&app.provider, id, Actor::Operator).await? {
        bail!("{id} is not under way: it is done, or never was; see `postern session ends`");
    }
    let end = find(app, id).await?;
    world.output.result(json, &end, || progress(&end))
}
