//! Another site, with one page of somebody who means no good.

use axum::{Router, response::Html};
use tokio::net::TcpListener;

/// A page on another port. There is no host that it is not shown under.
pub(super) struct Elsewhere {
    port: u16,
}

impl Elsewhere {
    pub(super) async fn serve(body: &str) -> Self {
        let page = format!(r#"<!doctype html><html lang="en"><title>Win a phone</title>{body}</html>"#);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let app = Router::new().fallback(async move || Html(page));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { port }
    }

    /// A page that sends a form as soon as it is shown.
    pub(super) async fn serve_form(action: &str, fields: &[(&str, &str)]) -> Self {
        let input =
            |(name, value): &(&str, &str)| format!(r#"<input type="hidden" name="{name}" value="{value}">"#);
        let inputs = fields.iter().map(input).collect::<Vec<_>>().concat();
        Self::serve(&format!(
            r#"<form method="post" action="{action}">{inputs}</form><script>document.forms[0].submit()</script>"#
        ))
        .await
    }

    /// Another site than `http://localhost`: its posts carry no Lax cookie.
    pub(super) fn cross_site(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Another origin of the same site, since a site has no port: its posts carry every cookie.
    pub(super) fn same_site(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }
}
