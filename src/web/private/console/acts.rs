//! What is done in the console: each act has a page that says what it means, and does it when its form comes back.

pub(super) mod cancel;
pub(super) mod disable;
pub(super) mod enable;
pub(super) mod matching;
pub(super) mod rotate;
pub(super) mod session;
pub(super) mod user;

use axum::response::{IntoResponse, Redirect, Response};

use super::{rows::with_query, viewer::Viewer};
use crate::{
    base::{id::UserId, text::Note},
    flows::admin::people,
    web::{pages::ActPage, private::form::Posted},
};

/// What is asked before something is done.
struct Question {
    /// The place that it belongs to.
    here: &'static str,
    title: String,
    text: String,
    facts: Vec<(String, String)>,
    button: &'static str,
    /// Whether a reason is asked for.
    reason: bool,
    back: String,
}

impl Question {
    fn page<P>(self, viewer: &Viewer<P>, error: Option<String>) -> ActPage {
        ActPage {
            frame: viewer.frame(self.here),
            title: self.title,
            text: self.text,
            facts: self.facts,
            path: viewer.asked.clone(),
            button: self.button,
            reason: self.reason,
            error,
            back: self.back,
        }
    }

    fn ask<P>(self, viewer: &Viewer<P>) -> Response {
        viewer.show(&self.page(viewer, None))
    }

    fn ask_again<P>(self, viewer: &Viewer<P>, error: &str) -> Response {
        viewer.show_again(&self.page(viewer, Some(error.to_owned())))
    }
}

/// What is asked before something is done to a person.
struct ToPerson {
    title: &'static str,
    text: &'static str,
    button: &'static str,
    reason: bool,
}

impl ToPerson {
    async fn question<P>(self, viewer: &Viewer<P>, id: UserId) -> Result<Question, Response> {
        let person = people::known(viewer.private.provider(), id).await;
        let person = person.map_err(|error| viewer.fault(error))?;
        Ok(Question {
            here: "/console/users",
            title: self.title.to_owned(),
            text: self.text.to_owned(),
            facts: vec![fact("Person", &person.email)],
            button: self.button,
            reason: self.reason,
            back: format!("/console/users/{id}"),
        })
    }
}

/// The reason in the form, or what is wrong with it.
fn why(posted: &Posted) -> Result<Option<Note>, String> {
    let text = posted.form.text("reason").trim();
    let note = (!text.is_empty()).then(|| text.parse()).transpose();
    note.map_err(|_| "A reason has at most 200 characters, in one line.".to_owned())
}

/// Back to a page, which says what was done.
fn done(path: &str, what: &str) -> Response {
    Redirect::to(&with_query(path, &[("done", what)])).into_response()
}

fn fact(name: &str, value: &impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}
