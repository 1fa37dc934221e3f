//! Ends everything in which a person is signed in.

use axum::{extract::Path, response::Response};

use super::{Question, done, fact, why};
use crate::{
    base::id::UserId,
    flows::admin::{people, sessions},
    web::private::{
        console::{
            people::read,
            viewer::{Answer, Viewer},
        },
        form::Posted,
        permission::EndSessions,
    },
};

async fn question(viewer: &Viewer<EndSessions>, id: UserId) -> Result<Question, Response> {
    let person = people::known(viewer.private.provider(), id)
        .await
        .map_err(|error| viewer.fault(error))?;
    Ok(Question {
        here: "/console/users",
        title: "End everything of this person?".to_owned(),
        text: "They are signed out of every browser and every app, on all devices. They may sign in again at once.".to_owned(),
        facts: vec![fact("Person", &person.email)],
        button: "End everything",
        reason: true,
        back: format!("/console/users/{id}"),
    })
}

pub(in crate::web::private::console) async fn ask(
    viewer: Viewer<EndSessions>,
    Path(id): Path<String>,
) -> Answer {
    let id = read(&viewer, &id, "person")?;
    Ok(question(&viewer, id).await?.ask(&viewer))
}

pub(in crate::web::private::console) async fn act(
    viewer: Viewer<EndSessions>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let id = read(&viewer, &id, "person")?;
    let why = match why(&posted) {
        Ok(why) => why,
        Err(wrong) => return Ok(question(&viewer, id).await?.ask_again(&viewer, &wrong)),
    };
    let changed = sessions::end_user(viewer.private.provider(), &viewer.by, id, why).await;
    changed.map_err(|error| viewer.fault(error))?;
    Ok(done(&format!("/console/users/{id}"), "ended-all"))
}
