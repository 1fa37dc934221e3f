//! Lets a disabled person sign in again.

use axum::{extract::Path, response::Response};

use super::{Question, done, fact};
use crate::{
    base::id::UserId,
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

async fn question(viewer: &Viewer<WriteUsers>, id: UserId) -> Result<Question, Response> {
    let person = people::known(viewer.private.provider(), id)
        .await
        .map_err(|error| viewer.fault(error))?;
    Ok(Question {
        here: "/console/users",
        title: "Let this person sign in again?".to_owned(),
        text: "What had ended stays ended: they sign in anew.".to_owned(),
        facts: vec![fact("Person", &person.email)],
        button: "Enable",
        reason: false,
        back: format!("/console/users/{id}"),
    })
}

pub(in crate::web::private::console) async fn ask(
    viewer: Viewer<WriteUsers>,
    _: Fresh,
    Path(id): Path<String>,
) -> Answer {
    let id = read(&viewer, &id, "person")?;
    Ok(question(&viewer, id).await?.ask(&viewer))
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
