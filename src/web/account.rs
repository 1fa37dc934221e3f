//! The person's own page: where they are signed in, and how to end it.

use axum::{
    extract::State,
    response::{Redirect, Response},
};
use http::StatusCode;

use crate::{
    base::{time::Instant, words::ago},
    domain::browser_session::BrowserSession,
    flows::account::{self as verbs, Overview},
    store::{browser_sessions, consents::Consent, device_sessions},
    web::{
        Shared,
        cookies::Flow,
        error::store_page,
        extract::{csrf, session::Visitor},
        journey::sign_in_page::{SignIn, sign_in_first},
        pages::{AccountPage, BrowserRow, ConsentRow, DeviceRow, Used},
        scope_texts::scope_texts,
    },
};

pub(super) mod consent;
pub(super) mod ending;
pub(super) mod password;
pub(super) mod sign_out;

/// The start page of a server that people only meet on their way: their account.
pub(super) async fn home() -> Redirect {
    Redirect::to("/account")
}

pub(super) async fn overview(State(site): State<Shared>, visitor: Visitor) -> Response {
    let Some(session) = &visitor.session else {
        return sign_in_first(&site, &visitor, SignIn::fresh(String::new()));
    };
    show(&site, &visitor, session, Message::default()).await
}

/// What the page says about what was just done.
#[derive(Debug, Default)]
struct Message {
    notice: Option<String>,
    error: Option<(StatusCode, String)>,
}

impl Message {
    fn notice(text: &str) -> Self {
        Self {
            notice: Some(text.to_owned()),
            error: None,
        }
    }

    fn error(status: StatusCode, text: String) -> Self {
        Self {
            notice: None,
            error: Some((status, text)),
        }
    }
}

async fn show(site: &Shared, visitor: &Visitor, session: &BrowserSession, message: Message) -> Response {
    let overview = match verbs::overview(&site.provider, session).await {
        Ok(overview) => overview,
        Err(error) => return store_page(site, &visitor.request_id, &error),
    };
    let flow = visitor.start_flow(site);
    let (status, error) = message
        .error
        .map_or((StatusCode::OK, None), |(status, text)| (status, Some(text)));
    let page = AccountPage {
        notice: message.notice,
        error,
        ..page(site, session, &flow, overview)
    };
    let mut response = site.pages.respond(status, &page, &[]);
    site.cookies
        .set_flow(&site.provider, &flow, response.headers_mut());
    response
}

fn page(site: &Shared, session: &BrowserSession, flow: &Flow, overview: Overview) -> AccountPage {
    let now = overview.at;
    let browser = |row: browser_sessions::list::ListedBrowserSession| BrowserRow {
        here: row.id == session.id,
        id: row.id.to_string(),
        label: row.label,
        used: used(row.created_at, row.last_seen_at, now),
    };
    let device = |row: device_sessions::list::ListedDeviceSession| DeviceRow {
        here: row.origin == Some(session.id),
        id: row.id.to_string(),
        app: site.provider.clients.name(&row.client),
        device: row.device,
        used: used(row.first_used_at, row.last_used_at, now),
    };
    let consent = |row: Consent| ConsentRow {
        app: site.provider.clients.name(&row.client),
        client: row.client.to_string(),
        scopes: scope_texts(&row.scope)
            .into_iter()
            .map(|text| text.title)
            .collect(),
    };
    AccountPage {
        email: session.email.to_string(),
        name: overview.name.map(|name| name.to_string()).unwrap_or_default(),
        csrf: csrf::token(site, flow, session),
        notice: None,
        error: None,
        browsers: overview.browsers.into_iter().map(browser).collect(),
        devices: overview.devices.into_iter().map(device).collect(),
        consents: overview.consents.into_iter().map(consent).collect(),
    }
}

pub(super) fn used(first: Instant, last: Instant, now: Instant) -> Used {
    Used {
        first_used: ago(first, now),
        last_used: ago(last, now),
        first_used_at: first.to_rfc3339(),
        last_used_at: last.to_rfc3339(),
    }
}
