//! Lets a disabled person sign in again.

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
    title: "Let this person sign in again?",
    text: "What had ended stays ended: they sign in anew.",
    button: "Enable",
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
    let changed = people::enable(viewer.private.provider(), &viewer.by, id).await;
    changed.map_err(|error| viewer.fault(error))?;
    Ok(done(&format!("/console/users/{id}"), "enabled"))
}
