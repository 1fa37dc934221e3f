//! Ends of many sessions, and how far they came.

use axum::extract::Path;
use http::{HeaderValue, header};
use serde_json::Value;

use super::{
    people::read,
    rows::actor_name,
    viewer::{Answer, Viewer},
    words,
};
use crate::{
    base::{id::MassEndId, words::ago},
    domain::role::Permission,
    flows::{
        admin::{Unknown, look},
        mass_end,
    },
    store::mass_ends::{MassEnd, Standing},
    web::{
        pages::{EndPage, EndRow, EndsPage},
        private::permission::ReadSessions,
    },
};

pub(super) async fn list(viewer: Viewer<ReadSessions>) -> Answer {
    let provider = viewer.private.provider();
    let ends = mass_end::list(provider, None, look::PAGE).await;
    let ends = ends.map_err(|error| viewer.fault(error))?.items;
    let people = look::who_ended(provider, &ends)
        .await
        .map_err(|error| viewer.fault(error))?;
    Ok(viewer.show(&EndsPage {
        frame: viewer.frame("/console/ends"),
        ends: ends.iter().map(|end| row(&viewer, end, &people)).collect(),
    }))
}

fn row(viewer: &Viewer<ReadSessions>, end: &MassEnd, people: &look::People) -> EndRow {
    let provider = viewer.private.provider();
    let what = match serde_json::to_value(&end.filter) {
        Ok(Value::Object(mut parts)) => {
            // It is always there: what is opened later is not touched.
            parts.remove("opened_before");
            if let Some(before) = end.filter.used_before {
                parts.insert("used_before".to_owned(), before.to_rfc3339().into());
            }
            words::facts(&parts)
        }
        _ => Vec::new(),
    };
    EndRow {
        path: format!("/console/ends/{}", end.id),
        what,
        note: end.note.as_ref().map(ToString::to_string),
        by: actor_name(&end.actor, people, |id| provider.clients.name(id)),
        ago: ago(end.begun_at, provider.clock.now()),
        at: end.begun_at.to_rfc3339(),
        state: match end.standing() {
            Standing::Cancelled(_) => "Cancelled",
            Standing::Stopped(_) => "Stopped, since who began it may not end sessions any more",
            Standing::Done(_) => "Done",
            Standing::UnderWay => "Under way",
        },
        looked_at: end.looked_at,
        ended: end.ended,
    }
}

pub(super) async fn one(viewer: Viewer<ReadSessions>, Path(id): Path<String>) -> Answer {
    let id: MassEndId = read(&viewer, &id, "end")?;
    let provider = viewer.private.provider();
    let end = mass_end::find(provider, id)
        .await
        .map_err(|error| viewer.fault(error))?;
    let end = end.ok_or_else(|| viewer.fault(super::viewer::Fault::Unknown(Unknown("end"))))?;
    let people = look::who_ended(provider, std::slice::from_ref(&end)).await;
    let people = people.map_err(|error| viewer.fault(error))?;
    let under_way = end.done_at.is_none();
    let mut response = viewer.show(&EndPage {
        frame: viewer.frame("/console/ends"),
        cancel_path: viewer
            .path_if(Permission::EndSessions, format_args!("/console/ends/{id}/cancel"))
            .filter(|_| under_way && mass_end::may_cancel(&viewer.by, &end)),
        end: row(&viewer, &end, &people),
    });
    if under_way {
        response
            .headers_mut()
            .insert(header::REFRESH, HeaderValue::from_static("1"));
    }
    Ok(response)
}
