//! Takes back what the person has allowed an app.

use axum::{extract::State, response::Response};

use super::{Message, show};
use crate::{
    flows::account::withdraw_consent,
    web::{Shared, error::store_page, extract::csrf::Sent},
};

pub(crate) async fn withdraw(State(site): State<Shared>, sent: Sent) -> Response {
    if let Ok(client) = sent.form.text("client").parse() {
        let done = withdraw_consent(&site.provider, &sent.session, client, sent.subject()).await;
        if let Err(error) = done {
            return store_page(&site, &sent.visitor.request_id, &error);
        }
    }
    let notice = "Taken back. The app is signed out and has to ask you again.";
    show(&site, &sent.visitor, &sent.session, Message::notice(notice)).await
}
