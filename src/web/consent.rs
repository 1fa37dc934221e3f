//! What a person decides about an app, and the answer that follows: also where nothing had to be asked.

use axum::{extract::State, response::Response};

use crate::{
    domain::client::Client,
    flows::{
        consent::Decision,
        pending::{Goal, Pending},
    },
    web::{
        Shared, answer,
        error::store_page,
        extract::{csrf::Posted, session::Visitor},
        journey::{
            self, Next,
            client::{client_for, client_gone},
            sign_in_page::{SignIn, sign_in_page},
            start_again::finished_page,
        },
    },
};

/// The person's decision. The way back to the app is a 303 that answers the person's own form post (or, for `form_post`, a
/// page); the page that stays behind is the form, and pressing again works until the app has redeemed.
pub(super) async fn decide(State(site): State<Shared>, posted: Posted) -> Response {
    let (site, visitor) = (&site, &posted.visitor);
    let (Goal::Authorize(request), Some((session, _))) = (&posted.pending.goal, posted.decider()) else {
        return journey::show(site, visitor, posted.pending).await;
    };
    // Before a proof that is due: shown again likewise.
    if journey::must_prove(site, &posted.pending, request, session) {
        return journey::show(site, visitor, posted.pending).await;
    }
    let Some(client) = client_for(site, request) else {
        return client_gone(site, visitor);
    };
    match posted.form.text("decision") {
        "allow" => carry_out(site, visitor, &client, &posted.pending, Choice::Allow).await,
        "deny" => carry_out(site, visitor, &client, &posted.pending, Choice::Deny).await,
        "switch" => sign_in_page(site, visitor, posted.pending, SignIn::fresh(String::new())),
        _ => journey::show(site, visitor, posted.pending).await,
    }
}

/// Goes on to what is next: a page, or the answer, where nothing has to be asked.
pub(super) async fn go_on(site: &Shared, visitor: &Visitor, next: Next) -> Response {
    match next {
        Next::Answer(client, pending) => carry_out(site, visitor, &client, &pending, Choice::Allow).await,
        Next::Respond(response) => response,
    }
}

#[derive(Debug, Clone, Copy)]
enum Choice {
    Allow,
    Deny,
}

/// Gives the answer that the pending request is sealed for.
async fn carry_out(
    site: &Shared,
    visitor: &Visitor,
    client: &Client,
    pending: &Pending,
    choice: Choice,
) -> Response {
    let (Goal::Authorize(request), Some(person), Some(session)) =
        (&pending.goal, &pending.person, &visitor.session)
    else {
        return finished_page(site, pending);
    };
    let (device, address) = (visitor.agent.device_label(), visitor.address.to_string());
    let decision = Decision {
        request,
        client,
        person,
        session,
        device: &device,
        address: Some(&address),
    };
    let decided = match choice {
        Choice::Allow => decision.allow(&site.provider).await,
        Choice::Deny => decision.deny(&site.provider).await.map(Some),
    };
    match decided {
        Ok(Some(decided)) => answer::send(site, client, &request.answer_to, decided),
        Ok(None) => finished_page(site, pending),
        Err(error) => store_page(site, &visitor.request_id, &error),
    }
}
