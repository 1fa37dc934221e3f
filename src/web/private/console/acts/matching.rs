//! Ends all sessions that match: counted first, then begun as a job.

use axum::response::{IntoResponse, Redirect, Response};

use super::{Question, fact, why};
use crate::{
    base::words::count,
    domain::session_filter::SessionFilter,
    flows::mass_end::{self, MassEndError},
    web::private::{
        console::{
            filter::{self, Asked},
            viewer::{Answer, Fresh, Viewer, sentence},
        },
        form::Posted,
        permission::EndSessions,
    },
};

async fn asked(viewer: &Viewer<EndSessions>) -> Result<(Asked, SessionFilter), Response> {
    let mut asked = filter::asked(viewer).await.map_err(|error| viewer.fault(error))?;
    let read = std::mem::replace(&mut asked.filter, Ok(SessionFilter::default()));
    let filter = read.map_err(|wrong| viewer.fault(super::super::viewer::Fault::Said(wrong)))?;
    Ok((asked, filter))
}

async fn question(viewer: &Viewer<EndSessions>) -> Result<Question, Response> {
    let (asked, filter) = asked(viewer).await?;
    let counted = mass_end::count(viewer.private.provider(), &viewer.by, &filter).await;
    let counted = counted.map_err(|error| viewer.fault(error))?;
    let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
    let found = count(number(counted.found), "session");
    let found = if counted.is_all {
        found
    } else {
        format!("At least {found}: so many of the newest {}", counted.looked_at)
    };
    let mut facts = filter::facts(&asked.fields);
    facts.push(fact("Would end", &found));
    Ok(Question {
        here: "/console/sessions",
        title: "End all sessions that match?".to_owned(),
        text: "Apps are signed out one after another, and you see how far it is. What is opened from now on is not touched, \
               nor are admins who may do more than you."
            .to_owned(),
        facts,
        button: "End them all",
        reason: true,
        back: filter::path("/console/sessions", &asked.fields, &[]),
    })
}

pub(in crate::web::private::console) async fn ask(viewer: Viewer<EndSessions>, _: Fresh) -> Answer {
    Ok(question(&viewer).await?.ask(&viewer))
}

pub(in crate::web::private::console) async fn act(
    viewer: Viewer<EndSessions>,
    _: Fresh,
    posted: Posted,
) -> Answer {
    let why = match why(&posted) {
        Ok(why) => why,
        Err(wrong) => return Ok(question(&viewer).await?.ask_again(&viewer, &posted, &wrong)),
    };
    let (_, filter) = asked(&viewer).await?;
    let begun = mass_end::begin(viewer.private.provider(), &viewer.by, &filter, why).await;
    match begun {
        Ok(begun) => Ok(Redirect::to(&format!("/console/ends/{}", begun.id)).into_response()),
        // One of them is done soon, and then the same is sent again.
        Err(error @ MassEndError::TooMany) => {
            Ok(question(&viewer)
                .await?
                .ask_again(&viewer, &posted, &sentence(&error.to_string())))
        }
        Err(error) => Err(viewer.fault(error)),
    }
}
