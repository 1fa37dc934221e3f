//! `postern client add|set|list|show|doctor|remove|secret`.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use crate::{
    base::{
        id::ClientId,
        page::Page,
        time::{Instant, Lifetime},
        url::RedirectUri,
    },
    cli::{
        client::{
            add::AddClient,
            secret::{SHOWN_ONCE, SecretVerb},
            set::SetClient,
        },
        place::Place,
        table::{facts, table},
        words,
        world::World,
    },
    domain::{
        client::{AuthMethod, Client, ClientSettings, ConsentPolicy, DpopPolicy},
        client_secret::ListedSecret,
    },
    flows::clients::{ClientError, UnusedClient},
};

mod add;
mod checked;
mod doctor;
mod flags;
mod secret;
mod set;

/// Add, change, list, show and remove clients.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ClientCommand {
    #[command(subcommand)]
    verb: Verb,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

const EXAMPLES: &str = "A client is whatever asks for tokens: an app on people's devices (native), a web server that people sign in \
                        to (web), or a program without people (service). `add` refuses what would be unsafe; `set` \
                        changes a client by the same words, and running servers have it within a second.

Examples:
  postern client add notes --name Notes --redirect-uri com.example.notes:/callback
  postern client add shop --name Shop --kind web --redirect-uri https://shop.example/callback
  postern client add robot --name Robot --kind service --scope read --resource https://api.example
  postern client set notes --access-token-life 10m
  postern client doctor notes                        says what is wrong with it";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Register an app
    Add(Box<AddClient>),
    /// Change an app's settings: what is not written stays
    Set(Box<SetClient>),
    /// List the apps
    List {
        /// Only those that nobody has used for so long, such as 90d
        #[arg(long, value_name = "TIME")]
        unused: Option<Lifetime>,
    },
    /// Show everything about an app
    Show {
        /// Which
        id: ClientId,
    },
    /// Look for what is wrong with an app's registration, and say what to change
    Doctor {
        /// Which
        id: ClientId,
    },
    /// Remove an app, end its sessions, forget what people allowed it
    Remove {
        /// Which
        id: ClientId,
    },
    /// Rotate, list and remove the secrets of a client
    Secret {
        #[command(subcommand)]
        verb: SecretVerb,
    },
}

pub(super) async fn run(command: ClientCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let client = match command.verb {
        Verb::Add(adding) => return add(&adding, command.json, place, world).await,
        Verb::Set(setting) => return set::run(&setting, command.json, place, world).await,
        Verb::List { unused } => return list(unused, command.json, place, world).await,
        Verb::Secret { verb } => return secret::run(verb, command.json, place, world).await,
        Verb::Show { id } => {
            let found = world.admin(place).await?.client(&id).await?;
            found.ok_or_else(|| unknown(&id))?
        }
        Verb::Doctor { id } => return doctor::run(&id, command.json, place, world).await,
        Verb::Remove { id } => {
            let ended = world.admin(place).await?.remove_client(&id).await?;
            let ended = ended.ok_or_else(|| unknown(&id))?;
            let text = || format!("Removed {id}; {}.", words::ended(ended));
            let value = json!({ "client": id, "ended": ended });
            return world.output.result(command.json, &value, text);
        }
    };
    world
        .output
        .result(command.json, &client, || facts(&about(&client)))
}

async fn add(command: &AddClient, json: bool, place: &Place, world: &mut World) -> anyhow::Result<()> {
    // What is wrong with the words is told before anything is opened or asked.
    let adding = command.read()?;
    let admin = world.admin(place).await?;
    let (id, settings) = (adding.id.clone(), adding.settings.clone());
    let added = admin.add_client(adding).await;
    let (client, new) = added.map_err(|error| match error.downcast_ref() {
        Some(ClientError::Taken) => anyhow!(
            "there is a client {id} already; look at it with `postern client show {id}`, or choose another id"
        ),
        Some(ClientError::Contradictions(all)) => command.refused(all, &settings),
        _ => error,
    })?;
    let shown = Shown {
        client: &client,
        client_secret: new.as_ref().map(|new| new.secret.expose().as_str()),
        secret: new.as_ref().map(|new| &new.kept),
    };
    world.output.result(json, &shown, || {
        let mut rows = about(&client);
        let Some(secret) = shown.client_secret else {
            return facts(&rows);
        };
        rows.push(("secret", secret.to_owned()));
        format!("{}\n{SHOWN_ONCE}", facts(&rows))
    })
}

/// A client with its secret, which is there once.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    client: &'a Client,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a ListedSecret>,
}

async fn list(unused: Option<Lifetime>, json: bool, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let admin = world.admin(place).await?;
    if let Some(time) = unused {
        let items = admin.unused_clients(time).await?;
        return list_unused(items, json, world);
    }
    let items = admin.clients().await?;
    let page = Page { items, next: None };
    world.output.result(json, &page, || {
        if page.items.is_empty() {
            return "No app yet. Add one: postern client add ID --name NAME --redirect-uri URI".to_owned();
        }
        let row = |client: &Client| {
            let settings = &client.settings;
            let redirects: Vec<_> = settings.redirect_uris.iter().map(RedirectUri::as_str).collect();
            [
                client.id.to_string(),
                client.name.to_string(),
                settings.kind.to_string(),
                settings.scope.to_string(),
                redirects.join(" "),
            ]
        };
        let headings = ["ID", "NAME", "KIND", "SCOPE", "REDIRECT URIS"];
        table(headings, page.items.iter().map(row))
    })
}

/// The clients that nobody has used, each with its last use if it ever proved itself.
fn list_unused(items: Vec<UnusedClient>, json: bool, world: &mut World) -> anyhow::Result<()> {
    let page = Page { items, next: None };
    world.output.result(json, &page, || {
        if page.items.is_empty() {
            return "Every client was used.".to_owned();
        }
        let row = |client: &UnusedClient| {
            [
                client.id.to_string(),
                client.name.to_string(),
                client.kind.to_string(),
                client.created_at.to_rfc3339(),
                client
                    .last_used_at
                    .map_or("never".to_owned(), Instant::to_rfc3339),
            ]
        };
        table(
            ["ID", "NAME", "KIND", "ADDED", "LAST PROOF"],
            page.items.iter().map(row),
        )
    })
}

fn unknown(id: &ClientId) -> anyhow::Error {
    anyhow!("there is no client {id}; see `postern client list`")
}

fn about(client: &Client) -> Vec<(&'static str, String)> {
    let settings = &client.settings;
    let consent = match settings.consent {
        ConsentPolicy::Ask => "people are asked",
        ConsentPolicy::Never => "never asked: people continue with one tap",
    };
    let dpop = match settings.dpop {
        DpopPolicy::Off => "off: requests with a proof are refused",
        DpopPolicy::Allowed => "allowed: sessions that begin with a proof are bound to its key",
        DpopPolicy::Required => "required at every token request",
    };
    let mut rows = vec![
        ("id", client.id.to_string()),
        ("name", client.name.to_string()),
        ("kind", kind(settings)),
        ("scope", settings.scope.to_string()),
        ("consent", consent.to_owned()),
        ("DPoP", dpop.to_owned()),
    ];
    if settings.answers_without_tap {
        rows.push(("tap", "not asked for when there is nothing to ask".to_owned()));
    }
    if settings.may_end_browser_session {
        rows.push((
            "sign-out",
            "it may end the browser session that it came from".to_owned(),
        ));
    }
    rows.extend(lists(client));
    rows.extend(unusual(settings));
    rows.extend(optional(client));
    rows
}

/// What there may be several of.
fn lists(client: &Client) -> Vec<(&'static str, String)> {
    let settings = &client.settings;
    let mut rows = Vec::new();
    let redirects = settings.redirect_uris.iter();
    rows.extend(redirects.map(|uri| ("redirect URI", uri.to_string())));
    let android = settings.android_apps.iter();
    rows.extend(android.map(|app| ("Android app", app.to_string())));
    let apple = settings.apple_apps.iter();
    rows.extend(apple.map(|app| ("iOS app", app.to_string())));
    rows.extend(client.resources().map(|api| ("resource", api.to_string())));
    let types = settings.audience_authorization_types.iter();
    rows.extend(types.map(|known| ("details it knows", known.to_string())));
    let types = settings.authorization_details_types.iter();
    rows.extend(types.map(|name| ("may ask details", name.clone())));
    let after = settings.post_logout_redirect_uris.iter();
    rows.extend(after.map(|uri| ("after sign-out", uri.to_string())));
    let origins = settings.allowed_origins.iter();
    rows.extend(origins.map(|origin| ("pages at", origin.to_string())));
    rows
}

/// What there may be one of.
fn optional(client: &Client) -> impl Iterator<Item = (&'static str, String)> {
    let settings = &client.settings;
    let own = settings.lifetimes;
    let facts = [
        ("audience", settings.audience.as_ref().map(ToString::to_string)),
        (
            "understands",
            settings.audience_scope.as_ref().map(ToString::to_string),
        ),
        (
            "its tokens live",
            settings.audience_access_token.map(|life| life.to_string()),
        ),
        (
            "told of ends at",
            settings.backchannel_logout_uri.as_ref().map(ToString::to_string),
        ),
        (
            "assertions of",
            settings
                .assertion_issuer
                .as_ref()
                .map(|other| format!("{}, which names people by {}", other.issuer, other.subject)),
        ),
        ("SSO group", settings.sso_group.as_ref().map(ToString::to_string)),
        (
            "userinfo",
            settings
                .userinfo_signed_response_alg
                .map(|alg| format!("signed with {alg}")),
        ),
        (
            "introspection",
            settings
                .introspection_signed_response_alg
                .map(|alg| format!("signed with {alg} when it asks for that")),
        ),
        (
            "registered",
            settings
                .is_unchecked()
                .then(|| "by itself: nobody has checked what it says".to_owned()),
        ),
        ("keys at", settings.jwks_uri.as_ref().map(ToString::to_string)),
        ("request_uri life", own.request_uri.map(|life| life.to_string())),
        ("access token life", own.access_token.map(|life| life.to_string())),
        (
            "session idle",
            own.device_session_idle.map(|life| life.to_string()),
        ),
        (
            "session absolute",
            own.device_session_absolute.map(|life| life.to_string()),
        ),
        ("added", Some(client.created_at.to_rfc3339())),
        ("disabled", client.disabled_at.map(Instant::to_rfc3339)),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

fn kind(settings: &ClientSettings) -> String {
    let kind = settings.kind;
    match settings.token_endpoint_auth_method {
        AuthMethod::None => format!("{kind}: public, it has no secret"),
        method => format!("{kind}: it authenticates with {method}"),
    }
}

/// What differs from the usual settings of its kind.
fn unusual(settings: &ClientSettings) -> Vec<(&'static str, String)> {
    let usual = ClientSettings::new(settings.kind);
    let grants = |settings: &ClientSettings| {
        let words = settings.grant_types.iter().map(|grant| grant.as_str());
        words.collect::<Vec<_>>().join(" ")
    };
    let pushed = |settings: &ClientSettings| {
        let must = settings.require_pushed_authorization_requests;
        let words = match (must, settings.require_signed_request_object) {
            (true, true) => "have to be signed and pushed",
            (true, false) => "have to be pushed",
            (false, true) => "have to be signed",
            (false, false) => "may come in the URL",
        };
        words.to_owned()
    };
    let answers = |settings: &ClientSettings| {
        let how = if settings.require_signed_authorization_response {
            "have to be"
        } else {
            "may be"
        };
        let algorithm = settings.authorization_signed_response_alg;
        format!("{how} signed with {algorithm}")
    };
    let requests = |settings: &ClientSettings| {
        let algorithm = settings.request_object_signing_alg;
        algorithm.map_or_else(String::new, |algorithm| algorithm.to_string())
    };
    let pairs = [
        ("requests", pushed(settings), pushed(&usual)),
        ("grant types", grants(settings), grants(&usual)),
        ("PKCE", settings.pkce.to_string(), usual.pkce.to_string()),
        (
            "refresh tokens",
            settings.refresh_rotation.to_string(),
            usual.refresh_rotation.to_string(),
        ),
        (
            "ID tokens",
            settings.id_token_signed_response_alg.to_string(),
            usual.id_token_signed_response_alg.to_string(),
        ),
        ("answers", answers(settings), answers(&usual)),
        ("requests signed with", requests(settings), requests(&usual)),
        (
            "assertions for",
            settings.assertion_audience.to_string(),
            usual.assertion_audience.to_string(),
        ),
    ];
    let differing = pairs.into_iter().filter(|(_, own, usual)| own != usual);
    differing.map(|(name, own, _)| (name, own)).collect()
}
