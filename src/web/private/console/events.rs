//! What happened, newest first; live when somebody wants to watch: each page goes on behind the one before, so that nothing is
//! missed that was committed late, or with many others.

use http::{HeaderValue, header};

use super::{
    filter::named,
    rows::{event_row, with_query},
    viewer::{Answer, Fault, Viewer},
    words,
};
use crate::{
    base::id::EventId,
    domain::{event_filter::EventFilter, event_kind::EventKind},
    flows::admin::look,
    web::{pages::EventsPage, private::permission::ReadEvents},
};

/// How many seconds a live page stands.
const LIVE: u64 = 3;

pub(super) async fn list(viewer: Viewer<ReadEvents>) -> Answer {
    let provider = viewer.private.provider();
    let (kind, person) = (
        viewer.query.text("kind").to_owned(),
        viewer.query.text("person").trim().to_owned(),
    );
    let live = viewer.query.text("live") == "yes";
    let other = if live { "" } else { "yes" };
    let mut page = EventsPage {
        frame: viewer.frame("/console/events"),
        kinds: words::EVENTS
            .iter()
            .map(|(kind, words)| ((*kind).to_owned(), (*words).to_owned()))
            .collect(),
        other_path: with_query(
            "/console/events",
            &[("kind", &kind), ("person", &person), ("live", other)],
        ),
        kind: kind.clone(),
        person: person.clone(),
        error: None,
        events: Vec::new(),
        live,
        next: None,
    };
    let mut filter = EventFilter::default();
    if !kind.is_empty() {
        match kind.parse::<EventKind>() {
            Ok(known) => filter.kind = Some(known),
            Err(unknown) => {
                page.error = Some(unknown.to_string());
                return Ok(viewer.show_again(&page));
            }
        }
    }
    if !person.is_empty() {
        match named(provider, &person)
            .await
            .map_err(|error| viewer.fault(error))?
        {
            Ok(user) => filter.user = Some(user),
            Err(nobody) => {
                page.error = Some(nobody);
                return Ok(viewer.show_again(&page));
            }
        }
    }
    let (seen, cursor) = if live {
        let cursor = viewer.query.text("cursor").parse().ok();
        let watched = look::watched(provider, &filter, cursor).await;
        let (seen, cursor) = watched.map_err(|error| viewer.fault(error))?;
        (seen, Some(cursor))
    } else {
        let before: Option<EventId> = viewer.query.text("before").parse().ok();
        let seen = look::events(provider, &filter, before, look::PAGE).await;
        (seen.map_err(|error| viewer.fault(error))?, None)
    };
    let now = provider.clock.now();
    page.events = seen
        .page
        .items
        .into_iter()
        .map(|line| event_row(&viewer, line, &seen.people, now))
        .collect();
    page.next = seen.page.next.map(|next| {
        with_query(
            "/console/events",
            &[("kind", &kind), ("person", &person), ("before", &next)],
        )
    });
    let mut response = viewer.show(&page);
    if let Some(cursor) = cursor {
        let cursor = cursor.to_string();
        let pairs = [
            ("kind", kind.as_str()),
            ("person", &person),
            ("live", "yes"),
            ("cursor", &cursor),
        ];
        let next = format!("{LIVE}; url={}", with_query("/console/events", &pairs));
        let next =
            HeaderValue::try_from(next).map_err(|error| viewer.fault(Fault::Other(error.to_string())))?;
        response.headers_mut().insert(header::REFRESH, next);
    }
    Ok(response)
}
