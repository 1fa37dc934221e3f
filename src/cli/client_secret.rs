//! The secret of the client as which a command asks a server: never an argument, which every process could read.

use std::{fs, path::Path};

use anyhow::Context;

use super::{failure::Usage, world::World};
use crate::base::secret::Secret;

/// Where it is, if in no file.
const VARIABLE: &str = "POSTERN_CLIENT_SECRET";
/// Longer than any client's secret.
const MAX_SECRET: usize = 1024;

/// From the file of `--client-secret-file`, else from the environment.
pub(super) fn read(file: Option<&Path>, world: &World) -> anyhow::Result<Secret<String>> {
    let text = match file {
        Some(file) => fs::read_to_string(file)
            .with_context(|| format!("--client-secret-file {} cannot be read", file.display()))?,
        None => world.variable(VARIABLE).unwrap_or_default().to_owned(),
    };
    let secret = Secret::new(text.trim_end().to_owned());
    if secret.expose().is_empty() || secret.expose().len() > MAX_SECRET {
        let text = format!("--client-id wants its secret, in --client-secret-file or in {VARIABLE}");
        return Err(Usage(text).into());
    }
    Ok(secret)
}
