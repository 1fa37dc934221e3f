//! The wiring: one [`App`], built by one builder for production and tests.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::Router;
use tokio::sync::Notify;

use crate::{
    base::{
        entropy::Entropy,
        id::NodeId,
        time::{Clock, Lifetime},
    },
    config::Config,
    domain::key::Ring,
    flows::{
        Provider,
        admin::console,
        confirm::Waiting,
        dpop,
        keys::{self, KeysError},
        sign_in::Line,
        went_back::Signs,
    },
    ports::{
        client_documents::ClientDocuments,
        client_keys::ClientKeys,
        clients::ClientDirectory,
        ends::Ends,
        fetch::Fetcher,
        hasher::{Hasher, HasherError},
        lock::{DatabaseLock, LockError},
        readiness::Readiness,
        secrets::{RootSecret, SecretError, SecretSource},
    },
    store::{
        db::{Db, Location},
        error::StoreError,
        facts,
        migrate::{self, MigrateError},
    },
    web::{
        self, Site,
        page::Pages,
        private::{self, Version},
    },
};

/// A server, ready to answer.
#[derive(Debug, Clone)]
pub struct App {
    /// The verbs' world.
    pub provider: Arc<Provider>,
    site: Arc<Site>,
    private: Option<private::Settings>,
    request_timeout: Lifetime,
    _lock: Arc<Option<DatabaseLock>>,
}

/// What an app gets from its surroundings; tests give it a clock that they move and randomness that they know.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Clock,
    /// Random bytes.
    pub entropy: Arc<Entropy>,
    /// Looks an environment variable up, for the root secret.
    pub environment: fn(&str) -> Option<String>,
}

/// Why there is no app. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No database file.
    #[error("there is no database at {}; run `postern init` first", .0.display())]
    NoDatabase(PathBuf),
    /// There is one already.
    #[error("the database {0} is in use already; it was not touched")]
    AlreadyFounded(Location),
    /// The root secret's.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The root secret's file is there, but not the database that it belongs to.
    #[error("the root secret comes from {0}, which `postern init` cannot make; set it first")]
    SecretElsewhere(SecretSource),
    /// Somebody else's.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The keys'.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tables'.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// The password pool's.
    #[error(transparent)]
    Hasher(#[from] HasherError),
}

/// What [`App::found`] made.
#[derive(Debug, Clone)]
pub struct Founded {
    /// Whether the root secret was made too, and not there before.
    pub new_secret: bool,
    /// By which the secret can be told from others.
    pub fingerprint: String,
}

impl App {
    /// Opens the database of a configuration. Its tables are brought up to date first.
    pub async fn open(config: &Config, surroundings: Surroundings) -> Result<Self, AppError> {
        let location = &config.database.location;
        if let Some(file) = config.database.file().filter(|file| !file.is_file()) {
            return Err(AppError::NoDatabase(file.to_owned()));
        }
        let lock = config.database.file().map(DatabaseLock::shared).transpose()?;
        let root = config.secrets.root.read(surroundings.environment)?;
        migrate::run(location, false).await?;
        let db = Db::open(location).await?;
        // Before anything is written: everything that is has the database's time.
        facts::look(&db, &surroundings.clock).await?;
        let (issuer, now) = (config.server.public_url.clone(), surroundings.clock.now());
        let ends: Arc<Ends> = Arc::default();
        let keys = keys::open(&db, &root, issuer, &surroundings.entropy, Arc::clone(&ends), now).await?;
        let clients = ClientDirectory::load(&db).await?;
        let hasher = Hasher::new(config.passwords.hasher(), Arc::clone(&surroundings.entropy))?;
        let outbound = config.outbound.clone();
        let fetcher = Arc::new(Fetcher::new(outbound.allow, outbound.certificates));
        let provider = Arc::new(Provider {
            node: NodeId::new(surroundings.clock.now(), &surroundings.entropy),
            issuer: config.server.public_url.clone(),
            private_url: config.server.private.as_ref().map(|private| private.url.clone()),
            lifetimes: config.lifetimes,
            retention: config.retention,
            limits: config.limits,
            links: config.server.links.clone(),
            registration: config.registration.clone(),
            polled: db.aside().await?,
            db,
            clock: surroundings.clock,
            entropy: surroundings.entropy,
            keys,
            clients,
            client_documents: ClientDocuments::new(Arc::clone(&fetcher)),
            client_keys: ClientKeys::new(Arc::clone(&fetcher)),
            fetcher,
            ends,
            streams: Arc::default(),
            proofs: dpop::memory(&config.lifetimes),
            readiness: Readiness::default(),
            bell: Notify::new(),
            outbox: Notify::new(),
            mass_ends: Notify::new(),
            waiting: Waiting::default(),
            went_back: Signs::default(),
            hasher,
            line: Line::default(),
        });
        if provider.registration.takes_strangers() {
            // What an OpenID client gets that does not say; made once, and not while many wait for it.
            keys::request(&provider, Ring::SigningRs256).await?;
        }
        keys::rotate::outlive(&provider, provider.longest_access_token()).await?;
        console::ensure(&provider).await?;
        let pages = config.server.templates.clone();
        let site = Arc::new(Site::new(
            Arc::clone(&provider),
            pages,
            &config.server.service_name,
            config.server.trusted_proxies.clone(),
        ));
        let private = config.server.private.as_ref();
        let private = private.map(|private| private::Settings {
            url: private.url.clone(),
            allow: private.allow.clone(),
            database: config.database.file().map(Path::to_owned),
        });
        Ok(Self {
            provider,
            site,
            private,
            request_timeout: config.server.request_timeout,
            _lock: Arc::new(lock),
        })
    }

    /// Ends the use of the database: what was asked before is done, and its files are closed when this returns.
    pub async fn close(self) {
        self.provider.polled.clone().close().await;
        self.provider.db.clone().close().await;
    }

    /// Makes an empty database and its first keys, and the root secret where that is a file that is not there yet.
    /// Interrupted, it can be run again.
    pub async fn found(config: &Config, surroundings: &Surroundings) -> Result<Founded, AppError> {
        let location = &config.database.location;
        let is_there = config.database.file().is_none_or(Path::is_file);
        let founded = is_there && {
            migrate::run(location, false).await?;
            keys::are_founded(&Db::open(location).await?).await?
        };
        if founded {
            return Err(AppError::AlreadyFounded(location.clone()));
        }
        let (root, new_secret) = root_secret(&config.secrets.root, surroundings)?;
        migrate::run(location, true).await?;
        let db = Db::open(location).await?;
        facts::look(&db, &surroundings.clock).await?;
        keys::found(&db, &root, &surroundings.entropy, surroundings.clock.now()).await?;
        db.close().await;
        Ok(Founded {
            new_secret,
            fingerprint: root.fingerprint(),
        })
    }

    /// Everything that the public listener answers.
    pub fn router(&self) -> Router {
        web::router(Arc::clone(&self.site), self.request_timeout.to_std())
    }

    /// Everything that the private listener answers, where there is one.
    pub fn private_router(&self) -> Option<Router> {
        self.private_router_of(Version::ALL)
    }

    /// The same with other versions of the admin API, for tests.
    pub fn private_router_of(&self, versions: &[Version]) -> Option<Router> {
        let settings = self.private.clone()?;
        let site = Arc::clone(&self.site);
        let limit = self.request_timeout.to_std();
        Some(private::router(site, settings, limit, versions))
    }

    /// The pages, for the test that renders each.
    pub fn pages(&self) -> &Pages {
        &self.site.pages
    }
}

fn root_secret(source: &SecretSource, surroundings: &Surroundings) -> Result<(RootSecret, bool), AppError> {
    if matches!(source, SecretSource::File(path) if !path.exists()) {
        let made = source.create(&surroundings.entropy)?;
        return made
            .map(|root| (root, true))
            .ok_or_else(|| AppError::SecretElsewhere(source.clone()));
    }
    Ok((source.read(surroundings.environment)?, false))
}
