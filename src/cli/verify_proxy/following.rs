//! How the sidecar learns of tokens that end before their time: as which client, and what it does when it cannot.

use std::path::PathBuf;

use clap::Args;

use crate::{
    base::{id::ClientId, secret::Secret, time::Lifetime},
    cli::{client_secret, world::World},
    domain::instance::{Down, WhenDown},
};

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
        default_value = "introspect",
        value_parser = when_down
    )]
    down: WhenDown,
    /// How long nothing is heard before it does that: from 6s to 1h
    #[arg(long, value_name = "LIFE", requires = "client_id", default_value = "30s", value_parser = down_after)]
    down_after: Lifetime,
}

fn when_down(text: &str) -> Result<WhenDown, &'static str> {
    WhenDown::parse(text).ok_or("write refuse, introspect or accept")
}

/// The issuer refuses other times too.
fn down_after(text: &str) -> Result<Lifetime, String> {
    let bounds = Down::AFTER;
    let after = text.parse().ok().filter(|after| bounds.contains(after));
    after.ok_or_else(|| format!("write a time from {} to {}", bounds.start(), bounds.end()))
}

/// As whom revocations are followed.
#[derive(Debug)]
pub(super) struct Following {
    pub(super) client_id: ClientId,
    pub(super) client_secret: Secret<String>,
    pub(super) down: WhenDown,
    pub(super) down_after: Lifetime,
}

impl Following {
    /// None without a client.
    pub(super) fn read(flags: FollowFlags, world: &World) -> anyhow::Result<Option<Self>> {
        let Some(client_id) = flags.client_id else {
            return Ok(None);
        };
        Ok(Some(Self {
            client_id,
            client_secret: client_secret::read(flags.client_secret_file.as_deref(), world)?,
            down: flags.down,
            down_after: flags.down_after,
        }))
    }
}
