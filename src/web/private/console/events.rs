//! What happened, newest first; live when somebody wants to watch.

use http::{HeaderValue, header};

use super::{
    filter::named,
    rows::{event_row, with_query},
    viewer::{Answer, Viewer},
    words,
};
use crate::{
    base::id::EventId,
    domain::event_filter::EventFilter,
    flows::admin::look,
    web::{pages::EventsPage, private::permission::ReadEvents},
};

/// How many seconds a live page stands.
const LIVE: HeaderValue = HeaderValue::from_static("3");

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
    let mut filter = EventFilter {
        kind: Some(kind.clone()).filter(|kind| !kind.is_empty()),
        ..EventFilter::default()
    };
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
    let before: Option<EventId> = viewer.query.text("before").parse().ok();
    let seen = look::events(provider, &filter, before, look::PAGE).await;
    let seen = seen.map_err(|error| viewer.fault(error))?;
    let now = provider.clock.now();
    page.events = seen
        .page
        .items
        .into_iter()
        .map(|line| event_row(&viewer, line, &seen.people, now))
        .collect();
    page.next = seen.page.next.filter(|_| !live).map(|next| {
        with_query(
            "/console/events",
            &[("kind", &kind), ("person", &person), ("before", &next)],
        )
    });
    let mut response = viewer.show(&page);
    if live {
        response.headers_mut().insert(header::REFRESH, LIVE);
    }
    Ok(response)
}
