//! A server of one's own: a folder with a database, a clock that the test moves, seeded randomness.

use std::{
    iter,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use postern::{
    app::{App, AppError, Surroundings},
    base::{
        entropy::Entropy,
        id::EventId,
        text::Email,
        time::{Clock, Instant, Lifetime},
    },
    config::Config,
    domain::{
        actor::Actor,
        client::{Client, ClientKind, ClientSettings},
        event::{Event, EventRecord, Subject},
        password::Password,
        user::User,
    },
    flows::{
        Provider, account,
        audit::Chain,
        clients::{self, Registered},
        outbox,
    },
    jobs::poll::Poll,
    store::{
        db::{Location, Statement},
        events::RecordEvent,
    },
};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    Browser, Phone,
    http::{Answer, form_post, open, send},
    postgres::{self, Database, env_is},
};

pub(crate) const ALICE: &str = "alice@example.com";
pub(crate) const BOB: &str = "bob@example.com";
pub(crate) const PASSWORD: &str = "tr0mbone lakes";
/// What the test's app is registered with.
const REDIRECT: &str = "http://127.0.0.1/callback";

/// A server, Alice and Bob, and the app `notes`.
pub(crate) struct Postern {
    pub(crate) app: App,
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    router: Router,
    folder: Arc<TempDir>,
    /// Where the back end is PostgreSQL.
    pub(crate) database: Option<Arc<Database>>,
}

/// A server that was stopped: its folder, and what it needs to start again.
pub(crate) struct Stopped {
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    entropy: Arc<Entropy>,
    folder: Arc<TempDir>,
    database: Option<Arc<Database>>,
}

impl Stopped {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of the embedded database.
    pub(crate) fn database_file(&self) -> &Path {
        self.config.database.file().expect("an embedded database")
    }

    pub(crate) async fn try_start(&self) -> Result<App, AppError> {
        let surroundings = Surroundings {
            clock: self.clock.clone(),
            entropy: Arc::clone(&self.entropy),
            environment: |_| None,
        };
        App::open(&self.config, surroundings).await
    }

    pub(crate) async fn start(self) -> Postern {
        let app = self.try_start().await.expect("started");
        Postern {
            router: app.router(),
            app,
            clock: self.clock,
            config: self.config,
            folder: self.folder,
            database: self.database,
        }
    }
}

/// `POSTERN_DATABASE=postgres`: the stories are told once more, on the other back end.
async fn on_postgres() -> Option<Database> {
    if !env_is("POSTERN_DATABASE", "postgres") {
        return None;
    }
    let database = postgres::database().await;
    Some(database.expect("PostgreSQL is installed where the tests are told to use it"))
}

impl Postern {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A server with some settings of its own.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let clock = Clock::manual(Instant::from_millis(1_790_000_000_000));
        Self::start_by(clock, change).await
    }

    /// The same by another clock: a database that has one is not served by a clock that differs from it.
    pub(crate) async fn start_by(clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_at(clock, on_postgres().await, change).await
    }

    /// One on each back end, for races; with as many connections as the database can be asked by at once. Only the
    /// embedded one where PostgreSQL is not installed.
    pub(crate) async fn on_each() -> Vec<Self> {
        let mut each = Vec::new();
        for database in iter::once(None).chain(postgres::database().await.map(Some)) {
            let clock = Clock::manual(Instant::from_millis(1_790_000_000_000));
            let many = |config: &mut Config| {
                if let Location::Postgres(options) = &mut config.database.location {
                    options.max_connections = 40;
                }
            };
            each.push(Self::start_at(clock, database, many).await);
        }
        each
    }

    /// A server with a clock and a database; the embedded one where none is given.
    pub(crate) async fn start_at(
        clock: Clock,
        database: Option<Database>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::defaults(folder.path()).expect("the defaults are valid");
        // The cost of a hash is not what these tests are about.
        (config.passwords.memory_kib, config.passwords.iterations) = (64, 1);
        if let Some(database) = &database {
            config.database.location = database.location.clone();
        }
        change(&mut config);
        let surroundings = Surroundings {
            clock: clock.clone(),
            entropy: Arc::new(Entropy::seeded(7)),
            environment: |_| None,
        };
        App::found(&config, &surroundings).await.expect("an empty folder");
        let app = App::open(&config, surroundings)
            .await
            .expect("a database that was just made");
        let postern = Self {
            router: app.router(),
            app,
            clock,
            config,
            folder: Arc::new(folder),
            database: database.map(Arc::new),
        };
        postern.add_user(ALICE).await;
        postern.add_user(BOB).await;
        postern.add_client("notes", |_| {}).await;
        postern
    }

    pub(crate) async fn stop(self) -> Stopped {
        let entropy = Arc::clone(&self.provider().entropy);
        self.app.close().await;
        Stopped {
            clock: self.clock,
            config: self.config,
            entropy,
            folder: self.folder,
            database: self.database,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Another server on the same database, at the same time. It does nothing by itself either.
    pub(crate) async fn beside(&self) -> Self {
        self.beside_with(|_| {}).await
    }

    /// The same with some settings of its own.
    pub(crate) async fn beside_with(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.config.clone();
        change(&mut config);
        let surroundings = Surroundings {
            clock: self.clock.clone(),
            entropy: Arc::new(Entropy::system()),
            environment: |_| None,
        };
        let app = App::open(&config, surroundings)
            .await
            .expect("a database that is there");
        Self {
            router: app.router(),
            app,
            clock: self.clock.clone(),
            config,
            folder: Arc::clone(&self.folder),
            database: self.database.clone(),
        }
    }

    /// Sends what is due to be sent, to everybody, once.
    pub(crate) async fn sends(&self) {
        let provider = self.provider();
        for recipient in outbox::due(provider).await.expect("the database answers") {
            let served = outbox::serve(provider, &recipient).await;
            served.expect("the database answers");
        }
    }

    /// One round of the poll, which compares everything that is remembered.
    pub(crate) async fn poll(&self) {
        let polled = Poll::new(self.provider()).round().await;
        polled.expect("the database answers");
    }

    /// Takes everything that was committed into the audit trail, and signs it.
    pub(crate) async fn chains(&self) {
        let mut chain = Chain::default();
        while chain.round(self.provider()).await.expect("the database answers") {}
    }

    pub(crate) fn provider(&self) -> &Provider {
        &self.app.provider
    }

    /// The file of the embedded database.
    pub(crate) fn database_file(&self) -> &Path {
        self.config.database.file().expect("an embedded database")
    }

    pub(crate) fn issuer(&self) -> &str {
        self.provider().issuer.as_str()
    }

    pub(crate) fn advance(&self, by: &str) {
        self.clock
            .advance(by.parse::<Lifetime>().expect("a length of time"));
    }

    pub(crate) async fn add_user(&self, email: &str) -> User {
        let email: Email = email.parse().expect("an address");
        let password = Password::chosen(PASSWORD.to_owned(), &email).expect("a good password");
        account::add(self.provider(), email, None, password)
            .await
            .expect("a new address")
    }

    pub(crate) async fn user(&self, email: &str) -> User {
        let found = postern::store::users::find_by_email(&self.provider().db, email.to_owned()).await;
        found.expect("the database answers").expect("a known address")
    }

    /// Registers an app; `change` makes it differ from `notes`.
    pub(crate) async fn add_client(&self, id: &str, change: impl FnOnce(&mut ClientSettings)) -> Client {
        let mut settings = ClientSettings {
            redirect_uris: vec![REDIRECT.parse().expect("valid")],
            scope: "openid profile email offline_access".parse().expect("valid"),
            ..ClientSettings::new(ClientKind::Native)
        };
        change(&mut settings);
        let (id, name) = (id.parse().expect("a client id"), "Notes".parse().expect("a name"));
        clients::add(self.provider(), id, name, settings)
            .await
            .expect("a new client")
    }

    /// Registers a client of whatever kind, with the secret that it gets if it has one.
    pub(crate) async fn register(&self, id: &str, settings: ClientSettings) -> Registered {
        let (id, name) = (id.parse().expect("a client id"), "Notes".parse().expect("a name"));
        let registered = clients::register(self.provider(), id, name, settings, None, Actor::Operator).await;
        registered.expect("a new client")
    }

    /// Changes the settings of a client behind the server's back.
    pub(crate) async fn set_client(&self, id: &str, change: impl FnOnce(&mut ClientSettings)) {
        const SET: Statement<(String, String), (String,)> =
            Statement::new("UPDATE clients SET settings = $2 WHERE id = $1 RETURNING id");
        let provider = self.provider();
        let mut settings = provider
            .clients
            .find(id)
            .expect("a known client")
            .settings
            .clone();
        change(&mut settings);
        let settings = serde_json::to_string(&settings).expect("JSON");
        let set = provider.db.execute(SET, (id.to_owned(), settings)).await;
        assert!(set.expect("written").is_some());
        provider.clients.reload(&provider.db).await.expect("read");
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser::new(self)
    }

    pub(crate) fn phone(&self) -> Phone<'_> {
        Phone::new(self, "notes")
    }

    pub(crate) fn phone_of(&self, client: &'static str) -> Phone<'_> {
        Phone::new(self, client)
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        self.send_from([203, 0, 113, 7], request).await
    }

    pub(crate) async fn send_from(&self, address: impl Into<IpAddr>, request: Request<Body>) -> Answer {
        send(&self.router, SocketAddr::new(address.into(), 40_000), request).await
    }

    /// Sends a request whose answer goes on for long.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response<Body> {
        open(
            &self.router,
            SocketAddr::new([203, 0, 113, 7].into(), 40_000),
            request,
        )
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).expect("a request"))
            .await
    }

    pub(crate) async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.send(form_post(path, pairs)).await
    }

    /// How many statements `work` takes.
    pub(crate) async fn statements<T>(&self, work: impl Future<Output = T>) -> (u64, T) {
        let before = self.provider().db.statements_run();
        let result = work.await;
        (self.provider().db.statements_run() - before, result)
    }

    /// Writes an event.
    pub(crate) async fn record(&self, record: EventRecord) {
        let written = self.provider().db.write(RecordEvent(record)).await;
        written.expect("written");
    }

    /// Writes what happened to nobody in particular; its id.
    pub(crate) async fn happened(&self, at: Instant, event: Event) -> EventId {
        let record = self.provider().event(at, Subject::default(), event);
        let id = record.id;
        self.record(record).await;
        id
    }

    /// The newest events first: kind and data.
    pub(crate) async fn events(&self) -> Vec<(String, Value)> {
        let rows = self
            .provider()
            .db
            .read_all(postern::store::events::LIST, (1000,))
            .await
            .expect("events");
        rows.into_iter()
            .map(|row| (row.2, serde_json::from_str(&row.6).expect("JSON")))
            .collect()
    }

    /// How often something of this kind happened.
    pub(crate) async fn count_events(&self, kind: &str) -> usize {
        self.events()
            .await
            .iter()
            .filter(|(found, _)| found == kind)
            .count()
    }

    /// Revocations in force: kind and id.
    pub(crate) async fn revocations(&self) -> Vec<(String, Vec<u8>)> {
        let binds = (self.clock.now(),);
        let rows = self
            .provider()
            .db
            .read_all(postern::store::revocations::LIST, binds)
            .await
            .expect("revocations");
        rows.into_iter().map(|(kind, id, _)| (kind, id)).collect()
    }

    /// Ends everything of a user, as an operator does.
    pub(crate) async fn end_everything_of(&self, email: &str) {
        use postern::flows::admin::{By, sessions::end_user};
        let id = self.user(email).await.id;
        let ended = end_user(self.provider(), &By::operator(), id, None).await;
        ended.expect("ended");
    }
}
