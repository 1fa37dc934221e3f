//! Ends one session of an app.

use axum::{extract::Path, response::Response};

use super::{Question, done, fact, why};
use crate::{
    base::id::DeviceSessionId,
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

async fn question(viewer: &Viewer<EndSessions>, id: DeviceSessionId) -> Result<Question, Response> {
    let provider = viewer.private.provider();
    let found = sessions::device(provider, id)
        .await
        .map_err(|error| viewer.fault(error))?;
    let person = people::known(provider, found.user)
        .await
        .map_err(|error| viewer.fault(error))?;
    Ok(Question {
        here: "/console/sessions",
        title: "End this session?".to_owned(),
        text: "The app is signed out on this device at once, and with it what it opened for others."
            .to_owned(),
        facts: vec![
            fact("Person", &person.email),
            fact("App", &provider.clients.name(&found.client)),
            fact("Device", &found.device),
        ],
        button: "End session",
        reason: true,
        back: format!("/console/users/{}", found.user),
    })
}

pub(in crate::web::private::console) async fn ask(
    viewer: Viewer<EndSessions>,
    Path(id): Path<String>,
) -> Answer {
    let id = read(&viewer, &id, "session")?;
    Ok(question(&viewer, id).await?.ask(&viewer))
}

pub(in crate::web::private::console) async fn act(
    viewer: Viewer<EndSessions>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let id = read(&viewer, &id, "session")?;
    let why = match why(&posted) {
        Ok(why) => why,
        Err(wrong) => return Ok(question(&viewer, id).await?.ask_again(&viewer, &wrong)),
    };
    let ended = sessions::end_device(viewer.private.provider(), &viewer.by, id, why).await;
    let (user, _) = ended.map_err(|error| viewer.fault(error))?;
    Ok(done(&format!("/console/users/{user}"), "ended"))
}
