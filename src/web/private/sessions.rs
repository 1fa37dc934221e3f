//! Where people are signed in.

use axum::{extract::State, response::Response};
use http::StatusCode;
use serde::Serialize;

use super::{
    Private,
    input::{Asked, Named},
    once::json,
    permission::{Admin, EndSessions, ReadSessions},
    problem::Problem,
};
use crate::{
    base::{
        id::{BrowserSessionId, ClientId, DeviceSessionId, UserId},
        page::Page,
        time::Instant,
    },
    domain::{device_session::State as Standing, session_filter::SessionFilter},
    flows::{
        admin::{
            Unknown, people,
            sessions::{self as verbs, Why},
        },
        sessions,
    },
    store::{browser_sessions, device_sessions},
    web::extract::address::Address,
};

type Answer = Result<Response, Problem>;

pub(super) async fn browsers(
    State(private): State<Private>,
    _: Admin<ReadSessions>,
    Named(user): Named<UserId>,
) -> Answer {
    people::known(private.provider(), user).await?;
    let items: Vec<browser_sessions::Listed> = sessions::browsers(private.provider(), user).await?;
    Ok(json(StatusCode::OK, Page { items, next: None }))
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

/// A session of an app on a device.
#[derive(Serialize)]
struct Shown {
    id: DeviceSessionId,
    user: UserId,
    client: ClientId,
    origin: Option<BrowserSessionId>,
    state: &'static str,
    scope: String,
    auth_time: Instant,
    last_used_at: Option<Instant>,
    expires_at: Instant,
    ended_at: Option<Instant>,
}

pub(super) async fn get(
    State(private): State<Private>,
    _: Admin<ReadSessions>,
    Named(id): Named<DeviceSessionId>,
) -> Answer {
    let found = device_sessions::find(&private.provider().db, id).await?;
    let found = found.ok_or(Unknown("session"))?;
    let (state, last_used_at, ended_at) = match found.session.state {
        Standing::Granted { .. } => ("granted", None, None),
        Standing::Active { rotated_at, .. } => ("active", Some(rotated_at), None),
        Standing::Ended { at } => ("ended", None, Some(at)),
    };
    let shown = Shown {
        id,
        user: found.session.user,
        client: found.session.client,
        origin: found.session.origin,
        state,
        scope: found.grant.scope.to_string(),
        auth_time: found.grant.auth_time,
        last_used_at,
        expires_at: found.session.expires_at,
        ended_at,
    };
    Ok(json(StatusCode::OK, shown))
}

fn why(address: Address) -> Why {
    Why {
        note: None,
        address: Some(address.to_string()),
    }
}

pub(super) async fn end_device(
    State(private): State<Private>,
    admin: Admin<EndSessions>,
    Named(id): Named<DeviceSessionId>,
) -> Answer {
    let (_, ended) = verbs::end_device(private.provider(), &admin.by, id, why(admin.address)).await?;
    Ok(json(StatusCode::OK, ended))
}

pub(super) async fn end_browser(
    State(private): State<Private>,
    admin: Admin<EndSessions>,
    Named(id): Named<BrowserSessionId>,
) -> Answer {
    let ended = verbs::end_browser(private.provider(), &admin.by, None, id, why(admin.address)).await?;
    Ok(json(StatusCode::OK, ended))
}

pub(super) async fn end_of_user(
    State(private): State<Private>,
    admin: Admin<EndSessions>,
    Named(id): Named<UserId>,
) -> Answer {
    let ended = verbs::end_user(private.provider(), &admin.by, id, why(admin.address)).await?;
    Ok(json(StatusCode::OK, ended))
}
