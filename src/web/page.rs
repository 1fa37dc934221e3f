//! Pages: minijinja templates from the program, each of which an operator may override from a folder; and the headers
//! that a page needs.

use std::{borrow::Cow, fmt, fs, path::PathBuf};

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use minijinja::{Environment, UndefinedBehavior};
use rust_embed::RustEmbed;
use serde::Serialize;

use crate::{base::text::DisplayName, web::assets};

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Templates;

/// A page: its typed context, and the template that shows it.
pub trait Page: Serialize {
    /// The template's path under `templates/`.
    const TEMPLATE: &'static str;
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
        match self.render(page) {
            Ok(html) => (
                status,
                [(header::CONTENT_SECURITY_POLICY, policy(form_action))],
                Html(html),
            )
                .into_response(),
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

/// Nothing but our own style sheet, images and forms.
fn policy(form_action: &[String]) -> HeaderValue {
    let mut text = Cow::Borrowed("'self'");
    for source in form_action {
        text = Cow::Owned(format!("{text} {source}"));
    }
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action {text}; frame-ancestors 'none'; \
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
