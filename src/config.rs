//! The configuration: defaults, file, environment and flags merged; every value parsed once; all problems told at once.
//!
//! `config/default.toml` is the manual and holds every default. A section is read by one file below, into one small
//! struct. A name that no section asks for is an error, so a misspelled setting never passes for a default.

mod database;
mod errors;
mod layers;
mod lifetimes;
mod limits;
mod log;
mod outbound;
mod passwords;
mod reader;
mod registration;
mod retention;
mod secrets;
mod server;
mod setting;
mod show;
mod suggest;

use std::path::Path;

pub use self::{
    database::DatabaseConfig,
    errors::{ConfigErrors, Problem, Source},
    layers::Overrides,
    log::{LogConfig, LogFilter, LogFormat},
    outbound::OutboundConfig,
    passwords::PasswordsConfig,
    secrets::SecretsConfig,
    server::{PrivateConfig, ServerConfig},
};
use self::{layers::Layers, show::Shown};
use crate::domain::{
    policy::{Lifetimes, Limits, Retention},
    registration::RegistrationPolicy,
};

/// Every setting with its default and what it does: the manual.
pub const DEFAULTS: &str = include_str!("config/default.toml");
/// The name of the configuration file in the data folder.
pub const FILE_NAME: &str = "postern.toml";

/// Everything that an operator can set, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses, time limits and appearance of the HTTP server.
    pub server: ServerConfig,
    /// Where the data is.
    pub database: DatabaseConfig,
    /// Where the root secret comes from.
    pub secrets: SecretsConfig,
    /// How long tokens and sessions live and how often keys rotate (the sections `tokens`, `sessions` and `keys`).
    pub lifetimes: Lifetimes,
    /// How long the past is kept.
    pub retention: Retention,
    /// What a password hash costs.
    pub passwords: PasswordsConfig,
    /// How many failed tries are taken.
    pub limits: Limits,
    /// Where the server itself may connect to.
    pub outbound: OutboundConfig,
    /// Who may register clients by himself, and what these may have.
    pub registration: RegistrationPolicy,
    /// What is logged, and how.
    pub log: LogConfig,
    settings: Vec<Shown>,
}

impl Config {
    /// Reads the defaults, then `file` (else [`FILE_NAME`] in `data`, where it may be missing), then the variables
    /// `POSTERN__SECTION__NAME` of `env`, then `overrides`; what comes later wins. Paths in settings are relative to
    /// `data`.
    pub fn load(
        data: &Path,
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
        overrides: &Overrides,
    ) -> Result<Self, ConfigErrors> {
        let mut layers = Layers::new(DEFAULTS);
        match file {
            Some(file) => layers.add_file(file),
            None => layers.add_file_if_there(&data.join(FILE_NAME)),
        }
        layers.add_environment(env);
        layers.add_overrides(overrides);
        Self::read(layers, data)
    }

    /// Nothing but defaults, from no file and no environment; for tests. `data` is where relative paths begin.
    pub fn defaults(data: &Path) -> Result<Self, ConfigErrors> {
        Self::read(Layers::new(DEFAULTS), data)
    }

    /// What `postern init` writes as `postern.toml`: the public URL, and all else commented out.
    pub fn default_file(public_url: &crate::base::url::Issuer) -> String {
        show::default_file(DEFAULTS, public_url.as_str())
    }

    /// The settings in force, one line each: `name = value  # where it comes from`. Secrets are not shown.
    pub fn show(&self) -> String {
        show::lines(&self.settings)
    }

    /// The settings in force by name, as they are shown; for the event that tells when they change.
    pub fn shown(&self) -> std::collections::BTreeMap<&'static str, String> {
        let shown = self.settings.iter().map(|shown| {
            let value = shown.value.clone();
            (shown.name, value.unwrap_or_else(|| "[secret]".to_owned()))
        });
        shown.collect()
    }

    fn read(layers: Layers, data: &Path) -> Result<Self, ConfigErrors> {
        let mut reader = layers.into_reader();
        // All sections are read before any result is looked at: that is what tells every problem at once.
        let sections = (
            ServerConfig::read(&mut reader, data),
            DatabaseConfig::read(&mut reader, data),
            SecretsConfig::read(&mut reader, data),
            lifetimes::read(&mut reader),
            retention::read(&mut reader),
            PasswordsConfig::read(&mut reader),
            limits::read(&mut reader),
            OutboundConfig::read(&mut reader, data),
            registration::read(&mut reader, data),
            LogConfig::read(&mut reader),
        );
        let settings = reader.finish()?;
        let (
            Some(server),
            Some(database),
            Some(secrets),
            Some(lifetimes),
            Some(retention),
            Some(passwords),
            Some(limits),
            Some(outbound),
            Some(registration),
            Some(log),
        ) = sections
        else {
            return Err(ConfigErrors::default());
        };
        Ok(Self {
            server,
            database,
            secrets,
            lifetimes,
            retention,
            passwords,
            limits,
            outbound,
            registration,
            log,
            settings,
        })
    }
}
