//! Pages: minijinja templates from the program, each of which an operator may override from a folder; and the headers
//! that a page needs.

use std::{borrow::Cow, fmt, fs, path::PathBuf};

use axum::response::{Html, IntoResponse, Response};
use base64ct::{Base64, Encoding};
use http::{HeaderValue, StatusCode, header};
use minijinja::{Environment, UndefinedBehavior};
use rust_embed::RustEmbed;
use serde::Serialize;

use crate::{
    base::{digest::Digest, text::DisplayName},
    web::assets,
};

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Templates;

/// A page: its typed context, and the template that shows it.
pub trait Page: Serialize {
    /// The template's path under `templates/`.
    const TEMPLATE: &'static str;
}

/// A script that stands in a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Script(pub(super) &'static str);

impl Script {
    /// What a policy calls it (Content Security Policy Level 3 section 2.3.1).
    fn source(self) -> String {
        let digest = Digest::of(self.0.as_bytes());
        format!("'sha256-{}'", Base64::encode_string(digest.as_bytes()))
    }
}

/// Renders pages.
pub struct Pages(Environment<'static>);

impl Pages {
    /// Templates from `folder` where it has them, else from the program. `product` is the operator's name for the
    /// service.
    pub fn new(folder: Option<PathBuf>, product: &DisplayName) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_loader(move |name| Ok(load(folder.as_ref(), name)));
        environment.add_global("stylesheet", assets::url("postern.css"));
        environment.add_global("logo", assets::url("logo.svg"));
        environment.add_global("favicon", assets::url("favicon.svg"));
        environment.add_global("lang", "en");
        environment.add_global("product", product.as_str());
        Self(environment)
    }

    /// The page's text.
    pub fn render<P: Page>(&self, page: &P) -> Result<String, minijinja::Error> {
        self.0
            .get_template(P::TEMPLATE)?
            .render(minijinja::value::Serde(page))
    }

    /// The page as an answer. `form_action` lists where its forms may lead besides this server: Chrome and Safari
    /// enforce the directive over the whole redirect chain of a form post.
    pub fn respond<P: Page>(&self, status: StatusCode, page: &P, form_action: &[String]) -> Response {
        self.answer(status, page, policy(form_action, None))
    }

    /// The same for a page with this one script.
    pub(super) fn respond_with_script<P: Page>(
        &self,
        status: StatusCode,
        page: &P,
        form_action: &[String],
        script: Script,
    ) -> Response {
        self.answer(status, page, policy(form_action, Some(script)))
    }

    fn answer<P: Page>(&self, status: StatusCode, page: &P, policy: HeaderValue) -> Response {
        match self.render(page) {
            Ok(html) => (status, [(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response(),
            Err(error) => {
                tracing::error!(template = P::TEMPLATE, error = %format_args!("{error:#}"), "a page does not render");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "This page cannot be shown. The operator's log says why.\n",
                )
                    .into_response()
            }
        }
    }
}

fn load(folder: Option<&PathBuf>, name: &str) -> Option<String> {
    // Names come from our own code and from templates' own imports; a path out of the folder is none of them.
    let own = folder
        .filter(|_| !name.contains(".."))
        .and_then(|folder| fs::read_to_string(folder.join(name)).ok());
    own.or_else(|| Templates::get(name).map(|file| String::from_utf8_lossy(&file.data).into_owned()))
}

/// Nothing but our own style sheet, images and forms, and the one script of the one page that has one.
fn policy(form_action: &[String], script: Option<Script>) -> HeaderValue {
    let mut text = Cow::Borrowed("'self'");
    for source in form_action {
        text = Cow::Owned(format!("{text} {source}"));
    }
    let script = script.map(|script| format!("script-src {}; ", script.source()));
    let script = script.unwrap_or_default();
    let policy = format!(
        "default-src 'none'; {script}style-src 'self'; img-src 'self'; form-action {text}; frame-ancestors 'none'; \
         base-uri 'none'; object-src 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(
        "default-src 'none'; frame-ancestors 'none'",
    ))
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages")
    }
}
