//! Ends of all sessions that match a filter.

use axum::{extract::State, response::Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{
    Private,
    input::{Asked, Named, Sent},
    once::json,
    permission::{Admin, Confirmed, EndSessions, ReadSessions},
    problem::{Kind, Problem},
};
use crate::{
    base::{id::MassEndId, text::Note},
    domain::session_filter::SessionFilter,
    flows::{
        admin::Unknown,
        confirm::Reached,
        mass_end::{self, Counted},
    },
    store::mass_ends::MassEnd,
};

type Answer = Result<Response, Problem>;

/// What ends, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToEnd {
    filter: SessionFilter,
    reason: Option<Note>,
    #[serde(default)]
    dry_run: bool,
}

/// The end that was begun, or how many sessions would end.
#[derive(Default, Serialize)]
struct Begun {
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<MassEnd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_end: Option<Counted>,
}

pub(super) async fn begin(
    State(private): State<Private>,
    admin: Admin<EndSessions>,
    _: Confirmed,
    Sent(asked): Sent<ToEnd>,
) -> Answer {
    let (provider, filter) = (private.provider(), &asked.filter);
    let mut begun = Begun::default();
    if asked.dry_run {
        begun.would_end = Some(mass_end::count(provider, &admin.by, filter).await?);
    } else {
        begun.end = Some(mass_end::begin(provider, &admin.by, filter, asked.reason).await?);
    }
    Ok(json(StatusCode::OK, begun))
}

pub(super) async fn list(State(private): State<Private>, _: Admin<ReadSessions>, asked: Asked) -> Answer {
    let (after, limit) = (asked.cursor()?, asked.limit()?);
    let page = mass_end::list(private.provider(), after, limit).await?;
    Ok(json(StatusCode::OK, page))
}

pub(super) async fn get(
    State(private): State<Private>,
    _: Admin<ReadSessions>,
    Named(id): Named<MassEndId>,
    asked: Asked,
) -> Answer {
    let provider = private.provider();
    let found = match asked.look(&private)? {
        Some(wait) => mass_end::wait(wait, id).await?,
        None => mass_end::find(provider, id).await?.map(|done| Reached {
            done,
            confirmation: None,
        }),
    };
    Ok(json(StatusCode::OK, found.ok_or(Unknown("end"))?))
}

pub(super) async fn cancel(
    State(private): State<Private>,
    admin: Admin<EndSessions>,
    Named(id): Named<MassEndId>,
) -> Answer {
    let provider = private.provider();
    let cancelled = mass_end::cancel(provider, &admin.by, id).await?;
    let end = mass_end::find(provider, id).await?.ok_or(Unknown("end"))?;
    if !cancelled {
        return Err(Problem::saying(Kind::NotNow, "it is done already"));
    }
    Ok(json(StatusCode::OK, end))
}
