//! `postern session list|browsers|show|versions`.

use std::{error::Error, fmt::Display, str::FromStr};

use anyhow::anyhow;
use serde::Serialize;

use super::filter::{AnyFlags, FilterFlags};
use crate::{
    base::{
        id::{BrowserSessionId, ClientId, DeviceSessionId},
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
    flows::sessions::{Search, Shown},
    store::{app_versions::VersionCount, browser_sessions, device_sessions},
};

/// A page of device sessions; of one person also the browser sessions.
#[derive(Serialize)]
struct Sessions {
    #[serde(flatten)]
    devices: Page<device_sessions::list::ListedDeviceSession>,
    #[serde(skip_serializing_if = "Option::is_none")]
    browsers: Option<Vec<browser_sessions::list::ListedBrowserSession>>,
}

/// Which page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<I> {
    pub(super) after: Option<I>,
    pub(super) limit: i64,
}

impl<I> Wanted<I>
where
    I: Copy + Display + FromStr<Err: Error + Send + Sync + 'static>,
{
    /// Each search is short; the person waits for as many as it takes.
    async fn filled<T>(
        self,
        search: impl AsyncFn(Option<I>, i64) -> anyhow::Result<Search<T>>,
    ) -> anyhow::Result<Page<T>> {
        let mut page = Page {
            items: Vec::new(),
            next: self.after.map(|after| after.to_string()),
        };
        loop {
            let from = page.next.as_deref().map(str::parse).transpose()?;
            let wanted = self.limit - i64::try_from(page.items.len())?;
            let found = search(from, wanted).await?;
            page.items.extend(found.page.items);
            page.next = found.page.next;
            if page.next.is_none() || i64::try_from(page.items.len())? >= self.limit {
                return Ok(page);
            }
        }
    }
}

pub(super) async fn list(
    admin: &Admin,
    flags: &FilterFlags,
    page: Wanted<DeviceSessionId>,
    json: bool,
    place: &Place,
    world: &mut World,
) -> anyhow::Result<()> {
    let filter = flags.filter(admin).await?;
    let devices = page.filled(async |after, limit| admin.sessions(&filter, after, limit).await);
    let devices = devices.await?;
    // They are few, and stand before the first page.
    let browsers = match filter.user {
        Some(user) if page.after.is_none() && flags.only_user().is_some() => {
            Some(admin.browsers_of(user).await?)
        }
        _ => None,
    };
    let sessions = Sessions { devices, browsers };
    let text = || shown(&sessions, admin.now()) + &place.more(sessions.devices.next.as_deref());
    world.output.result(json, &sessions, text)
}

pub(super) async fn browsers(
    admin: &Admin,
    flags: &AnyFlags,
    page: Wanted<BrowserSessionId>,
    json: bool,
    place: &Place,
    world: &mut World,
) -> anyhow::Result<()> {
    let filter = flags.filter(admin).await?;
    let found = page.filled(async |after, limit| admin.browsers(&filter, after, limit).await);
    let found = found.await?;
    world.output.result(json, &found, || {
        if found.items.is_empty() {
            return "Nobody is signed in in a browser.".to_owned() + &place.more(found.next.as_deref());
        }
        browser_table(&found.items, admin.now()) + &place.more(found.next.as_deref())
    })
}

fn browser_table(browsers: &[browser_sessions::list::ListedBrowserSession], now: Instant) -> String {
    let row = |session: &browser_sessions::list::ListedBrowserSession| {
        [
            session.id.to_string(),
            session.user.to_string(),
            session.label.clone(),
            session.created_at.to_rfc3339(),
            words::ago(session.last_seen_at, now),
        ]
    };
    let headings = ["BROWSER SESSION", "USER", "BROWSER", "BEGAN", "SEEN"];
    table(headings, browsers.iter().map(row))
}

fn shown(sessions: &Sessions, now: Instant) -> String {
    let mut parts = Vec::new();
    if let Some(browsers) = sessions.browsers.as_ref().filter(|browsers| !browsers.is_empty()) {
        parts.push(browser_table(browsers, now));
    }
    let row = |session: &device_sessions::list::ListedDeviceSession| {
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
    let shown = admin.session(id).await?.ok_or_else(|| none(id))?;
    world.output.result(json, &shown, || one(&shown))
}

pub(super) async fn show_browser(
    admin: &Admin,
    id: BrowserSessionId,
    json: bool,
    world: &mut World,
) -> anyhow::Result<()> {
    let shown = admin.browser(id).await?.ok_or_else(|| none(id))?;
    world.output.result(json, &shown, || {
        let session = &shown.session;
        let mut rows = vec![
            ("session", session.id.to_string()),
            ("state", shown.state.as_str().to_owned()),
            ("user", session.user.to_string()),
            ("browser", session.label.clone()),
            ("began", session.created_at.to_rfc3339()),
            ("last seen", session.last_seen_at.to_rfc3339()),
            ("ends by itself", session.expires_at.to_rfc3339()),
        ];
        rows.extend(ended(&shown));
        facts(&rows)
    })
}

fn none(id: impl Display) -> anyhow::Error {
    anyhow!("there is no session {id}: it never was, or ended more than two days ago")
}

fn ended<T>(shown: &Shown<T>) -> Option<(&'static str, String)> {
    let (at, reason) = shown.ended_at.zip(shown.end_reason.as_ref())?;
    Some(("ended", format!("{} ({reason})", at.to_rfc3339())))
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
    rows.extend(ended(shown));
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
