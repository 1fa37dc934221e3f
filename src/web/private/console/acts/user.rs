//! Ends everything in which a person is signed in.

use axum::extract::Path;

use super::{ToPerson, done, why};
use crate::{
    flows::admin::sessions,
    web::private::{
        console::{
            people::read,
            viewer::{Answer, Viewer},
        },
        form::Posted,
        permission::EndSessions,
    },
};

const ASKED: ToPerson = ToPerson {
    title: "End everything of this person?",
    text: "They are signed out of every browser and every app, on all devices. They may sign in again at once.",
    button: "End everything",
    reason: true,
};

pub(in crate::web::private::console) async fn ask(
    viewer: Viewer<EndSessions>,
    Path(id): Path<String>,
) -> Answer {
    let id = read(&viewer, &id, "person")?;
    Ok(ASKED.question(&viewer, id).await?.ask(&viewer))
}

pub(in crate::web::private::console) async fn act(
    viewer: Viewer<EndSessions>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let id = read(&viewer, &id, "person")?;
    let why = match why(&posted) {
        Ok(why) => why,
        Err(wrong) => {
            return Ok(ASKED
                .question(&viewer, id)
                .await?
                .ask_again(&viewer, &posted, &wrong));
        }
    };
    let changed = sessions::end_user(viewer.private.provider(), &viewer.by, id, why).await;
    changed.map_err(|error| viewer.fault(error))?;
    Ok(done(&format!("/console/users/{id}"), "ended-all"))
}
