//! Ends one browser session.

use axum::{extract::Path, response::Response};

use super::{Question, done, fact, why};
use crate::{
    base::id::BrowserSessionId,
    flows::{
        admin::{Unknown, people, sessions},
        sessions as look,
    },
    web::private::{
        console::{
            people::read,
            viewer::{Answer, Fault, Viewer},
        },
        form::Posted,
        permission::EndSessions,
    },
};

async fn question(viewer: &Viewer<EndSessions>, id: BrowserSessionId) -> Result<Question, Response> {
    let provider = viewer.private.provider();
    let shown = look::browsers::show(provider, id)
        .await
        .map_err(|error| viewer.fault(error))?;
    let shown = shown.ok_or_else(|| viewer.fault(Fault::Unknown(Unknown("session"))))?;
    let (found, back) = (&shown.session, format!("/console/users/{}", shown.session.user));
    if shown.ended_at.is_some() {
        return Err(done(&back, "ended"));
    }
    let person = people::known(provider, found.user)
        .await
        .map_err(|error| viewer.fault(error))?;
    Ok(Question {
        here: "/console/users",
        title: "End this browser’s session?".to_owned(),
        text: "The person is signed out in this browser, and of apps that were opened in it and end with it."
            .to_owned(),
        facts: vec![fact("Person", &person.email), fact("Browser", &found.label)],
        button: "End session",
        reason: true,
        back,
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
        Err(wrong) => return Ok(question(&viewer, id).await?.ask_again(&viewer, &posted, &wrong)),
    };
    let ended = sessions::end_browser(viewer.private.provider(), &viewer.by, id, why).await;
    let (user, _) = ended.map_err(|error| viewer.fault(error))?;
    Ok(done(&format!("/console/users/{user}"), "ended"))
}
