//! Ends one session of an app or a browser.

use axum::{extract::Path, response::Response};

use super::{Question, done, fact, why};
use crate::{
    base::session_id::SessionId,
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

/// What is said of a session of either kind.
struct Said {
    here: &'static str,
    title: &'static str,
    text: &'static str,
    facts: Vec<(String, String)>,
}

async fn question(viewer: &Viewer<EndSessions>, id: SessionId) -> Result<Question, Response> {
    let provider = viewer.private.provider();
    let unknown = || viewer.fault(Fault::Unknown(Unknown("session")));
    let (user, ended_at, said) = match id {
        SessionId::Device(id) => {
            let shown = look::show(provider, id).await;
            let shown = shown.map_err(|error| viewer.fault(error))?.ok_or_else(unknown)?;
            let session = shown.session;
            let said = Said {
                here: "/console/sessions",
                title: "End this session?",
                text: "The app is signed out on this device at once, and with it what it opened for others.",
                facts: vec![
                    fact("App", &provider.clients.name(&session.client)),
                    fact("Device", &session.device),
                ],
            };
            (session.user, shown.ended_at, said)
        }
        SessionId::Browser(id) => {
            let shown = look::browsers::show(provider, id).await;
            let shown = shown.map_err(|error| viewer.fault(error))?.ok_or_else(unknown)?;
            let session = shown.session;
            let said = Said {
                here: "/console/users",
                title: "End this browser’s session?",
                text: "The person is signed out in this browser, and of apps that were opened in it and end with it.",
                facts: vec![fact("Browser", &session.label)],
            };
            (session.user, shown.ended_at, said)
        }
    };
    let back = format!("/console/users/{user}");
    if ended_at.is_some() {
        return Err(done(&back, "ended"));
    }
    let person = people::known(provider, user).await;
    let person = person.map_err(|error| viewer.fault(error))?;
    let mut facts = vec![fact("Person", &person.email)];
    facts.extend(said.facts);
    Ok(Question {
        here: said.here,
        title: said.title.to_owned(),
        text: said.text.to_owned(),
        facts,
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
        Err(wrong) => return Ok(question(&viewer, id).await?.ask_again(&viewer, &wrong)),
    };
    let ended = sessions::end(viewer.private.provider(), &viewer.by, id, why).await;
    let (user, _) = ended.map_err(|error| viewer.fault(error))?;
    Ok(done(&format!("/console/users/{user}"), "ended"))
}
