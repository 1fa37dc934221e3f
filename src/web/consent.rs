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
    let Posted {
        visitor,
        pending,
        form,
    } = posted;
    let (site, visitor) = (&site, &visitor);
    let (Goal::Authorize(request), Some(session), Some(person)) =
        (&pending.goal, &visitor.session, &pending.person)
    else {
        return journey::show(site, visitor, pending).await;
    };
    // Sealed for somebody else, or before a proof that is due: shown again for the present person, never executed.
    if !person.is(session) || journey::must_prove(site, &pending, request, session) {
        return journey::show(site, visitor, pending).await;
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
    let decided = match form.text("decision") {
        "allow" => decision.allow(&site.provider).await,
        "deny" => decision.deny(&site.provider).await.map(Some),
        "switch" => return journey::sign_in_page(site, visitor, pending, SignIn::fresh(String::new())),
        _ => return journey::show(site, visitor, pending).await,
    };
    match decided {
        Ok(Some(decided)) => answer::send(site, &client, &request.answer_to, decided),
        Ok(None) => journey::finished_page(site, &pending),
        Err(error) => store_page(site, &visitor.request_id, &error),
    }
}
