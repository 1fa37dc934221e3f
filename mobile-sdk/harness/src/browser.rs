//! Alice's browser: cookies, redirects and forms.

use std::collections::BTreeMap;

use postern_mobile_core::{Header, HttpRequest, HttpResponse, Input, Secret};

use crate::{http, server::PASSWORD};

/// What may stand between a person and what they came for.
const FORMS: [&str; 5] = [
    "/sign-in",
    "/consent",
    "/device",
    "/device/decide",
    "/logout/confirm",
];

/// A browser with its cookies.
pub struct Browser {
    issuer: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// A new one, for the pages of this server.
    pub fn new(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    /// Opens what an app has asked for, signs in where asked, and allows. Where the app gets its answer.
    pub fn allow(&mut self, url: &str) -> String {
        self.through(url).expect_err("a way back to the app")
    }

    /// The same for what a device shows, which has no address: the page that stays.
    pub fn allow_device(&mut self, url: &str) -> String {
        self.through(url).expect("a page")
    }

    /// Fills in and presses what there is, until nothing is asked any more: the page, or the URL of an app.
    fn through(&mut self, url: &str) -> Result<String, String> {
        let mut page = self.open(url)?;
        for _ in 0..4 {
            let asks = |action: &&&str| page.contains(&format!("action=\"{action}\""));
            let Some(action) = FORMS.iter().find(asks) else {
                return Ok(page);
            };
            let mut fields = fields(&page, action);
            let filled_in: &[(&str, &str)] = match *action {
                "/sign-in" => &[("email", "alice@example.com"), ("password", PASSWORD)],
                "/consent" | "/device/decide" => &[("decision", "allow")],
                _ => &[],
            };
            fields.retain(|(name, _)| filled_in.iter().all(|(filled_in, _)| name != filled_in));
            fields.extend(
                filled_in
                    .iter()
                    .map(|(name, value)| ((*name).into(), (*value).into())),
            );
            page = self.post(action, &fields)?;
        }
        panic!("it asks again and again: {page}")
    }

    fn open(&mut self, url: &str) -> Result<String, String> {
        let answer = self.send("GET", url, String::new());
        self.follow(answer)
    }

    fn post(&mut self, path: &str, fields: &[(String, String)]) -> Result<String, String> {
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let answer = self.send("POST", &format!("{}{path}", self.issuer), body.join("&"));
        self.follow(answer)
    }

    /// A page, or the URL outside that it went to.
    fn follow(&mut self, mut answer: HttpResponse) -> Result<String, String> {
        while (300..400).contains(&answer.status) {
            let to = header(&answer, "location").expect("a place").to_owned();
            let to = if to.starts_with('/') {
                format!("{}{to}", self.issuer)
            } else {
                to
            };
            if !to.starts_with(&self.issuer) {
                return Err(to);
            }
            answer = self.send("GET", &to, String::new());
        }
        Ok(answer.body.text().to_owned())
    }

    fn send(&mut self, method: &str, url: &str, body: String) -> HttpResponse {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let headers = [
            ("Cookie", cookies.join("; ")),
            ("Accept", "text/html".to_owned()),
            ("Origin", self.issuer.clone()),
            ("Sec-Fetch-Site", "same-origin".to_owned()),
            ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
        ];
        let headers = headers.into_iter().filter(|(_, value)| !value.is_empty());
        let request = HttpRequest {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: headers
                .map(|(name, value)| Header {
                    name: name.to_owned(),
                    value: value.into(),
                })
                .collect(),
            body: Secret::from(body),
        };
        let Input::Http { response } = http::send(&request) else {
            panic!("no answer from {url}");
        };
        for set in response
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case("set-cookie"))
        {
            let pair = set.value.text().split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }
}

fn header<'a>(answer: &'a HttpResponse, name: &str) -> Option<&'a str> {
    let found = answer
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case(name));
    found.map(|header| header.value.text())
}

fn fields(page: &str, action: &str) -> Vec<(String, String)> {
    let form = page
        .split("<form")
        .find(|form| form.contains(&format!("action=\"{action}\"")));
    let form = form.unwrap_or_else(|| panic!("no form to {action} in {page}"));
    let form = form.split("</form>").next().unwrap_or_default();
    let inputs = form.split("<input").skip(1);
    inputs
        .filter_map(|input| {
            let input = input.split('>').next()?;
            Some((
                attribute(input, "name")?,
                attribute(input, "value").unwrap_or_default(),
            ))
        })
        .collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let from = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = tag[from..].split('"').next()?;
    let plain = [
        ("&amp;", "&"),
        ("&quot;", "\""),
        ("&#x2f;", "/"),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
    ];
    Some(
        plain
            .iter()
            .fold(value.to_owned(), |text, (from, to)| text.replace(from, to)),
    )
}

/// For a form.
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
