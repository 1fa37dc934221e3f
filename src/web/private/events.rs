//! What happened, and who uses what is going to end.

use axum::{extract::State, response::Response};
use http::StatusCode;

use super::{
    Private,
    input::Asked,
    once::json,
    permission::{Admin, ReadEvents},
    problem::{Kind, Problem},
};
use crate::{
    base::{page::Page, time::Lifetime},
    domain::{audit::Place, event_filter::EventFilter},
    flows::{
        events::{self, Step},
        legacy_uses,
    },
};

type Answer = Result<Response, Problem>;

pub(super) async fn list(State(private): State<Private>, _: Admin<ReadEvents>, asked: Asked) -> Answer {
    let (provider, filter) = (
        private.provider(),
        asked.filter::<EventFilter>(&EventFilter::PARTS)?,
    );
    let (cursor, limit) = (asked.cursor()?, asked.limit()?);
    let read = |text: &str| ["oldest", "newest"].contains(&text).then(|| text == "newest");
    let page = match asked.value("order", read, "oldest or newest")? {
        Some(true) => events::list(provider, &filter, cursor, limit).await?,
        _ => events::oldest(provider, &filter, cursor, limit).await?,
    };
    Ok(json(StatusCode::OK, page))
}

/// What came since the `next` of the answer before, in the order of the chain.
pub(super) async fn live(State(private): State<Private>, _: Admin<ReadEvents>, asked: Asked) -> Answer {
    let filter: EventFilter = asked.filter(&EventFilter::PARTS)?;
    let (cursor, limit) = (asked.cursor::<Place>()?, asked.limit()?);
    let live = events::live(private.provider(), &filter, cursor, limit).await?;
    let page = Page {
        items: live.events,
        next: Some(live.cursor.to_string()),
    };
    Ok(json(StatusCode::OK, page))
}

/// How many steps of each length are counted at most.
const MOST_HOURS: Lifetime = Lifetime::from_days(31);
const MOST_DAYS: Lifetime = Lifetime::from_days(366);

pub(super) async fn counts(State(private): State<Private>, _: Admin<ReadEvents>, asked: Asked) -> Answer {
    let provider = private.provider();
    let read = |text: &str| match text {
        "hour" => Some((Step::Hour, MOST_HOURS)),
        "day" => Some((Step::Day, MOST_DAYS)),
        _ => None,
    };
    let (step, most) = asked
        .value("step", read, "hour or day")?
        .unwrap_or((Step::Hour, MOST_HOURS));
    let now = provider.clock.now();
    let until = asked.time("until")?.unwrap_or(now.plus(Lifetime::from_millis(1)));
    let since = asked.time("since")?;
    let since = since.unwrap_or_else(|| until.minus(Lifetime::from_days(1)));
    if until.since(since) > most {
        let hint = format!("since and until are at most {most} apart for this step");
        return Err(Problem::saying(Kind::InvalidParameter, hint));
    }
    let kind = asked.filter::<EventFilter>(&["kind"])?.kind;
    let items = events::counts(provider, since, until, step, kind).await?;
    Ok(json(StatusCode::OK, Page { items, next: None }))
}

pub(super) async fn legacy(State(private): State<Private>, _: Admin<ReadEvents>) -> Answer {
    let items = legacy_uses::list(private.provider()).await?;
    Ok(json(StatusCode::OK, Page { items, next: None }))
}
