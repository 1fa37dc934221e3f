//! The answer to an authorization request on its way to the client: a redirect, or a page that posts itself.

use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use crate::{
    domain::{
        answer::{Answer, FormPost},
        client::Client,
        oauth_error::OAuthError,
        request::AnswerTo,
    },
    flows::{answer, consent::remembered},
    web::{
        Shared,
        error::{oauth_page, store_page},
        extract::session::Visitor,
        journey::client::form_action,
        page::Script,
        pages::FormPostPage,
    },
};

/// Posts the page's form as soon as it is shown: the one script that we have. Its hash lets the browser run it and no
/// other; who has switched scripts off presses the button.
const SUBMIT: Script = Script("document.forms[0].submit()");

/// Sends an answer of `client` on its way.
pub(super) fn send(site: &Shared, client: &Client, to: &AnswerTo, answer: Answer) -> Response {
    match answer {
        Answer::Redirect(url) => Redirect::to(&url).into_response(),
        Answer::FormPost(FormPost { action, fields }) => {
            let page = FormPostPage {
                client_name: client.name.to_string(),
                action,
                fields,
                script: SUBMIT.0,
            };
            let form_action = form_action(client, to);
            site.pages
                .respond_with_script(StatusCode::OK, &page, &form_action, SUBMIT)
        }
    }
}

/// The same for an error. A client that nobody has checked may have registered only to have people sent on from a name that
/// they trust (RFC 9700 section 4.11.2): until the person has allowed it something, its errors are a page here.
pub(super) async fn refuse(
    site: &Shared,
    visitor: &Visitor,
    client: &Client,
    to: &AnswerTo,
    error: &OAuthError,
) -> Response {
    if client.settings.is_unchecked() {
        let known = match &visitor.session {
            Some(session) => remembered(&site.provider, session.user, client).await,
            None => Ok(None),
        };
        match known {
            Ok(Some(_)) => {}
            Ok(None) => return oauth_page(site, &visitor.request_id, error),
            Err(error) => return store_page(site, &visitor.request_id, &error),
        }
    }
    match answer::with_error(&site.provider, client, to, error).await {
        Ok(answer) => send(site, client, to, answer),
        Err(error) => store_page(site, &visitor.request_id, &error),
    }
}
