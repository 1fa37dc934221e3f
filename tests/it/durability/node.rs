//! A node: the real program, which is killed and started again.

use std::{
    path::PathBuf,
    process::Command,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, RequestBuilder};
use tokio::time::{sleep, timeout};

use super::{PATIENCE, device::Device, surely};
use crate::{
    cli::program::{Program, command},
    harness::free_port,
};

/// The setting that says where PostgreSQL is.
pub(crate) const DATABASE: &str = "POSTERN__DATABASE__URL";

/// How long a lost refresh may be asked for again by apps that hold no key, as those of these tests. The longest that is
/// allowed beside the default life of access tokens: by the default of a minute, an app whose answer was lost is taken for
/// a thief when a busy machine, the time limit of its next request and a restart together take longer.
const RETRY_WINDOW: (&str, &str) = ("POSTERN__TOKENS__RETRY_WINDOW", "150s");

/// One `postern serve`, or none while it is dead. Its address changes with each start, so that nobody else has it;
/// whoever asks reads it anew, as behind a load balancer.
pub(crate) struct Node {
    data: PathBuf,
    environment: Vec<(&'static str, String)>,
    port: AtomicU16,
    program: Mutex<Option<Program>>,
    http: Client,
}

impl Node {
    /// A node on a folder with a root secret, and on PostgreSQL where a URL is given.
    pub(super) async fn start(data: PathBuf, database: Option<String>) -> Self {
        let (window, longest) = RETRY_WINDOW;
        let mut environment = vec![(window, longest.to_owned())];
        environment.extend(database.map(|url| (DATABASE, url)));
        Self::start_by(data, environment).await
    }

    /// A node with settings of its own.
    pub(crate) async fn start_by(data: PathBuf, environment: Vec<(&'static str, String)>) -> Self {
        let node = Self {
            data,
            environment,
            port: AtomicU16::new(0),
            program: Mutex::default(),
            // Longer than the server takes for anything (`server.request_timeout`): a request that nobody waits for any
            // more cannot come after later ones. And no connection that the server closes, because nobody used it, in
            // the moment when somebody does.
            http: Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(40))
                .pool_idle_timeout(Duration::from_secs(2))
                .build()
                .expect("a client"),
        };
        node.run();
        surely("the first answer", async {
            while node.health().await != Some(200) {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        node
    }

    /// Starts the program.
    pub(crate) fn run(&self) {
        let port = free_port();
        let mut serve = self.command(&["serve", "--log-level", "warn", "--listen"]);
        serve.arg(format!("127.0.0.1:{port}"));
        *self.program() = Some(Program::spawn(&mut serve));
        self.port.store(port, Ordering::SeqCst);
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = command(&[], &self.data);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(words);
        command
    }

    /// Ends the program as no program can prepare for.
    pub(crate) async fn kill(&self) {
        let program = self.program().take();
        let mut program = program.expect("it runs");
        program.signal("KILL");
        program.ended().await;
        let log = program.log.text();
        assert!(!log.contains("ERROR"), "{log}");
    }

    /// What it has logged: warnings and errors.
    pub(crate) fn log(&self) -> String {
        self.program()
            .as_ref()
            .map(|program| program.log.text())
            .unwrap_or_default()
    }

    /// Waits for what has to happen to this device.
    pub(super) async fn surely<T>(&self, device: &Device, what: &str, happens: impl Future<Output = T>) -> T {
        if let Ok(happened) = timeout(PATIENCE, happens).await {
            return happened;
        }
        let health = timeout(Duration::from_secs(1), self.health()).await;
        panic!(
            "{what}: not within {PATIENCE:?}\n{}\n{health:?}, {}",
            device.state(),
            self.state()
        );
    }

    /// Whether it runs, and what it has said.
    fn state(&self) -> String {
        match &mut *self.program() {
            Some(program) => program.state(),
            None => "killed".to_owned(),
        }
    }

    fn program(&self) -> std::sync::MutexGuard<'_, Option<Program>> {
        self.program.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        self.http.post(self.url(path)).form(form)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.load(Ordering::SeqCst)
    }

    /// Ends the program in order.
    pub(crate) async fn stop(&self) {
        let mut program = self.program().take().expect("it runs");
        program.signal("TERM");
        assert!(program.ended().await.success(), "{}", program.log.text());
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port())
    }

    /// What `/health/ready` answers, if anything.
    pub(crate) async fn health(&self) -> Option<u16> {
        let answer = self.get("/health/ready").send().await.ok()?;
        Some(answer.status().as_u16())
    }

    /// Waits until `/health/ready` says so.
    pub(crate) async fn becomes(&self, status: u16) {
        let waiting = async {
            while self.health().await != Some(status) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("/health/ready is not {status}: {}", self.log()));
    }
}
