//! The person's decision.

use axum::{extract::State, response::Response};

use crate::{
    flows::{consent::Decision, pending::Goal},
    web::{
        Shared, answer,
        error::store_page,
        extract::csrf::Posted,
        journey::{self, SignIn},
    },
};

/// The way back to the app is a 303 that answers the person's own form post (or, for `form_post`, a page); the page that
/// stays behind is the form, and pressing again works until the app has redeemed.
pub(super) async fn decide(State(site): State<Shared>, posted: Posted) -> Response {
    let (site, visitor) = (&site, &posted.visitor);
    let (Goal::Authorize(request), Some((session, person))) = (&posted.pending.goal, posted.decider()) else {
        return journey::show(site, visitor, posted.pending).await;
    };
    // Before a proof that is due: shown again likewise.
    if journey::must_prove(site, &posted.pending, request, session) {
        return journey::show(site, visitor, posted.pending).await;
    }
    let Some(client) = journey::client_for(site, request) else {
        return journey::client_gone(site, visitor);
    };
    let (device, address) = (visitor.agent.device_label(), visitor.address.to_string());
    let decision = Decision {
        request,
        client: &client,
        person,
        session,
        device: &device,
        address: Some(&address),
    };
    let decided = match posted.form.text("decision") {
        "allow" => decision.allow(&site.provider).await,
        "deny" => decision.deny(&site.provider).await.map(Some),
        "switch" => {
            return journey::sign_in_page(site, visitor, posted.pending, SignIn::fresh(String::new()));
        }
        _ => return journey::show(site, visitor, posted.pending).await,
    };
    match decided {
        Ok(Some(decided)) => answer::send(site, &client, &request.answer_to, decided),
        Ok(None) => journey::finished_page(site, &posted.pending),
        Err(error) => store_page(site, &visitor.request_id, &error),
    }
}
