//! `postern config check|show`: whether the configuration is right, what is in force, and the manual.

use clap::{Args, Subcommand};

use crate::{
    cli::{place::Place, world::World},
    config::{DEFAULTS, FILE_NAME, Overrides},
};

/// Check and show the configuration.
#[derive(Debug, Args)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say everything that is wrong with the configuration; nothing else is touched
    Check {
        /// Show the settings in force and where each comes from
        #[arg(long)]
        show: bool,
    },
    /// Show the settings in force, or the manual
    Show {
        /// Show every setting with its default and what it does
        #[arg(long)]
        defaults: bool,
    },
}

pub(super) fn run(command: &ConfigCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    if let Verb::Show { defaults: true } = command.verb {
        return Ok(world.output.text(DEFAULTS)?);
    }
    let config = world.config(place, &Overrides::default())?;
    if !matches!(command.verb, Verb::Check { show: false }) {
        return Ok(world.output.text(config.show())?);
    }
    let usual = world.data(place).join(FILE_NAME);
    let file = place.config.clone().or_else(|| usual.is_file().then_some(usual));
    let from = match file {
        Some(file) => format!("{} and the environment", file.display()),
        None => "the environment (there is no configuration file)".to_owned(),
    };
    Ok(world.output.line(format!(
        "The configuration is right. It comes from the defaults, {from}."
    ))?)
}
