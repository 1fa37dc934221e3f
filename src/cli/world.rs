//! What a command gets from outside: time, randomness, variables, input and output; and how it opens the database.

use std::{io::IsTerminal, path::PathBuf, sync::Arc};

use crate::{
    app::{App, Surroundings},
    base::{entropy::Entropy, time::Clock},
    cli::{admin::Admin, input::Input, output::Output, place::Place, remote::Remote},
    config::{Config, ConfigErrors, Overrides},
};

/// The surroundings of a command. Tests make their own.
#[derive(Debug)]
pub struct World {
    /// Time, randomness, and where the root secret may be.
    pub surroundings: Surroundings,
    /// The environment variables.
    pub variables: Vec<(String, String)>,
    /// Standard input.
    pub input: Input,
    /// Standard output.
    pub output: Output,
    /// The database that the command works with, to be closed behind it.
    pub opened: Option<App>,
}

impl World {
    /// The surroundings of this process.
    pub fn of_this_process() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where the environment enters"
        )]
        let variables = std::env::vars_os()
            .map(|(name, value)| {
                (
                    name.to_string_lossy().into_owned(),
                    value.to_string_lossy().into_owned(),
                )
            })
            .collect::<Vec<_>>();
        let set = |name: &str| {
            variables
                .iter()
                .any(|(set, value)| set == name && !value.is_empty())
        };
        let terminal = std::io::stdout().is_terminal();
        let dumb = variables
            .iter()
            .any(|(name, value)| name == "TERM" && value == "dumb");
        let rich = terminal && !set("NO_COLOR") && !dumb;
        Self {
            surroundings: Surroundings {
                clock: Clock::system(),
                entropy: Arc::new(Entropy::system()),
                environment: variable,
            },
            variables,
            input: Input::new(std::io::stdin(), std::io::stdin().is_terminal()),
            output: Output::new(std::io::stdout(), rich),
            opened: None,
        }
    }

    /// The value of an environment variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let found = self
            .variables
            .iter()
            .find(|(set, value)| set == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// The data folder: the flag, else `POSTERN_DATA`, else `./postern-data`.
    pub(super) fn data(&self, place: &Place) -> PathBuf {
        let named = place.data.clone();
        named
            .or_else(|| self.variable("POSTERN_DATA").map(PathBuf::from))
            .unwrap_or_else(|| "./postern-data".into())
    }

    /// The configuration, with what flags set.
    pub(super) fn config(&self, place: &Place, flags: &Overrides) -> Result<Config, ConfigErrors> {
        Config::load(
            &self.data(place),
            place.config.as_deref(),
            self.variables.iter().cloned(),
            flags,
        )
    }

    /// Where verbs are done: by the server that is named, else on the database.
    pub(super) async fn admin(&mut self, place: &Place) -> anyhow::Result<Admin> {
        match &place.server {
            Some(server) => {
                let server = Remote::connect(server.clone(), place, self).await?;
                Ok(Admin::There(Box::new(server), self.surroundings.clock.clone()))
            }
            None => Ok(Admin::Here(Box::new(self.app(place).await?))),
        }
    }

    /// The database with its verbs, for a command that works beside the server.
    pub(super) async fn app(&mut self, place: &Place) -> anyhow::Result<App> {
        place.only_here()?;
        let config = self.config(place, &Overrides::default())?;
        let app = App::open(&config, self.surroundings.clone()).await?;
        self.opened = Some(app.clone());
        Ok(app)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "for the root secret's provider, which reads it when it is needed"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
