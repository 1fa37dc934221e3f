//! Disables a person.

use axum::extract::Path;

use super::{ToPerson, done};
use crate::{
    flows::admin::people,
    web::private::{
        console::{
            people::read,
            viewer::{Answer, Fresh, Viewer},
        },
        form::Posted,
        permission::WriteUsers,
    },
};

const ASKED: ToPerson = ToPerson {
    title: "Disable this person?",
    text: "They are signed out everywhere at once, and cannot sign in until somebody enables them again.",
    button: "Disable",
    reason: false,
};

pub(in crate::web::private::console) async fn ask(
    viewer: Viewer<WriteUsers>,
    _: Fresh,
    Path(id): Path<String>,
) -> Answer {
    let id = read(&viewer, &id, "person")?;
    Ok(ASKED.question(&viewer, id).await?.ask(&viewer))
}

pub(in crate::web::private::console) async fn act(
    viewer: Viewer<WriteUsers>,
    _: Fresh,
    Path(id): Path<String>,
    _: Posted,
) -> Answer {
    let id = read(&viewer, &id, "person")?;
    let changed = people::disable(viewer.private.provider(), &viewer.by, id).await;
    changed.map_err(|error| viewer.fault(error))?;
    Ok(done(&format!("/console/users/{id}"), "disabled"))
}
