//! Ends one browser session of a person.

use axum::{extract::Path, response::Response};

use super::{Question, done, fact, why};
use crate::{
    base::id::{BrowserSessionId, UserId},
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

type Names = Path<(String, String)>;

fn names(
    viewer: &Viewer<EndSessions>,
    Path((user, browser)): Names,
) -> Result<(UserId, BrowserSessionId), Response> {
    Ok((read(viewer, &user, "person")?, read(viewer, &browser, "session")?))
}

async fn question(
    viewer: &Viewer<EndSessions>,
    user: UserId,
    id: BrowserSessionId,
) -> Result<Question, Response> {
    let provider = viewer.private.provider();
    let label = sessions::browser(provider, user, id)
        .await
        .map_err(|error| viewer.fault(error))?;
    let person = people::known(provider, user)
        .await
        .map_err(|error| viewer.fault(error))?;
    Ok(Question {
        here: "/console/users",
        title: "End this browser’s session?".to_owned(),
        text: "The person is signed out in this browser, and of apps that were opened in it and end with it."
            .to_owned(),
        facts: vec![fact("Person", &person.email), fact("Browser", &label)],
        button: "End session",
        reason: true,
        back: format!("/console/users/{user}"),
    })
}

pub(in crate::web::private::console) async fn ask(viewer: Viewer<EndSessions>, path: Names) -> Answer {
    let (user, id) = names(&viewer, path)?;
    Ok(question(&viewer, user, id).await?.ask(&viewer))
}

pub(in crate::web::private::console) async fn act(
    viewer: Viewer<EndSessions>,
    path: Names,
    posted: Posted,
) -> Answer {
    let (user, id) = names(&viewer, path)?;
    let why = match why(&posted) {
        Ok(why) => why,
        Err(wrong) => return Ok(question(&viewer, user, id).await?.ask_again(&viewer, &wrong)),
    };
    let ended = sessions::end_browser(viewer.private.provider(), &viewer.by, id, why).await;
    let (user, _) = ended.map_err(|error| viewer.fault(error))?;
    Ok(done(&format!("/console/users/{user}"), "ended"))
}
