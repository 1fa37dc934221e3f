//! Ends one app or browser, or all others.

use axum::{extract::State, response::Response};

use super::{Message, show, sign_out::signed_out};
use crate::{
    domain::ending::SignOut,
    flows::account::{EndedOwn, end_others as end_all_others, end_own},
    web::{Shared, error::store_page, extract::csrf::Sent},
};

pub(crate) async fn end_one(State(site): State<Shared>, sent: Sent) -> Response {
    let id = sent.form.text("id");
    match end_own(&site.provider, &sent.session, id, sent.subject()).await {
        Ok(EndedOwn::Here) => signed_out(&site, &sent.session, SignOut::Here),
        Ok(EndedOwn::Other) => done(&site, &sent, "Ended. It cannot be used any more.").await,
        Err(error) => store_page(&site, &sent.visitor.request_id, &error),
    }
}

pub(crate) async fn end_others(State(site): State<Shared>, sent: Sent) -> Response {
    match end_all_others(&site.provider, &sent.session, sent.subject()).await {
        Ok(_) => done(&site, &sent, "Everything else has ended.").await,
        Err(error) => store_page(&site, &sent.visitor.request_id, &error),
    }
}

async fn done(site: &Shared, sent: &Sent, notice: &str) -> Response {
    show(site, &sent.visitor, &sent.session, Message::notice(notice)).await
}
