//! The flags that every command has: where the data and the configuration are.

use std::path::PathBuf;

use clap::Args;

const DATA: &str =
    "Data folder: configuration, root secret, database [default: $POSTERN_DATA, else ./postern-data]";

const CONFIG: &str = "Configuration file [default: postern.toml in the data folder]";

/// Where things are.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where things are")]
pub(super) struct Place {
    #[arg(long, global = true, value_name = "DIR", value_hint = clap::ValueHint::DirPath, help = DATA)]
    pub(super) data: Option<PathBuf>,
    #[arg(long, global = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help = CONFIG)]
    pub(super) config: Option<PathBuf>,
}
