//! The person's decision.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    domain::request::Raw,
    flows::{
        consent::Decision,
        pending::{Goal, Pending},
    },
    web::{
        Shared, continuing,
        error::{bad_form_page, forged_page, store_page},
        extract::{
            form::{BadForm, Form},
            session::Visitor,
        },
        journey::{self, SignIn},
    },
};

pub(super) async fn decide(
    State(site): State<Shared>,
    visitor: Visitor,
    form: Result<Form, BadForm>,
) -> Response {
    let raw = match form {
        Ok(Form(raw)) => raw,
        Err(error) => return bad_form_page(&site, &visitor.request_id, error),
    };
    if visitor.is_cross_site(&site) {
        return forged_page(&site, &visitor.request_id);
    }
    match continuing::open(&site, &visitor, &raw) {
        Ok(pending) => act(&site, &visitor, pending, &raw).await,
        Err(response) => response,
    }
}

/// The way back to the app is a 303 that answers the person's own form post; the page that stays behind is the form,
/// and pressing again works until the app has redeemed.
async fn act(site: &Shared, visitor: &Visitor, pending: Pending, raw: &Raw) -> Response {
    let (Goal::Authorize(request), Some(session), Some(person)) =
        (&pending.goal, &visitor.session, &pending.person)
    else {
        return journey::proceed(site, visitor, pending).await;
    };
    // Sealed for somebody else, or before a proof that is due: shown again for the present person, never executed.
    if !person.is(session) || journey::must_prove(site, &pending, request, session) {
        return journey::proceed(site, visitor, pending).await;
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
    let answer = match raw.one("decision").ok().flatten() {
        Some("allow") => decision.allow(&site.provider).await,
        Some("deny") => decision.deny(&site.provider).await.map(Some),
        Some("switch") => return journey::sign_in_page(site, visitor, pending, SignIn::fresh(String::new())),
        _ => return journey::proceed(site, visitor, pending).await,
    };
    match answer {
        Ok(Some(url)) => Redirect::to(&url).into_response(),
        Ok(None) => journey::finished_page(site, &pending),
        Err(error) => store_page(site, &visitor.request_id, &error),
    }
}
