//! The first page: how many sign in, where they are, and what one may do.

use axum::response::Response;

use super::{
    chart,
    rows::{session_row, version_bars},
    viewer::{Answer, Anybody, Viewer},
};
use crate::{base::time::Instant, flows::admin::look, web::pages::ConsolePage};

pub(super) async fn home(viewer: Viewer<Anybody>) -> Answer {
    let overview = look::overview(viewer.private.provider(), &viewer.by).await;
    let overview = overview.map_err(|error| viewer.fault(error))?;
    Ok(page(&viewer, overview))
}

fn page(viewer: &Viewer<Anybody>, overview: look::Overview) -> Response {
    let charts = overview
        .counts
        .map(|[hours, days]| vec![chart::of_hours(&hours), chart::of_days(&days)]);
    let newest = overview.newest.map(|seen| {
        let people = seen.people;
        let items = seen.search.page.items.into_iter();
        items.map(|row| session_row(viewer, row, Some(&people))).collect()
    });
    let counted = overview
        .versions
        .iter()
        .flatten()
        .map(|version| version.counted_at)
        .max();
    let counted_at = counted.map(Instant::to_rfc3339);
    let now = viewer.private.provider().clock.now();
    viewer.show(&ConsolePage {
        frame: viewer.frame("/console"),
        permissions: viewer
            .by
            .permissions
            .iter()
            .map(super::words::permission)
            .collect(),
        fresh: viewer.session.is_fresh(now),
        charts: charts.unwrap_or_default(),
        counted_at,
        versions: overview.versions.map(|versions| version_bars(viewer, versions)),
        newest,
    })
}
