//! `postern client secret rotate|list|remove`.

use anyhow::anyhow;
use clap::Subcommand;
use serde_json::json;

use crate::{
    base::{
        id::{ClientId, ClientSecretId},
        page::Page,
        time::{Instant, Lifetime},
    },
    cli::{place::Place, table::table, words, world::World},
    domain::client_secret::ListedSecret,
    flows::clients::secrets::SecretError,
};

#[derive(Debug, Subcommand)]
pub(super) enum SecretVerb {
    /// Make a new secret; the old one stays good for a while, so that it can be replaced wherever it is
    Rotate {
        /// Whose
        id: ClientId,
        /// How long the old secret stays good; 0s ends all old ones at once [default: 7d]
        #[arg(long, value_name = "LIFE")]
        keep_old: Option<Lifetime>,
        /// How long the new secret is good, such as 365d [default: until it is replaced]
        #[arg(long, value_name = "LIFE")]
        expires_in: Option<Lifetime>,
    },
    /// List the secrets of a client by their names: made, last used, good until
    List {
        /// Whose
        id: ClientId,
    },
    /// End a secret at once
    Remove {
        /// Whose
        id: ClientId,
        /// Its name, as `list` shows it
        secret: ClientSecretId,
    },
}

pub(super) async fn run(
    verb: SecretVerb,
    json: bool,
    place: &Place,
    world: &mut World,
) -> anyhow::Result<()> {
    match verb {
        SecretVerb::Rotate {
            id,
            keep_old,
            expires_in,
        } => rotate(&id, keep_old, expires_in, json, place, world).await,
        SecretVerb::List { id } => list(id, json, place, world).await,
        SecretVerb::Remove { id, secret } => {
            let removed = world.admin(place).await?.remove_secret(&id, secret).await?;
            removed.ok_or_else(|| {
                anyhow!("the client {id} has no secret {secret}; see `postern client secret list {id}`")
            })?;
            let value = json!({ "client": id, "removed": secret });
            let text = || format!("Removed {secret}: {id} cannot use it any more.");
            world.output.result(json, &value, text)
        }
    }
}

async fn rotate(
    id: &ClientId,
    keep_old: Option<Lifetime>,
    expires_in: Option<Lifetime>,
    json: bool,
    place: &Place,
    world: &mut World,
) -> anyhow::Result<()> {
    let admin = world.admin(place).await?;
    let rotated = admin.rotate_secret(id, expires_in, keep_old).await;
    let rotated = rotated.map_err(|error| match error.downcast_ref() {
        Some(SecretError::TooMany) => anyhow!(
            "{id} has two secrets that are good already; when the older one is not used any more, end it with `postern \
             client secret remove {id} SECRET`, or end both with --keep-old 0s; see `postern client secret list {id}`"
        ),
        _ => error,
    })?;
    let rotated = rotated.ok_or_else(|| super::unknown(id))?;
    let kept: Vec<_> = rotated
        .kept
        .iter()
        .map(|(id, until)| json!({ "id": id, "expires_at": until }))
        .collect();
    let value = json!({
        "client": id,
        "client_secret": rotated.new.secret.expose(),
        "secret": rotated.new.kept,
        "kept": kept,
        "removed": rotated.removed,
    });
    world.output.result(json, &value, || {
        let old = rotated.kept.iter().map(|(id, until)| {
            let until = until.to_rfc3339();
            format!("\nThe old secret {id} is good until {until}.")
        });
        let gone = rotated.removed.iter();
        let gone = gone.map(|id| format!("\nThe old secret {id} is not good any more."));
        let told: String = old.chain(gone).collect();
        format!("{}\n{SHOWN_ONCE}{told}", rotated.new.secret.expose())
    })
}

/// What stands below a new secret.
pub(super) const SHOWN_ONCE: &str = "Put this secret where the client reads it: it is not shown again.";

async fn list(id: ClientId, json: bool, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let admin = world.admin(place).await?;
    let items = admin.secrets(&id).await?.ok_or_else(|| super::unknown(&id))?;
    let now = admin.now();
    let page = Page { items, next: None };
    world.output.result(json, &page, || {
        if page.items.is_empty() {
            return "It has no secret.".to_owned();
        }
        let row = |secret: &ListedSecret| {
            let ends = match secret.expires_at {
                None => "it is replaced".to_owned(),
                Some(at) if at <= now => format!("{} (over)", at.to_rfc3339()),
                Some(at) => at.to_rfc3339(),
            };
            let used = |at: Instant| words::ago(at, now);
            [
                secret.id.to_string(),
                secret.created_at.to_rfc3339(),
                secret.last_used_at.map_or("never".to_owned(), used),
                ends,
            ]
        };
        table(
            ["SECRET", "MADE", "LAST USED", "GOOD UNTIL"],
            page.items.iter().map(row),
        )
    })
}
