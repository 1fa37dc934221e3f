//! `postern init`: configuration file, root secret, empty database.

use std::path::Path;

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use crate::{
    app::{App, AppError, Founded},
    base::{file::write_once, url::Issuer},
    cli::{folder, place::Place, words::shell, world::World},
    config::{Config, FILE_NAME, Overrides},
    ports::secrets::SecretSource,
    store::db::Location,
};

/// Make a data folder.
#[derive(Debug, Args)]
pub(super) struct InitCommand {
    /// The URL under which browsers and apps will reach the server; written to the configuration file
    #[arg(long, value_name = "URL")]
    public_url: Option<Issuer>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Made<'a> {
    configuration: Option<String>,
    database: String,
    root_secret: String,
    new_root_secret: bool,
    fingerprint: &'a str,
    public_url: &'a Issuer,
}

pub(super) async fn run(command: InitCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let data = world.data(place);
    // Before anything is made: what is there already has to fit.
    let config = world.config(place, &Overrides::default())?;
    let file = place.config.is_none().then(|| data.join(FILE_NAME));
    let is_new = file.as_ref().is_some_and(|file| !file.exists());
    let public_url = match command.public_url {
        Some(url) if is_new => url,
        Some(url) if url != config.server.public_url => bail!(
            "server.public_url is {} in the configuration that is there already; change it there, or leave --public-url out",
            config.server.public_url
        ),
        _ => config.server.public_url.clone(),
    };
    folder::make(&data)?;
    // Not beside a database that is there: that one was not made by us, or was made with other settings.
    if let Some(file) = file
        .as_ref()
        .filter(|_| is_new && !config.database.file().is_some_and(Path::is_file))
    {
        let text = Config::default_file(&public_url);
        write_once(file, text.as_bytes()).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    let founded = App::found(&config, &world.surroundings)
        .await
        .map_err(|error| explain(error, &data))?;
    let made = Made {
        configuration: file.as_ref().map(|file| file.display().to_string()),
        database: config.database.location.to_string(),
        root_secret: config.secrets.root.to_string(),
        new_root_secret: founded.new_secret,
        fingerprint: &founded.fingerprint,
        public_url: &public_url,
    };
    let wrote = file.as_deref().filter(|_| is_new);
    let text = || report(&data, &config, &public_url, wrote, &founded);
    world.output.result(command.json, &made, text)
}

fn explain(error: AppError, data: &Path) -> anyhow::Error {
    let there = matches!(error, AppError::AlreadyFounded(_));
    let error = anyhow::Error::new(error);
    if !there {
        return error;
    }
    anyhow::anyhow!(
        "{error}\n  to use it: postern serve --data {}\n  to begin anew: choose another folder with --data, or another database",
        shell(data)
    )
}

fn report(
    data: &Path,
    config: &Config,
    public_url: &Issuer,
    wrote: Option<&Path>,
    founded: &Founded,
) -> String {
    let mut lines = vec![format!("Made in {}:", data.display())];
    if let Some(file) = wrote {
        lines.push(format!("  configuration  {}", file.display()));
    }
    lines.push(format!("  database       {}", config.database.location));
    let made = if founded.new_secret {
        ""
    } else {
        " (was there already)"
    };
    lines.push(format!("  root secret    {}{made}", config.secrets.root));
    lines.push(format!("                 fingerprint {}", founded.fingerprint));
    lines.push(format!("  public URL     {public_url}"));
    if let (Some(_), Location::Postgres(_)) = (wrote, &config.database.location) {
        lines.push(
            "\nThe configuration file does not name this database: write its URL there ([database], url), or keep the\n\
             variable POSTERN__DATABASE__URL for every command."
                .to_owned(),
        );
    }
    if folder::is_open_to_others(data) {
        lines.push(format!(
            "\nOthers on this machine may look into the folder; better: chmod 700 {}",
            shell(data)
        ));
    }
    let keep = match &config.secrets.root {
        SecretSource::File(_) => "Keep a copy of the root secret apart from the backups of the database:",
        SecretSource::Environment(_) => "Keep the root secret apart from the backups of the database:",
    };
    lines.push(format!(
        "\n{keep} whoever has\nboth can sign tokens. Without it nobody can read the keys in the database: every key\n\
         is made anew, and everybody signs in again."
    ));
    let data = shell(data);
    lines.push(format!(
        "\nNext:\n  postern user add alice@example.com --data {data}\n  \
         postern client add app --data {data} --name \"Notes\" --redirect-uri http://127.0.0.1/callback\n  \
         postern serve --data {data}"
    ));
    lines.join("\n")
}
