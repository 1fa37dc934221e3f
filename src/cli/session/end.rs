//! `postern session end|ends|cancel-end`.

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::{confirmed, filter::FilterFlags};
use crate::{
    base::{id::MassEndId, session_id::SessionId, text::Note, time::Lifetime},
    cli::{admin::Admin, failure::Unconfirmed, place::Place, table::table, words, world::World},
    flows::{confirm::Confirmation, mass_end::Counted},
    store::mass_ends::{MassEnd, Standing},
};

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
    admin: &Admin,
    session: Option<SessionId>,
    flags: &FilterFlags,
    how: How,
    json: bool,
    world: &mut World,
) -> anyhow::Result<()> {
    if how.dry_run {
        if let Some(id) = session {
            bail!("--dry-run counts the sessions that match; {id} is one");
        }
        let counted = admin.count(&flags.filter(admin).await?).await?;
        return world.output.result(json, &counted, || dry(counted));
    }
    let patience = how.wait.then_some(how.timeout);
    let (mut value, whose, told) = if let Some(id) = session {
        let Some(told) = admin.end(id, how.reason, patience).await? else {
            bail!(
                "there is no session {id}: it never was, or ended more than two days ago; see `postern session list`"
            );
        };
        (json!({ "session": id.to_string() }), id.to_string(), told)
    } else if let Some(email) = flags.only_user() {
        let user = admin.user(email).await?.id;
        let told = admin.end_user(user, how.reason, patience).await?;
        (json!({ "user": user }), email.to_string(), told)
    } else {
        return end_matching(admin, flags, how, json, world).await;
    };
    value["ended"] = serde_json::to_value(told.done)?;
    let text = format!("{whose}: {}.", words::ended(told.done));
    tell(value, text, told.confirmation, json, world)
}

/// Says what ended, and which APIs have confirmed it when somebody waited for that.
fn tell(
    mut value: Value,
    mut text: String,
    confirmation: Option<Confirmation>,
    json: bool,
    world: &mut World,
) -> anyhow::Result<()> {
    let Some(confirmation) = confirmation else {
        return world.output.result(json, &value, || text);
    };
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

async fn end_matching(
    admin: &Admin,
    flags: &FilterFlags,
    how: How,
    json: bool,
    world: &mut World,
) -> anyhow::Result<()> {
    let filter = flags.filter(admin).await?;
    let mut end = admin.begin(&filter, how.reason).await?;
    if !how.no_wait {
        end = admin.finish(end).await?;
    }
    let confirmation = if how.wait {
        let confirmed = admin.confirm(&end, how.timeout).await;
        Some(confirmed.with_context(|| progress(&end))?)
    } else {
        None
    };
    tell(
        serde_json::to_value(&end)?,
        progress(&end),
        confirmation,
        json,
        world,
    )
}

fn progress(end: &MassEnd) -> String {
    let ended = words::count(end.ended, "app session");
    match end.standing() {
        Standing::Cancelled(_) => format!("{}: cancelled; ended {ended}.", end.id),
        Standing::Done(_) => format!("{}: ended {ended}.", end.id),
        Standing::UnderWay => format!(
            "{}: ended {ended} so far; see `postern session ends`, and `postern session cancel-end {}`",
            end.id, end.id
        ),
    }
}

pub(super) async fn list(
    admin: &Admin,
    after: Option<MassEndId>,
    limit: i64,
    json: bool,
    place: &Place,
    world: &mut World,
) -> anyhow::Result<()> {
    let page = admin.mass_ends(after, limit).await?;
    world.output.result(json, &page, || {
        if page.items.is_empty() {
            return "No end of many sessions was begun in the last 30 days.".to_owned();
        }
        let row = |end: &MassEnd| {
            let state = match end.standing() {
                Standing::Cancelled(at) => format!("cancelled {}", at.to_rfc3339()),
                Standing::Done(at) => format!("done {}", at.to_rfc3339()),
                Standing::UnderWay => "under way".to_owned(),
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
        table(headings, page.items.iter().map(row)) + &place.more(page.next.as_deref())
    })
}

pub(super) async fn cancel(
    admin: &Admin,
    id: MassEndId,
    json: bool,
    world: &mut World,
) -> anyhow::Result<()> {
    if !admin.cancel(id).await? {
        bail!("{id} is not under way: it is done, or never was; see `postern session ends`");
    }
    let end = admin.mass_end(id).await?;
    world.output.result(json, &end, || progress(&end))
}
