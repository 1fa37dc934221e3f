//! Puts the next keys of a ring into use.

use axum::response::Response;

use super::{Question, done, fact};
use crate::{
    domain::key::Ring,
    flows::{admin::Unknown, keys::rotate::rotate},
    web::private::{
        console::{
            people::read,
            viewer::{Answer, Fault, Fresh, Viewer},
            words,
        },
        form::Posted,
        permission::RotateKeys,
    },
};

fn ring(viewer: &Viewer<RotateKeys>) -> Result<Ring, Response> {
    let name = viewer.query.text("ring");
    if name.is_empty() {
        return Err(viewer.fault(Fault::Unknown(Unknown("ring of keys"))));
    }
    read(viewer, name, "ring of keys")
}

pub(in crate::web::private::console) async fn ask(viewer: Viewer<RotateKeys>, _: Fresh) -> Answer {
    let ring = ring(&viewer)?;
    let question = Question {
        here: "/console/keys",
        title: "Put the next key into use?".to_owned(),
        text: "What the present key made stays good for as long as it lives. Nobody is signed out."
            .to_owned(),
        facts: vec![
            fact("Keys that", &words::ring(ring)),
            fact("Ring", &ring.as_str()),
        ],
        button: "Put into use",
        reason: false,
        back: "/console/keys".to_owned(),
    };
    Ok(question.ask(&viewer))
}

pub(in crate::web::private::console) async fn act(viewer: Viewer<RotateKeys>, _: Fresh, _: Posted) -> Answer {
    let ring = ring(&viewer)?;
    let rotated = rotate(viewer.private.provider(), &[ring], viewer.by.initiator()).await;
    rotated.map_err(|error| viewer.fault(error))?;
    Ok(done("/console/keys", "rotated"))
}
