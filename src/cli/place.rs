//! The flags that every command has: where the data and the configuration are, or which running server is asked.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{
    base::{id::ClientId, url::Issuer},
    cli::words::shell,
};

const DATA: &str =
    "Data folder: configuration, root secret, database [default: $POSTERN_DATA, else ./postern-data]";

const CONFIG: &str = "Configuration file [default: postern.toml in the data folder]";

const SERVER: &str = "Ask this running server, at its private listener, in place of its database";

const CLIENT_ID: &str = "As which client, which has scopes for the admin API; its secret is in the environment \
                         (POSTERN_CLIENT_SECRET) or in --client-secret-file";

/// Where things are.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where things are")]
pub(super) struct Place {
    #[arg(long, global = true, value_name = "DIR", value_hint = clap::ValueHint::DirPath, help = DATA)]
    pub(super) data: Option<PathBuf>,
    #[arg(long, global = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help = CONFIG)]
    pub(super) config: Option<PathBuf>,
    #[arg(long, global = true, value_name = "URL", help = SERVER)]
    pub(super) server: Option<Issuer>,
    #[arg(long, global = true, value_name = "ID", help = CLIENT_ID)]
    pub(super) client_id: Option<ClientId>,
    /// The file in which that client's secret is
    #[arg(long, global = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) client_secret_file: Option<PathBuf>,
    /// The words of the command, without the program's name.
    #[arg(skip)]
    pub(super) words: Vec<String>,
}

/// The flag with which a list goes on.
const AFTER: &str = "--after";

impl Place {
    /// What stands below a list of which there is more: the same command, to go on.
    pub(super) fn more(&self, next: Option<&str>) -> String {
        let Some(next) = next else {
            return String::new();
        };
        let mut command = String::from("postern");
        let mut words = self.words.iter();
        while let Some(word) = words.next() {
            if word == AFTER {
                words.next();
            } else if !word.strip_prefix(AFTER).is_some_and(|rest| rest.starts_with('=')) {
                command = command + " " + &shell(Path::new(word));
            }
        }
        format!("\n\nThere are more: {command} {AFTER} {next}")
    }

    /// The flags that say where things are, as they were written.
    pub(super) fn flags(&self) -> String {
        let path = |path: &PathBuf| shell(path);
        let flags = [
            ("--data", self.data.as_ref().map(path)),
            ("--config", self.config.as_ref().map(path)),
            ("--server", self.server.as_ref().map(ToString::to_string)),
            ("--client-id", self.client_id.as_ref().map(ToString::to_string)),
            ("--client-secret-file", self.client_secret_file.as_ref().map(path)),
        ];
        let written = flags.into_iter().filter_map(|(flag, value)| Some((flag, value?)));
        written.fold(String::new(), |all, (flag, value)| {
            all + " " + flag + " " + &value
        })
    }

    /// Refuses to be asked of a server.
    pub(super) fn only_here(&self) -> Result<(), OnlyHere> {
        if self.server.is_some() {
            Err(OnlyHere)
        } else {
            Ok(())
        }
    }
}

/// What cannot be done through a server's API.
#[derive(Debug, thiserror::Error)]
#[error(
    "this works on the database only: run it where that can be reached, with --data or --config and without --server"
)]
pub(super) struct OnlyHere;
