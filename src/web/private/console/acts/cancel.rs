//! Stops an end of many sessions.

use axum::{extract::Path, response::Response};

use super::{Question, done, fact};
use crate::{
    base::id::MassEndId,
    flows::{admin::Unknown, mass_end},
    web::private::{
        console::{
            people::read,
            viewer::{Answer, Fault, Viewer},
        },
        form::Posted,
        permission::EndSessions,
    },
};

async fn question(viewer: &Viewer<EndSessions>, id: MassEndId) -> Result<Question, Response> {
    let end = mass_end::find(viewer.private.provider(), id).await;
    let end = end.map_err(|error| viewer.fault(error))?;
    let end = end.ok_or_else(|| viewer.fault(Fault::Unknown(Unknown("end"))))?;
    if !mass_end::may_cancel(&viewer.by, &end) {
        return Err(viewer.fault(Fault::Beyond));
    }
    Ok(Question {
        here: "/console/ends",
        title: "Stop ending sessions?".to_owned(),
        text: "No more sessions end. Those that have ended stay ended.".to_owned(),
        facts: vec![fact("Ended so far", &end.ended)],
        button: "Stop",
        reason: false,
        back: format!("/console/ends/{id}"),
    })
}

pub(in crate::web::private::console) async fn ask(
    viewer: Viewer<EndSessions>,
    Path(id): Path<String>,
) -> Answer {
    let id = read(&viewer, &id, "end")?;
    Ok(question(&viewer, id).await?.ask(&viewer))
}

pub(in crate::web::private::console) async fn act(
    viewer: Viewer<EndSessions>,
    Path(id): Path<String>,
    _: Posted,
) -> Answer {
    let id = read(&viewer, &id, "end")?;
    let stopped = mass_end::cancel(viewer.private.provider(), &viewer.by, id).await;
    if stopped.map_err(|error| viewer.fault(error))? {
        return Ok(done(&format!("/console/ends/{id}"), "cancelled"));
    }
    Err(viewer.fault(Fault::Said("it was over already, or never was".to_owned())))
}
