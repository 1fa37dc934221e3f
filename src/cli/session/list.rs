//! `postern session list|show|versions`.

use anyhow::bail;
use serde::Serialize;

use super::filter::FilterFlags;
use crate::{
    base::{
        id::{ClientId, DeviceSessionId},
        page::Page,
        time::Instant,
    },
    cli::{
        admin::Admin,
        place::Place,
        table::{facts, table},
        words,
        world::World,
    },
    flows::sessions::Shown,
    store::{app_versions::VersionCount, browser_sessions, device_sessions},
};

/// A page of device sessions; of one person also the browser sessions.
#[derive(Serialize)]
struct Sessions {
    #[serde(flatten)]
    devices: Page<device_sessions::list::Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    browsers: Option<Vec<browser_sessions::Listed>>,
}

/// Which page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) after: Option<DeviceSessionId>,
    pub(super) limit: i64,
}

pub(super) async fn list(
    admin: &Admin,
    flags: &FilterFlags,
    Wanted { after, limit }: Wanted,
    json: bool,
    place: &Place,
    world: &mut World,
) -> anyhow::Result<()> {
    let filter = flags.filter(admin).await?;
    let mut devices = Page {
        items: Vec::new(),
        next: after.map(|after| after.to_string()),
    };
    // Each search is short; the person waits for as many as it takes.
    loop {
        let from = devices.next.as_deref().map(str::parse).transpose()?;
        let wanted = limit - i64::try_from(devices.items.len())?;
        let found = admin.sessions(&filter, from, wanted).await?;
        devices.items.extend(found.page.items);
        devices.next = found.page.next;
        if devices.next.is_none() || i64::try_from(devices.items.len())? >= limit {
            break;
        }
    }
    // They are few, and stand before the first page.
    let browsers = match filter.user {
        Some(user) if after.is_none() && flags.only_user().is_some() => Some(admin.browsers(user).await?),
        _ => None,
    };
    let sessions = Sessions { devices, browsers };
    let text = || shown(&sessions, admin.now()) + &place.more(sessions.devices.next.as_deref());
    world.output.result(json, &sessions, text)
}

fn shown(sessions: &Sessions, now: Instant) -> String {
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
            session.app_version.clone().unwrap_or_default(),
            session.device.clone(),
            session.address.clone().unwrap_or_default(),
            session.first_used_at.to_rfc3339(),
            words::ago(session.last_used_at, now),
        ]
    };
    let headings = [
        "APP SESSION",
        "USER",
        "APP",
        "VERSION",
        "DEVICE",
        "ADDRESS",
        "BEGAN",
        "USED",
    ];
    let devices = &sessions.devices;
    parts.push(if devices.items.is_empty() {
        "No app is signed in.".to_owned()
    } else {
        table(headings, devices.items.iter().map(row))
    });
    parts.join("\n\n")
}

pub(super) async fn show(
    admin: &Admin,
    id: DeviceSessionId,
    json: bool,
    world: &mut World,
) -> anyhow::Result<()> {
    let Some(shown) = admin.session(id).await? else {
        bail!("there is no session {id}: it never was, or ended more than two days ago");
    };
    world.output.result(json, &shown, || one(&shown))
}

fn one(shown: &Shown) -> String {
    let session = &shown.session;
    let optional = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![
        ("session", session.id.to_string()),
        ("state", shown.state.as_str().to_owned()),
        ("user", session.user.to_string()),
        ("app", session.client.to_string()),
        ("version", optional(session.app_version.clone())),
        (
            "device",
            optional(Some(session.device.clone()).filter(|device| !device.is_empty())),
        ),
        ("address", optional(session.address.clone())),
        ("opened from", optional(session.origin.map(|id| id.to_string()))),
        ("hangs under", optional(session.parent.map(|id| id.to_string()))),
        ("lives", session.life.as_str().to_owned()),
        ("began", session.first_used_at.to_rfc3339()),
        ("last used", session.last_used_at.to_rfc3339()),
        ("ends by itself", session.expires_at.to_rfc3339()),
        ("lost answers", session.retries.to_string()),
    ];
    if let (Some(at), Some(reason)) = (shown.ended_at, &shown.end_reason) {
        rows.push(("ended", format!("{} ({reason})", at.to_rfc3339())));
    }
    facts(&rows)
}

pub(super) async fn versions(
    admin: &Admin,
    client: Option<&ClientId>,
    json: bool,
    world: &mut World,
) -> anyhow::Result<()> {
    let items = admin.versions(client).await?;
    let page = Page { items, next: None };
    world.output.result(json, &page, || {
        if page.items.is_empty() {
            return "Nothing has been counted yet; a running server counts all the time.".to_owned();
        }
        let row = |count: &VersionCount| {
            [
                count.client.to_string(),
                count.app_version.clone().unwrap_or_default(),
                count.sessions.to_string(),
                count.counted_at.to_rfc3339(),
            ]
        };
        table(
            ["APP", "VERSION", "SESSIONS", "COUNTED"],
            page.items.iter().map(row),
        )
    })
}
