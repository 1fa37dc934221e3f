//! The flags that every command has: where the data and the configuration are, or which running server is asked.

use std::path::PathBuf;

use clap::Args;

use crate::base::{id::ClientId, url::Issuer};

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
}

impl Place {
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
