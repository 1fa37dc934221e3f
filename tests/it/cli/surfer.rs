//! A browser over real sockets: cookies, and one request at a time.

use std::collections::BTreeMap;

use http::header;
use reqwest::{Client, RequestBuilder, redirect::Policy};
use url::Url;

use crate::harness::{Answer, Form, Page, Went};

pub(super) struct Surfer {
    http: Client,
    issuer: String,
    pub(super) cookies: BTreeMap<String, String>,
}

pub(super) fn client() -> Client {
    let client = Client::builder().redirect(Policy::none()).no_proxy().build();
    client.expect("a client")
}

impl Surfer {
    pub(super) fn new(issuer: &str) -> Self {
        Self {
            http: client(),
            issuer: issuer.to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    pub(super) async fn open(&mut self, url: &str) -> Went {
        let request = self.http.get(self.absolute(url));
        let answer = self.send(request).await;
        self.follow(url.to_owned(), answer).await
    }

    pub(super) async fn submit(&mut self, form: &Form) -> Went {
        let request = self
            .http
            .post(self.absolute(&form.action))
            .header(header::ORIGIN, &self.issuer)
            .form(&form.fields);
        let answer = self.send(request).await;
        self.follow(form.action.clone(), answer).await
    }

    /// Signs in where that is asked, then presses a button of the consent page; the way back to the app.
    pub(super) async fn decide(&mut self, url: &str, email: &str, password: &str, decision: &str) -> Url {
        let mut page = self.open(url).await.page();
        if let Some(form) = page.forms("/sign-in").pop() {
            let form = form.with("email", email).with("password", password);
            page = self.submit(&form).await.page();
        }
        let form = page.form("/consent").with("decision", decision);
        self.submit(&form).await.app()
    }

    fn absolute(&self, url: &str) -> String {
        if url.starts_with('/') {
            format!("{}{url}", self.issuer)
        } else {
            url.to_owned()
        }
    }

    async fn send(&mut self, request: RequestBuilder) -> Answer {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let answer = answer(request.header(header::COOKIE, cookies)).await;
        for set in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie::Cookie::parse(set.to_str().expect("ASCII")).expect("a cookie");
            self.cookies
                .insert(cookie.name().to_owned(), cookie.value().to_owned());
        }
        answer
    }

    async fn follow(&mut self, mut path: String, mut answer: Answer) -> Went {
        while answer.status.is_redirection() {
            let to = answer.location().to_owned();
            if !to.starts_with('/') && !to.starts_with(&self.issuer) {
                return Went::App(Url::parse(&to).expect("a URL"));
            }
            let request = self.http.get(self.absolute(&to));
            answer = self.send(request).await;
            path = to;
        }
        Went::Page(Page { answer, path })
    }
}

/// Sends a request and reads its answer.
pub(super) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.text().await.expect("text"),
    }
}
