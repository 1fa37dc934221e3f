//! How the sidecar learns of tokens that end before their time: as which client, and what it does when it cannot.

use std::{fs, path::PathBuf, str::FromStr};

use anyhow::Context;
use clap::Args;

use crate::{
    base::{id::ClientId, secret::Secret, time::Lifetime},
    cli::{failure::Usage, world::World},
};

/// Where the secret is, if in no file.
const VARIABLE: &str = "POSTERN_CLIENT_SECRET";
/// Longer than any client's secret.
const MAX_SECRET: usize = 1024;

/// The flags.
#[derive(Debug, Args)]
pub(super) struct FollowFlags {
    /// The client as which it follows the issuer's revocations; its secret is in the environment
    /// (`POSTERN_CLIENT_SECRET`) or in --client-secret-file
    #[arg(long, value_name = "ID")]
    client_id: Option<ClientId>,
    /// A file with the client's secret
    #[arg(long, value_name = "FILE", requires = "client_id")]
    client_secret_file: Option<PathBuf>,
    /// What it does when it has heard nothing of revocations for long: refuse, introspect or accept
    #[arg(
        long,
        value_name = "WHAT",
        requires = "client_id",
        default_value = "introspect"
    )]
    down: Down,
    /// How long nothing is heard before it does that, such as 30s
    #[arg(long, value_name = "LIFE", requires = "client_id", default_value = "30s")]
    down_after: Lifetime,
}

/// What becomes of tokens when nothing is heard of revocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Down {
    /// 503.
    Refuse,
    /// The issuer is asked about each; 503 where it cannot be.
    Introspect,
    /// They are good until they expire.
    Accept,
}

impl FromStr for Down {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "introspect" => Ok(Self::Introspect),
            "accept" => Ok(Self::Accept),
            _ => Err("write refuse, introspect or accept"),
        }
    }
}

/// As whom revocations are followed.
#[derive(Debug)]
pub(super) struct Following {
    pub(super) client_id: ClientId,
    pub(super) client_secret: Secret<String>,
    pub(super) down: Down,
    pub(super) down_after: Lifetime,
}

impl Following {
    /// None without a client.
    pub(super) fn read(flags: FollowFlags, world: &World) -> anyhow::Result<Option<Self>> {
        let Some(client_id) = flags.client_id else {
            return Ok(None);
        };
        let text = match &flags.client_secret_file {
            Some(file) => fs::read_to_string(file)
                .with_context(|| format!("--client-secret-file {} cannot be read", file.display()))?,
            None => world.variable(VARIABLE).unwrap_or_default().to_owned(),
        };
        let secret = Secret::new(text.trim_end().to_owned());
        if secret.expose().is_empty() || secret.expose().len() > MAX_SECRET {
            let text = format!("--client-id wants its secret, in --client-secret-file or in {VARIABLE}");
            return Err(Usage(text).into());
        }
        Ok(Some(Self {
            client_id,
            client_secret: secret,
            down: flags.down,
            down_after: flags.down_after,
        }))
    }
}
