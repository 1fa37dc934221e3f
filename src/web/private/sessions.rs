//! Where people are signed in.

use axum::{extract::State, response::Response};
use http::StatusCode;
use serde::Deserialize;

use super::{
    Private,
    input::{Asked, MaySend, Named},
    once::json,
    permission::{Admin, EndSessions, ReadSessions},
    problem::Problem,
};
use crate::{
    base::{
        id::{BrowserSessionId, ClientId, DeviceSessionId, UserId},
        page::Page,
        text::Note,
    },
    domain::{browser_session_filter::BrowserSessionFilter, session_filter::SessionFilter},
    flows::{
        admin::{Unknown, people, sessions as verbs},
        confirm::{Reached, Wait},
        sessions,
    },
    store::ending::Ended,
};

type Answer = Result<Response, Problem>;

pub(super) async fn list(State(private): State<Private>, _: Admin<ReadSessions>, asked: Asked) -> Answer {
    let filter: SessionFilter = asked.filter(&SessionFilter::PARTS)?;
    let (after, limit) = (asked.cursor()?, asked.limit()?);
    let found = sessions::list(private.provider(), &filter, after, limit).await?;
    Ok(json(StatusCode::OK, found))
}

pub(super) async fn versions(State(private): State<Private>, _: Admin<ReadSessions>, asked: Asked) -> Answer {
    let client: Option<ClientId> = asked.value("client", |text| text.parse().ok(), "a client's id")?;
    let items = sessions::versions(private.provider(), client.as_ref()).await?;
    Ok(json(StatusCode::OK, Page { items, next: None }))
}

pub(super) async fn browsers(State(private): State<Private>, _: Admin<ReadSessions>, asked: Asked) -> Answer {
    let filter: BrowserSessionFilter = asked.filter(&BrowserSessionFilter::PARTS)?;
    listed_browsers(&private, &filter, &asked).await
}

pub(super) async fn browsers_of_user(
    State(private): State<Private>,
    _: Admin<ReadSessions>,
    Named(user): Named<UserId>,
    asked: Asked,
) -> Answer {
    people::known(private.provider(), user).await?;
    let filter = BrowserSessionFilter {
        user: Some(user),
        ..BrowserSessionFilter::default()
    };
    listed_browsers(&private, &filter, &asked).await
}

async fn listed_browsers(private: &Private, filter: &BrowserSessionFilter, asked: &Asked) -> Answer {
    let (after, limit) = (asked.cursor()?, asked.limit()?);
    let found = sessions::browsers::list(private.provider(), filter, after, limit).await?;
    Ok(json(StatusCode::OK, found))
}

pub(super) async fn get_browser(
    State(private): State<Private>,
    _: Admin<ReadSessions>,
    Named(id): Named<BrowserSessionId>,
) -> Answer {
    let found = sessions::browsers::show(private.provider(), id).await?;
    Ok(json(StatusCode::OK, found.ok_or(Unknown("session"))?))
}

pub(super) async fn of_user(
    State(private): State<Private>,
    _: Admin<ReadSessions>,
    Named(user): Named<UserId>,
    asked: Asked,
) -> Answer {
    people::known(private.provider(), user).await?;
    let (after, limit) = (asked.cursor()?, asked.limit()?);
    let filter = SessionFilter {
        user: Some(user),
        ..SessionFilter::default()
    };
    let found = sessions::list(private.provider(), &filter, after, limit).await?;
    Ok(json(StatusCode::OK, found))
}

pub(super) async fn get(
    State(private): State<Private>,
    _: Admin<ReadSessions>,
    Named(id): Named<DeviceSessionId>,
) -> Answer {
    let found = sessions::detailed(private.provider(), id).await?;
    Ok(json(StatusCode::OK, found.ok_or(Unknown("session"))?))
}

/// Why something ends.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Because {
    reason: Option<Note>,
}

/// Says what ended; who wants to wait also hears which APIs refuse it.
async fn told(ended: Ended, wait: Option<Wait<'_>>) -> Answer {
    let confirmation = match wait {
        Some(wait) => Some(wait.confirm().await?),
        None => None,
    };
    let reached = Reached {
        done: ended,
        confirmation,
    };
    Ok(json(StatusCode::OK, reached))
}

pub(super) async fn end_device(
    State(private): State<Private>,
    admin: Admin<EndSessions>,
    Named(id): Named<DeviceSessionId>,
    asked: Asked,
    MaySend(because): MaySend<Because>,
) -> Answer {
    let wait = asked.wait(&private)?;
    let (_, ended) = verbs::end_device(private.provider(), &admin.by, id, because.reason).await?;
    told(ended, wait).await
}

pub(super) async fn end_browser(
    State(private): State<Private>,
    admin: Admin<EndSessions>,
    Named(id): Named<BrowserSessionId>,
    asked: Asked,
    MaySend(because): MaySend<Because>,
) -> Answer {
    let wait = asked.wait(&private)?;
    let (_, ended) = verbs::end_browser(private.provider(), &admin.by, id, because.reason).await?;
    told(ended, wait).await
}

pub(super) async fn end_of_user(
    State(private): State<Private>,
    admin: Admin<EndSessions>,
    Named(id): Named<UserId>,
    asked: Asked,
    MaySend(because): MaySend<Because>,
) -> Answer {
    let wait = asked.wait(&private)?;
    let ended = verbs::end_user(private.provider(), &admin.by, id, because.reason).await?;
    told(ended, wait).await
}
