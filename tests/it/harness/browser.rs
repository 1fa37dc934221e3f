//! A person's browser in small: cookies, redirects, forms. What a real browser enforces is tested in a real one.

use std::{collections::BTreeMap, net::IpAddr};

use axum::{
    body::Body,
    http::{Request, header},
};
use scraper::{Html, Selector};
use url::Url;

use super::{
    PASSWORD, Postern,
    http::{Answer, borrowed, encode},
};

/// A browser with its cookies.
#[derive(Clone)]
pub(crate) struct Browser<'a> {
    postern: &'a Postern,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Where its requests come from.
    pub(crate) address: IpAddr,
    /// The `X-Forwarded-For` lines that they bring.
    pub(crate) forwarded_for: Vec<&'static str>,
    user_agent: &'static str,
}

/// Where a request led after all redirects of the server's own.
#[derive(Debug)]
pub(crate) enum Went {
    /// A page of the server.
    Page(Page),
    /// Out, to an app.
    App(Url),
}

impl Went {
    pub(crate) fn page(self) -> Page {
        match self {
            Self::Page(page) => page,
            Self::App(url) => panic!("a page was expected, not {url}"),
        }
    }

    pub(crate) fn app(self) -> Url {
        match self {
            Self::App(url) => url,
            Self::Page(page) => panic!("the way back to the app was expected, not\n{}", page.answer.body),
        }
    }
}

/// A page that is shown.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) answer: Answer,
    pub(crate) path: String,
}

/// A form as its page has it.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) action: String,
    method: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Form {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map_or_else(|| panic!("no field {name} in {self:?}"), |(_, value)| value)
    }
}

impl Page {
    pub(crate) fn heading(&self) -> String {
        let html = Html::parse_document(&self.answer.body);
        let heading = html.select(&selector("h1")).next().expect("a page has a heading");
        heading
            .text()
            .collect::<String>()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    pub(crate) fn text(&self) -> String {
        let html = Html::parse_document(&self.answer.body);
        html.root_element()
            .text()
            .collect::<String>()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The forms that lead to `action`.
    pub(crate) fn forms(&self, action: &str) -> Vec<Form> {
        let html = Html::parse_document(&self.answer.body);
        let inputs = selector("input[name]");
        html.select(&selector("form"))
            .filter(|form| form.attr("action") == Some(action))
            .map(|form| Form {
                action: action.to_owned(),
                method: form.attr("method").unwrap_or("get").to_lowercase(),
                fields: form
                    .select(&inputs)
                    .map(|input| {
                        let value = input.attr("value").unwrap_or_default();
                        (
                            input.attr("name").unwrap_or_default().to_owned(),
                            value.to_owned(),
                        )
                    })
                    .collect(),
            })
            .collect()
    }

    pub(crate) fn form(&self, action: &str) -> Form {
        let mut forms = self.forms(action);
        assert_eq!(forms.len(), 1, "one form to {action} in\n{}", self.answer.body);
        forms.remove(0)
    }

    pub(crate) fn policy(&self) -> &str {
        self.answer.header("content-security-policy")
    }
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).expect("a selector")
}

impl<'a> Browser<'a> {
    pub(crate) fn new(postern: &'a Postern) -> Self {
        let user_agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36";
        Self {
            postern,
            cookies: BTreeMap::new(),
            address: [203, 0, 113, 7].into(),
            forwarded_for: Vec::new(),
            user_agent,
        }
    }

    /// The same browser, whose requests another node answers.
    pub(crate) fn at<'b>(&self, postern: &'b Postern) -> Browser<'b> {
        Browser {
            postern,
            cookies: self.cookies.clone(),
            address: self.address,
            forwarded_for: self.forwarded_for.clone(),
            user_agent: self.user_agent,
        }
    }

    /// One request, no redirects followed.
    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Answer {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let headers = request.headers_mut();
        if !cookies.is_empty() {
            headers.insert(header::COOKIE, cookies.join("; ").parse().expect("a header"));
        }
        headers.insert(header::USER_AGENT, self.user_agent.parse().expect("a header"));
        headers.insert(header::ACCEPT, "text/html".parse().expect("a header"));
        for line in &self.forwarded_for {
            headers.append("x-forwarded-for", line.parse().expect("a header"));
        }
        let answer = self.postern.send_from(self.address, request).await;
        for set in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie::Cookie::parse(set.to_str().expect("ASCII")).expect("a cookie");
            let gone = cookie
                .max_age()
                .is_some_and(|age| age.is_zero() || age.is_negative());
            if gone || cookie.value().is_empty() {
                self.cookies.remove(cookie.name());
            } else {
                self.cookies
                    .insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
        answer
    }

    /// Opens a URL or a path of the server, and follows its redirects.
    pub(crate) async fn open(&mut self, url: &str) -> Went {
        let path = url.strip_prefix(self.postern.issuer()).unwrap_or(url).to_owned();
        let answer = self
            .send(Request::get(&path).body(Body::empty()).expect("a request"))
            .await;
        self.follow(path, answer).await
    }

    /// Posts a form as a page of the server does.
    pub(crate) async fn submit(&mut self, form: &Form) -> Went {
        let pairs = borrowed(&form.fields);
        if form.method == "get" {
            return self
                .open_boxed(format!("{}?{}", form.action, encode(&pairs)))
                .await;
        }
        let request = Request::post(&form.action)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, self.postern.issuer())
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(encode(&pairs)))
            .expect("a request");
        let answer = self.send(request).await;
        self.follow(form.action.clone(), answer).await
    }

    /// Posts a form with these headers and no others of a browser's; no redirects followed.
    pub(crate) async fn post(&mut self, form: &Form, headers: &[(&str, &str)]) -> Answer {
        let pairs = borrowed(&form.fields);
        let mut request =
            Request::post(&form.action).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(encode(&pairs))).expect("a request"))
            .await
    }

    async fn open_boxed(&mut self, url: String) -> Went {
        Box::pin(self.open(&url)).await
    }

    async fn follow(&mut self, mut path: String, mut answer: Answer) -> Went {
        for _ in 0..10 {
            if !answer.status.is_redirection() {
                return Went::Page(Page { answer, path });
            }
            let to = answer.location().to_owned();
            path = match to.strip_prefix(self.postern.issuer()) {
                Some(path) => path.to_owned(),
                None if to.starts_with('/') => to,
                None => return Went::App(Url::parse(&to).expect("a URL")),
            };
            answer = self
                .send(Request::get(&path).body(Body::empty()).expect("a request"))
                .await;
        }
        panic!("redirects without end, last to {path}")
    }

    /// Fills in the sign-in page.
    pub(crate) async fn sign_in(&mut self, page: &Page, email: &str) -> Went {
        self.sign_in_with(page, email, PASSWORD).await
    }

    pub(crate) async fn sign_in_with(&mut self, page: &Page, email: &str, password: &str) -> Went {
        self.submit(
            &page
                .form("/sign-in")
                .with("email", email)
                .with("password", password),
        )
        .await
    }

    /// Opens a request of an app and walks the pages as a person does: signs in where asked, and allows. Where the app
    /// gets its answer.
    pub(crate) async fn allow(&mut self, url: &str, email: &str) -> Url {
        let mut went = self.open(url).await;
        if let Went::Page(page) = &went
            && !page.forms("/sign-in").is_empty()
        {
            went = self.sign_in(page, email).await;
        }
        // Some apps get their answer without a tap.
        match went {
            Went::Page(page) => self.press(&page, "allow").await.app(),
            Went::App(back) => back,
        }
    }

    /// Presses a button of the consent or continue page.
    pub(crate) async fn press(&mut self, page: &Page, decision: &str) -> Went {
        self.submit(&page.form("/consent").with("decision", decision))
            .await
    }

    /// The account page of somebody who signs in here.
    pub(crate) async fn account(&mut self, email: &str) -> Page {
        let page = self.open("/account").await.page();
        if page.forms("/sign-in").is_empty() {
            page
        } else {
            self.sign_in(&page, email).await.page()
        }
    }
}
