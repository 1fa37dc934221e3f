//! Journeys in a real browser: headless Chromium, driven through ChromeDriver.
//!
//! A journey opens a browser and returns at once where there is none; `POSTERN_BROWSER=required`
//! (set by `tests/all`) makes that a failure. Commands wait for what they need and panic with the page
//! that was shown instead.

mod account;
mod axe;
mod callback;
mod console;
mod console_pages;
mod decisions;
mod driver;
mod elsewhere;
mod form_post;
mod harness_test;
mod logout;
mod other_origins;
mod other_sites;
mod pages;
mod production;
mod round_trips;
mod signing_in;
mod site;
mod tls_proxy;

use std::{path::Path, time::Duration};

use base64ct::{Base64, Encoding};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use self::driver::{Refusal, Session};

pub(crate) use self::{callback::Callback, tls_proxy::TlsProxy};

/// How long something may take to show before the journey fails. No journey measures time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The viewport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// 390 x 844, with touch; honours the page's `viewport`.
    Phone,
    /// 1280 x 900.
    Desktop,
}

impl Size {
    fn pixels(self) -> (u32, u32) {
        match self {
            Self::Phone => (390, 844),
            Self::Desktop => (1280, 900),
        }
    }
}

/// What the person has chosen for the whole system.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ColorScheme {
    Dark,
    Light,
}

/// A cookie of the page that is shown, as the browser keeps it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) path: String,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) same_site: Option<String>,
    /// Seconds since 1970; none for a cookie that goes with the browser.
    pub(crate) expiry: Option<u64>,
}

/// A person's browser with an empty profile, closed when it is dropped.
pub(crate) struct Browser {
    session: Session,
    logs: Mutex<Logs>,
}

/// What the browser has said so far; it tells each line once.
#[derive(Default)]
struct Logs {
    console: Vec<String>,
    /// `{ method, params }` of the DevTools protocol.
    network: Vec<Value>,
}

impl Browser {
    /// A new browser, or nothing where the machine has none.
    pub(crate) async fn open(size: Size) -> Option<Self> {
        let session = driver::driver()?.open(size).await;
        Some(Self {
            session,
            logs: Mutex::default(),
        })
    }

    pub(crate) async fn goto(&self, url: &str) {
        said(
            self.session.post("/url", &json!({ "url": url })).await,
            &format!("goto {url}"),
        );
    }

    /// The browser's own button.
    pub(crate) async fn back(&self) {
        said(self.session.post("/back", &json!({})).await, "back");
    }

    pub(crate) async fn current_url(&self) -> String {
        string(&said(self.session.get("/url").await, "current_url"))
    }

    /// The page's markup as it is now.
    pub(crate) async fn source(&self) -> String {
        string(&said(self.session.get("/source").await, "source"))
    }

    /// The words that a person sees.
    pub(crate) async fn text(&self) -> String {
        string(
            &self
                .execute("return document.body ? document.body.innerText : ''")
                .await,
        )
    }

    /// What a function body returns in the page. Not subject to the page's Content-Security-Policy.
    pub(crate) async fn execute(&self, script: &str) -> Value {
        said(self.session.execute(script).await, script)
    }

    /// Waits for a field and types into it, in place of what it held.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        self.act(css, "clear", &json!({})).await;
        self.act(css, "value", &json!({ "text": text })).await;
    }

    /// Waits for an element and presses it; goes on when the page that this leads to has loaded.
    pub(crate) async fn click(&self, css: &str) {
        self.act(css, "click", &json!({})).await;
    }

    /// Presses what sends a form and waits until another document has loaded in place of the one that is shown. For
    /// where both look alike: `click` may come back before the browser has set out.
    pub(crate) async fn submit(&self, css: &str) {
        const DOCUMENT: &str = "return document.readyState === 'complete' ? performance.timeOrigin : null";
        self.wait_for(css).await;
        let before = self.execute(DOCUMENT).await;
        self.click(css).await;
        let other = async || {
            let now = self.session.execute(DOCUMENT).await.ok()?;
            (!now.is_null() && now != before).then_some(())
        };
        self.until(&format!("what follows {css}"), other).await;
    }

    /// Presses an element and does not wait for what follows. ChromeDriver loses track of a navigation that nobody
    /// takes, and would not come back from a second click on the page that stays.
    pub(crate) async fn tap(&self, css: &str) {
        let script = format!("setTimeout(() => document.querySelector({css:?}).click())");
        let params = json!({ "expression": script, "userGesture": true });
        said(
            self.session.devtools("Runtime.evaluate", params).await,
            &format!("tap {css}"),
        );
    }

    /// Whether the page has such an element now.
    pub(crate) async fn exists(&self, css: &str) -> bool {
        self.element(css).await.is_some()
    }

    /// Waits until the page has such an element.
    pub(crate) async fn wait_for(&self, css: &str) {
        self.until(css, async || self.element(css).await).await;
    }

    /// Waits until the page says so at its top.
    pub(crate) async fn wait_for_heading(&self, words: &str) {
        let script = "const it = document.querySelector('h1'); return it ? it.innerText : ''";
        // A page that is just being left has no answer.
        let shown = async || {
            let heading = self.session.execute(script).await;
            heading.is_ok_and(|heading| heading == words).then_some(())
        };
        self.until(&format!("the heading {words:?}"), shown).await;
    }

    /// Waits until the address begins so.
    pub(crate) async fn wait_for_url(&self, prefix: &str) {
        let there = async || self.current_url().await.starts_with(prefix).then_some(());
        self.until(&format!("the address {prefix}"), there).await;
    }

    /// The cookies that go to the address shown, those that scripts cannot see too.
    pub(crate) async fn cookies(&self) -> Vec<Cookie> {
        let cookies = said(self.session.get("/cookie").await, "cookies");
        serde_json::from_value(cookies).expect("cookies as WebDriver defines them")
    }

    /// Forgets every cookie of the address shown.
    pub(crate) async fn clear_cookies(&self) {
        said(self.session.delete("/cookie").await, "clear_cookies");
    }

    /// What a Content-Security-Policy has stopped since the browser was opened. It tells a moment late:
    /// ask for none only when what should have happened instead has been seen.
    pub(crate) async fn csp_violations(&self) -> Vec<String> {
        let logs = self.read_logs().await;
        logs.console
            .iter()
            .filter(|line| line.contains("Content Security Policy"))
            .cloned()
            .collect()
    }

    /// Waits until a Content-Security-Policy has stopped something.
    pub(crate) async fn wait_for_csp_violation(&self) -> String {
        self.until("a violation", async || self.csp_violations().await.pop())
            .await
    }

    /// Addresses with this scheme that the browser set out for since it was opened. For a private-use
    /// scheme this is as far as a headless browser goes: it hands the address to nobody.
    pub(crate) async fn navigation_requests(&self, scheme: &str) -> Vec<String> {
        let logs = self.read_logs().await;
        let prefix = format!("{scheme}:");
        let mut found: Vec<String> = Vec::new();
        for event in &logs.network {
            let params = &event["params"];
            let url = match event["method"].as_str() {
                Some("Network.requestWillBeSent") => &params["request"]["url"],
                Some("Page.frameRequestedNavigation") => &params["url"],
                _ => continue,
            };
            if let Some(url) = url.as_str()
                && url.starts_with(&prefix)
                && found.last().is_none_or(|last| last != url)
            {
                found.push(url.to_owned());
            }
        }
        found
    }

    /// Waits until the browser sets out for an address with this scheme.
    pub(crate) async fn wait_for_navigation(&self, scheme: &str) -> String {
        let last = async || self.navigation_requests(scheme).await.pop();
        self.until(&format!("a navigation to {scheme}:"), last).await
    }

    /// Waits until so many forms were posted to a path since the browser was opened.
    pub(crate) async fn wait_for_posts(&self, path: &str, count: usize) {
        let posted = |event: &&Value| {
            let request = &event["params"]["request"];
            event["method"] == "Network.requestWillBeSent"
                && request["method"] == "POST"
                && request["url"].as_str().is_some_and(|url| url.ends_with(path))
        };
        let enough =
            async || (self.read_logs().await.network.iter().filter(posted).count() >= count).then_some(());
        self.until(&format!("post number {count} to {path}"), enough)
            .await;
    }

    /// The headers of each page received from an origin since the browser was opened.
    pub(crate) async fn pages_received(&self, origin: &str) -> Vec<Vec<(String, String)>> {
        let logs = self.read_logs().await;
        let pages = logs.network.iter().filter(|event| {
            event["method"] == "Network.responseReceived" && event["params"]["type"] == "Document"
        });
        pages
            .map(|event| &event["params"]["response"])
            .filter(|response| {
                response["url"]
                    .as_str()
                    .is_some_and(|url| url.starts_with(origin))
            })
            .map(|response| {
                let headers = response["headers"].as_object().into_iter().flatten();
                headers
                    .map(|(name, value)| (name.clone(), string(value)))
                    .collect()
            })
            .collect()
    }

    /// What the console said since the browser was opened, but for the status of pages that say no.
    pub(crate) async fn console_errors(&self) -> Vec<String> {
        let logs = self.read_logs().await;
        let status = "Failed to load resource: the server responded with a status of 4";
        logs.console
            .iter()
            .filter(|line| !line.contains(status) || line.contains("/assets/"))
            .cloned()
            .collect()
    }

    /// The markup inside the page's only frame; where the browser shows none, that of its own error page.
    pub(crate) async fn frame_source(&self) -> String {
        self.wait_for("iframe").await;
        said(
            self.session.post("/frame", &json!({ "id": 0 })).await,
            "into the frame",
        );
        let source = self.source().await;
        said(
            self.session.post("/frame/parent", &json!({})).await,
            "out of the frame",
        );
        source
    }

    /// From now on no page may run scripts.
    pub(crate) async fn without_scripts(&self) {
        self.set_scripts_disabled(true).await;
    }

    /// From now on pages may run scripts again.
    pub(crate) async fn with_scripts(&self) {
        self.set_scripts_disabled(false).await;
    }

    async fn set_scripts_disabled(&self, disabled: bool) {
        let params = json!({ "value": disabled });
        said(
            self.session
                .devtools("Emulation.setScriptExecutionDisabled", params)
                .await,
            "scripts",
        );
    }

    pub(crate) async fn set_color_scheme(&self, scheme: ColorScheme) {
        let value = match scheme {
            ColorScheme::Dark => "dark",
            ColorScheme::Light => "light",
        };
        // Colours do not fade into each other: what is looked at is what stays.
        let params = json!({ "features": [
            { "name": "prefers-color-scheme", "value": value },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        said(
            self.session.devtools("Emulation.setEmulatedMedia", params).await,
            "set_color_scheme",
        );
    }

    /// Writes the whole page as a PNG.
    pub(crate) async fn screenshot(&self, to: impl AsRef<Path>) {
        let params = json!({ "captureBeyondViewport": true });
        let picture = said(
            self.session.devtools("Page.captureScreenshot", params).await,
            "screenshot",
        );
        let picture = string(&picture["data"]);
        let picture = Base64::decode_vec(&picture).expect("base64");
        let to = to.as_ref();
        std::fs::create_dir_all(to.parent().unwrap_or(Path::new("."))).expect("a folder for the picture");
        std::fs::write(to, picture).expect("the picture is written");
    }

    /// What axe-core finds wrong with the page: one readable line each.
    pub(crate) async fn axe(&self) -> Vec<String> {
        axe::violations(&self.session).await
    }

    /// Waits for an element and gives it a command. One that went with its page in between has taken none.
    async fn act(&self, css: &str, command: &str, body: &Value) {
        let done = async || {
            let element = self.element(css).await?;
            match self.session.post(&format!("{element}/{command}"), body).await {
                Ok(_) => Some(()),
                Err(refusal) if refusal.error == "stale element reference" => None,
                Err(refusal) => panic!("{command} {css}: {refusal}"),
            }
        };
        self.until(css, done).await;
    }

    /// The path of an element's commands.
    async fn element(&self, css: &str) -> Option<String> {
        match self
            .session
            .post("/element", &json!({ "using": "css selector", "value": css }))
            .await
        {
            Ok(element) => {
                let id = element.as_object()?.values().next()?;
                Some(format!("/element/{}", id.as_str()?))
            }
            Err(refusal) if refusal.error == "no such element" => None,
            Err(refusal) => panic!("{css}: {refusal}"),
        }
    }

    async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let found = timeout(PATIENCE, async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                sleep(Duration::from_millis(50)).await;
            }
        });
        if let Ok(found) = found.await {
            return found;
        }
        let (url, text, violations) = (
            self.current_url().await,
            self.text().await,
            self.csp_violations().await,
        );
        panic!(
            "{what} did not come. The browser is at {url}, was stopped by {violations:?} and shows:\n{text}"
        );
    }

    async fn read_logs(&self) -> tokio::sync::MutexGuard<'_, Logs> {
        let mut logs = self.logs.lock().await;
        let console = self.new_lines("browser").await;
        logs.console.extend(console);
        let events = self.new_lines("performance").await;
        let events = events
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        logs.network
            .extend(events.map(|mut event| event["message"].take()));
        logs
    }

    async fn new_lines(&self, log: &str) -> Vec<String> {
        let lines = said(self.session.post("/se/log", &json!({ "type": log })).await, log);
        lines
            .as_array()
            .into_iter()
            .flatten()
            .map(|line| string(&line["message"]))
            .collect()
    }
}

/// The answer to a command, or a panic that names the command.
fn said(answer: Result<Value, Refusal>, what: &str) -> Value {
    answer.unwrap_or_else(|refusal| panic!("{what}: {refusal}"))
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
