//! A device and the processes on it: the driver's loop with a hand in every effect.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use aws_lc_rs::rand;
use postern_mobile_core::{
    Answer, AttestationPolicy, Config, Core, DpopPolicy, Effect, Event, HttpFailure, HttpRequest,
    HttpResponse, Input, Moment, Next, Operation, Outcome, ParPolicy, SdkError, Secret, Verdict, Want,
};

use crate::{http, keys::Keys, server::Server, store::Store};

/// How requests are answered.
pub type Wire = Arc<dyn Fn(&HttpRequest) -> Input + Send + Sync>;

/// What the processes of a device share, and what outlives them.
pub struct Device {
    /// Its records.
    pub store: Store,
    /// Its keys.
    pub keys: Keys,
    /// Its clocks: the wall's and the monotonic one's distance from the machine's, in ms.
    pub wall_off: AtomicI64,
    /// See there.
    pub passed: AtomicI64,
    /// Changes with a restart.
    pub boot: AtomicI64,
    /// Its network.
    pub wire: Mutex<Wire>,
    /// The configuration of its app.
    pub config: Config,
}

/// A process of the app. To drop it is to kill it.
pub struct App {
    /// Where it runs.
    pub device: Arc<Device>,
    /// The core.
    pub core: Core,
    /// What it was told.
    pub events: Mutex<Vec<Event>>,
}

/// Why an operation did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It failed.
    Failed(SdkError),
    /// The process was killed.
    Killed,
}

/// When the process is killed: before, or after, the effect of this number (from 0) is done.
#[derive(Debug, Clone, Copy)]
pub enum Kill {
    /// Not at all.
    Never,
    /// Before.
    Before(usize),
    /// After.
    After(usize),
}

/// The app's configuration at a server on this machine.
pub fn config(issuer: &str) -> Config {
    Config {
        issuer: issuer.to_owned(),
        client_id: "app".to_owned(),
        redirect_uri: "http://127.0.0.1/callback".to_owned(),
        scopes: ["openid", "profile", "offline_access"]
            .map(str::to_owned)
            .to_vec(),
        resources: Vec::new(),
        dpop: DpopPolicy::Required,
        par: ParPolicy::Required,
        attestation: AttestationPolicy::Off,
        require_hardware_key: false,
        allow_custom_scheme: false,
        allow_loopback: true,
        read_only: false,
        app_version: None,
    }
}

impl Device {
    /// A new device with an app for this server.
    pub fn new(config: Config) -> Arc<Self> {
        Arc::new(Self {
            store: Store::default(),
            keys: Keys::default(),
            wall_off: AtomicI64::new(0),
            passed: AtomicI64::new(0),
            boot: AtomicI64::new(1),
            wire: Mutex::new(Arc::new(http::send)),
            config,
        })
    }

    /// Starts a process of the app.
    pub fn app(self: &Arc<Self>) -> App {
        App {
            device: Arc::clone(self),
            core: Core::new(self.config.clone()).expect("a configuration"),
            events: Mutex::default(),
        }
    }

    /// Starts a process of a part of the app that may only read, such as a widget.
    pub fn widget(self: &Arc<Self>) -> App {
        let config = Config {
            read_only: true,
            ..self.config.clone()
        };
        App {
            core: Core::new(config).expect("a configuration"),
            ..self.app()
        }
    }

    /// Changes the network.
    pub fn wire(&self, wire: impl Fn(&HttpRequest) -> Input + Send + Sync + 'static) {
        *self.wire.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(wire);
    }

    /// What its clocks say.
    pub fn now(&self) -> Moment {
        let machine = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970");
        let machine = i64::try_from(machine.as_millis()).expect("fits") + self.passed.load(Ordering::Relaxed);
        Moment {
            wall_ms: machine + self.wall_off.load(Ordering::Relaxed),
            monotonic_ms: machine - 1_600_000_000_000,
            boot_id: self.boot.load(Ordering::Relaxed).to_string(),
        }
    }

    /// Does what the core asks for.
    pub fn perform(&self, effect: &Effect) -> Input {
        match effect {
            Effect::Http { request } => {
                let wire = Arc::clone(&self.wire.lock().unwrap_or_else(PoisonError::into_inner));
                wire(request)
            }
            Effect::Get { key } => self.store.get(key),
            Effect::Put { key, value, expect } => self.store.put(key, value, *expect),
            Effect::Delete { key, expect } => self.store.delete(key, *expect),
            Effect::Keys { prefix } => self.store.keys(prefix),
            // It saves requests only, so here nobody ever gets it.
            Effect::Lock { .. } => Input::LockTimeout,
            Effect::Unlock { .. } => Input::Done,
            Effect::KeyEnsure { key, .. } => self.keys.ensure(key),
            Effect::Sign { key, message } => self.keys.sign(key, message),
            Effect::KeyDelete { key } => self.keys.delete(key),
            Effect::Attest { .. } => Input::Failed {
                error: postern_mobile_core::HookError::Unavailable,
            },
            Effect::Random { len } => {
                let mut bytes = vec![0; usize::try_from(*len).expect("fits")];
                rand::fill(&mut bytes).expect("random bytes");
                Input::Random { bytes: bytes.into() }
            }
            Effect::Sleep { ms } => {
                self.passed
                    .fetch_add(i64::try_from(*ms).expect("fits"), Ordering::Relaxed);
                Input::Done
            }
        }
    }
}

impl App {
    /// Runs an operation to its end.
    pub fn run(&self, operation: Operation) -> Result<Outcome, SdkError> {
        match self.run_until(operation, Kill::Never).0 {
            Ok(outcome) => Ok(outcome),
            Err(End::Failed(error)) => Err(error),
            Err(End::Killed) => unreachable!("never"),
        }
    }

    /// Runs an operation until its end or the process's, and says how many effects it had.
    pub fn run_until(&self, operation: Operation, kill: Kill) -> (Result<Outcome, End>, usize) {
        self.run_with(operation, kill, |_, _| None)
    }

    /// The same with another answer to some effects; the number is the effect's.
    pub fn run_with(
        &self,
        mut operation: Operation,
        kill: Kill,
        mut instead: impl FnMut(usize, &Effect) -> Option<Input>,
    ) -> (Result<Outcome, End>, usize) {
        let mut step = operation.step(None, &self.device.now());
        for number in 0.. {
            self.events
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .append(&mut step.events);
            let (id, effect) = match step.next {
                Next::Need { id, effect } => (id, effect),
                Next::Done { outcome } => return (Ok(outcome), number),
                Next::Failed { error } => return (Err(End::Failed(error)), number),
            };
            if matches!(kill, Kill::Before(at) if at == number) {
                return (Err(End::Killed), number);
            }
            let input = instead(number, &effect).unwrap_or_else(|| self.device.perform(&effect));
            if matches!(kill, Kill::After(at) if at == number) {
                return (Err(End::Killed), number);
            }
            step = operation.step(Some(Answer { id, input }), &self.device.now());
        }
        unreachable!("an operation ends")
    }

    /// Signs Alice in.
    pub fn sign_in(&self, browser: &mut crate::browser::Browser) -> String {
        let back = browser.allow(&self.begin());
        match self.run(self.core.handle_redirect(back.as_str().into())) {
            Ok(Outcome::SignedIn { account }) => account,
            other => panic!("{other:?}"),
        }
    }

    /// Begins a sign-in.
    pub fn begin(&self) -> String {
        match self.run(self.core.begin(postern_mobile_core::AuthorizeParams::default())) {
            Ok(Outcome::AuthorizationReady { ready }) => ready.url,
            other => panic!("{other:?}"),
        }
    }

    /// A refresh.
    pub fn refresh(&self) -> Result<Outcome, SdkError> {
        self.run(self.core.access_token(None, fresh()))
    }

    /// A request to an API, repeated as the core says.
    pub fn get(&self, url: &str) -> HttpResponse {
        for tries in 0.. {
            let authorized =
                self.core
                    .authorize_request(None, "GET".to_owned(), url.to_owned(), Want::default());
            let headers = match self.run(authorized) {
                Ok(Outcome::Headers { headers }) => headers.headers,
                other => panic!("{other:?}"),
            };
            let request = HttpRequest {
                method: "GET".to_owned(),
                url: url.to_owned(),
                headers,
                body: Secret::default(),
            };
            let Input::Http { response } = self.device.perform(&Effect::Http { request }) else {
                panic!("no answer of {url}")
            };
            let now = self.device.now();
            let verdict = self
                .core
                .response_seen(None, url, response.status, &response.headers, tries, &now);
            if verdict != Verdict::Retry {
                return response;
            }
        }
        unreachable!("it is repeated once")
    }

    /// Whether it was told of something like this.
    pub fn heard(&self, like: impl Fn(&Event) -> bool) -> bool {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .any(like)
    }
}

/// A device at a server, with Alice signed in.
pub fn signed_in(server: &Server) -> Arc<Device> {
    let device = Device::new(config(&server.issuer));
    device.app().sign_in(&mut server.browser());
    device
}

/// A token that was not there before.
pub fn fresh() -> Want {
    Want {
        fresh: true,
        ..Want::default()
    }
}

/// The request arrives, its answer does not.
pub fn lost(request: &HttpRequest) -> Input {
    http::send(request);
    Input::HttpFailed {
        failure: HttpFailure::Ambiguous,
    }
}
