//! `postern client add|list|show|remove`.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    app::App,
    base::{id::ClientId, page::Page},
    cli::{
        client::add::AddClient,
        place::Place,
        table::{facts, table},
        words,
        world::World,
    },
    config::Overrides,
    domain::client::{Client, ClientKind, ConsentPolicy},
    flows::clients::{self as verbs, ClientError},
    store::clients,
};

mod add;

/// Add, list, show and remove clients.
#[derive(Debug, Args)]
pub(super) struct ClientCommand {
    #[command(subcommand)]
    verb: Verb,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Register an app
    Add(Box<AddClient>),
    /// List the apps
    List,
    /// Show everything about an app
    Show {
        /// Which
        id: ClientId,
    },
    /// Remove an app, end its sessions, forget what people allowed it
    Remove {
        /// Which
        id: ClientId,
    },
}

pub(super) async fn run(command: ClientCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let config = world.config(place, &Overrides::default())?;
    // What is wrong with the words is told before the database is opened.
    let adding = match &command.verb {
        Verb::Add(adding) => Some(adding.check(&config.lifetimes)?),
        _ => None,
    };
    let app = world.open(&config).await?;
    let client = match (adding, command.verb) {
        (Some((id, name, settings)), _) => {
            let added = verbs::add(&app.provider, id.clone(), name, settings).await;
            added.map_err(|error| match error {
                ClientError::Taken => {
                    anyhow!("there is a client {id} already; look at it with `postern client show {id}`, or choose another id")
                }
                other => other.into(),
            })?
        }
        (None, Verb::Show { id }) => find(&app, &id).await?,
        (None, Verb::Remove { id }) => return remove(&app, id, command.json, world).await,
        (None, Verb::Add(_) | Verb::List) => return list(&app, command.json, world).await,
    };
    if command.json {
        return world.output.json(&client);
    }
    world.output.line(facts(&about(&client)))?;
    Ok(())
}

async fn list(app: &App, json: bool, world: &mut World) -> anyhow::Result<()> {
    let (_, clients) = clients::all(&app.provider.db).await?;
    if json {
        return world.output.json(&Page {
            items: clients,
            next: None,
        });
    }
    if clients.is_empty() {
        return Ok(world
            .output
            .line("No app yet. Add one: postern client add ID --name NAME --redirect-uri URI")?);
    }
    let row = |client: &Client| {
        let settings = &client.settings;
        let redirects: Vec<_> = settings.redirect_uris.iter().map(ToString::to_string).collect();
        let (id, name, kind) = (
            client.id.to_string(),
            client.name.to_string(),
            kind(settings.kind).to_owned(),
        );
        [id, name, kind, settings.scope.to_string(), redirects.join(" ")]
    };
    let rows: Vec<_> = clients.iter().map(row).collect();
    world
        .output
        .line(table(["ID", "NAME", "KIND", "SCOPE", "REDIRECT URIS"], &rows))?;
    Ok(())
}

async fn find(app: &App, id: &ClientId) -> anyhow::Result<Client> {
    let (_, clients) = clients::all(&app.provider.db).await?;
    let found = clients.into_iter().find(|client| client.id == *id);
    found.ok_or_else(|| unknown(id))
}

async fn remove(app: &App, id: ClientId, json: bool, world: &mut World) -> anyhow::Result<()> {
    let ended = verbs::remove(&app.provider, id.clone())
        .await?
        .ok_or_else(|| unknown(&id))?;
    if json {
        return world.output.json(&json!({ "client": id, "ended": ended }));
    }
    Ok(world
        .output
        .line(format!("Removed {id}; {}.", words::ended(ended)))?)
}

fn unknown(id: &ClientId) -> anyhow::Error {
    anyhow!("there is no client {id}; see `postern client list`")
}

fn about(client: &Client) -> Vec<(&'static str, String)> {
    let settings = &client.settings;
    let own = settings.lifetimes;
    let mut rows = vec![
        ("id", client.id.to_string()),
        ("name", client.name.to_string()),
        (
            "kind",
            format!("{}: public, it has no secret", kind(settings.kind)),
        ),
        ("scope", settings.scope.to_string()),
    ];
    rows.extend(
        settings
            .redirect_uris
            .iter()
            .map(|uri| ("redirect URI", uri.to_string())),
    );
    rows.push((
        "consent",
        match settings.consent {
            ConsentPolicy::Ask => "people are asked".to_owned(),
            ConsentPolicy::Never => "never asked: people continue with one tap".to_owned(),
        },
    ));
    rows.extend(
        settings
            .resource
            .as_ref()
            .map(|resource| ("resource", resource.to_string())),
    );
    let lives = [
        ("access token life", own.access_token),
        ("session idle", own.device_session_idle),
        ("session absolute", own.device_session_absolute),
    ];
    rows.extend(
        lives
            .into_iter()
            .filter_map(|(name, life)| Some((name, life?.to_string()))),
    );
    rows.push(("added", client.created_at.to_rfc3339()));
    rows.extend(client.disabled_at.map(|at| ("disabled", at.to_rfc3339())));
    rows
}

fn kind(kind: ClientKind) -> &'static str {
    match kind {
        ClientKind::Native => "native",
    }
}
