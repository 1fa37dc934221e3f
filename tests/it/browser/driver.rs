//! ChromeDriver: one process for the whole test binary, and the sessions that it opens.
//!
//! WebDriver is JSON over plain HTTP on loopback, and a journey needs a dozen of its commands. So it is
//! spoken here with the HTTP client that the server has anyway; a client crate would be a second HTTP
//! stack and a second set of types, and would still want raw commands for the logs and the emulation.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Size;

/// ChromeDriver gives up on a page after a minute; a journey gives up on ChromeDriver a little later.
const ANSWERS_WITHIN: Duration = Duration::from_secs(90);

/// The running ChromeDriver, or nothing where the machine has no browser.
///
/// # Panics
/// Where there is no browser although `POSTERN_BROWSER=required`.
pub(super) fn driver() -> Option<&'static Driver> {
    static DRIVER: OnceLock<Option<Driver>> = OnceLock::new();
    DRIVER.get_or_init(Driver::find_and_start).as_ref()
}

/// Whether a missing tool fails the test instead of skipping it.
#[expect(
    clippy::disallowed_methods,
    reason = "a switch of the tests, not of the server"
)]
pub(super) fn required() -> bool {
    env::var_os("POSTERN_BROWSER").is_some_and(|value| value == "required")
}

/// Says past the test harness's capture that something is not tested here.
pub(super) fn skip(what: &str) {
    assert!(!required(), "POSTERN_BROWSER=required, but {what}");
    let _ = writeln!(std::io::stderr(), "skipped: {what} (tests/all installs it)");
}

/// One ChromeDriver process on a port of its own choice.
pub(super) struct Driver {
    address: SocketAddr,
    chromium: PathBuf,
    /// Its open standard input keeps the process alive; see [`KEEPER`].
    _keeper: Child,
}

/// Ends ChromeDriver when the test process is gone, however it went: only then does `read` return.
/// (A static is never dropped, and a killed test binary drops nothing.)
const KEEPER: &str = r#""$0" --port=0 & driver=$!; read -r _; kill "$driver"; wait "$driver""#;

impl Driver {
    fn find_and_start() -> Option<Self> {
        let found =
            on_path(&["chromium", "chromium-browser", "google-chrome"]).zip(on_path(&["chromedriver"]));
        let Some((chromium, chromedriver)) = found else {
            skip("the journeys in a browser: no chromium or chromedriver on the PATH");
            return None;
        };
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER])
            .arg(chromedriver)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        let mut lines = BufReader::new(keeper.stdout.take().expect("piped")).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once("successfully on port ")?
                    .1
                    .trim_end_matches('.')
                    .parse()
                    .ok()
            })
            .expect("ChromeDriver says its port");
        // Nobody reads on; the pipe must not fill up.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            chromium,
            _keeper: keeper,
        })
    }

    /// A new browser with an empty profile.
    pub(super) async fn open(&self, size: Size) -> Session {
        let profile = tempfile::Builder::new()
            .prefix("postern-browser-")
            .tempdir()
            .expect("a folder for the profile");
        let mut session = Session {
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(ANSWERS_WITHIN)
                .build()
                .expect("an HTTP client"),
            address: self.address,
            path: "/session".to_owned(),
            profile,
        };
        let made = session
            .post("", &capabilities(&self.chromium, session.profile.path(), size))
            .await
            .unwrap_or_else(|refusal| panic!("no browser session: {refusal}"));
        let id = made["sessionId"].as_str().expect("a session id");
        session.path = format!("/session/{id}");
        session
    }
}

/// The first of these programs that the PATH has.
#[expect(
    clippy::disallowed_methods,
    reason = "where programs are is the machine's to say"
)]
fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    names.iter().find_map(|name| {
        env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    })
}

fn capabilities(chromium: &Path, profile: &Path, size: Size) -> Value {
    let (width, height) = size.pixels();
    let phone = size == Size::Phone;
    json!({ "capabilities": { "alwaysMatch": {
        "browserName": "chrome",
        // The TLS proxy's certificate is its own.
        "acceptInsecureCerts": true,
        "timeouts": { "implicit": 0, "pageLoad": 60_000, "script": 60_000 },
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        "goog:chromeOptions": {
            "binary": chromium,
            "perfLoggingPrefs": { "enableNetwork": true, "enablePage": true },
            // An exact viewport: a headless window is never as narrow as a phone.
            "mobileEmulation": { "deviceMetrics": {
                "width": width, "height": height, "pixelRatio": 1.0, "mobile": phone, "touch": phone,
            } },
            "args": [
                // Not a port: with its pipe closed Chromium ends, so none outlives its ChromeDriver.
                "--remote-debugging-pipe",
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                format!("--window-size={width},{height}"),
                format!("--user-data-dir={}", profile.display()),
            ],
        },
    } } })
}

/// One browser; it is closed when this is dropped.
pub(super) struct Session {
    http: reqwest::Client,
    address: SocketAddr,
    path: String,
    profile: TempDir,
}

impl Session {
    pub(super) async fn get(&self, command: &str) -> Result<Value, Refusal> {
        self.send(self.http.get(self.url(command))).await
    }

    pub(super) async fn post(&self, command: &str, body: &Value) -> Result<Value, Refusal> {
        self.send(self.http.post(self.url(command)).json(body)).await
    }

    pub(super) async fn delete(&self, command: &str) -> Result<Value, Refusal> {
        self.send(self.http.delete(self.url(command))).await
    }

    /// Runs a function body in the page; the page's Content-Security-Policy does not apply to it.
    pub(super) async fn execute(&self, script: &str) -> Result<Value, Refusal> {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
            .await
    }

    /// A command of the Chrome DevTools Protocol.
    pub(super) async fn devtools(&self, method: &str, params: Value) -> Result<Value, Refusal> {
        self.post("/goog/cdp/execute", &json!({ "cmd": method, "params": params }))
            .await
    }

    fn url(&self, command: &str) -> String {
        format!("http://{}{}{command}", self.address, self.path)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, Refusal> {
        let answer: Value = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("ChromeDriver does not answer: {error}"))
            .json()
            .await
            .expect("ChromeDriver speaks JSON");
        let value = &answer["value"];
        match value["error"].as_str() {
            Some(error) => Err(Refusal {
                error: error.to_owned(),
                message: value["message"].as_str().unwrap_or_default().to_owned(),
            }),
            None => Ok(value.clone()),
        }
    }
}

impl Drop for Session {
    /// Closes the browser. Not through the client: a destructor cannot wait for a future.
    fn drop(&mut self) {
        if self.path == "/session" {
            return;
        }
        let Ok(mut driver) = TcpStream::connect(self.address) else {
            return;
        };
        let request = format!(
            "DELETE {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.path, self.address
        );
        let _ = driver.set_read_timeout(Some(Duration::from_secs(10)));
        let _ = driver.write_all(request.as_bytes());
        let _ = driver.read(&mut [0; 64]);
    }
}

/// A command that the browser refused.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The name that the WebDriver specification gives it, such as `no such element`.
    pub(super) error: String,
    message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The lines below the first are ChromeDriver's own stack.
        write!(
            to,
            "{}: {}",
            self.error,
            self.message.lines().next().unwrap_or_default()
        )
    }
}
