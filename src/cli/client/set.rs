//! `postern client set`: other settings in the place of a client's, by the words of `client add`.

mod clear;

use anyhow::bail;
use clap::Args;
use serde_json::json;

use crate::{
    base::{id::ClientId, text::DisplayName},
    cli::{
        client::{about, checked::Checked, flags::Flags, unknown},
        place::Place,
        table::facts,
        world::World,
    },
    domain::{
        actor::Actor,
        client::{Client, ClientSettings},
    },
    flows::clients::set as verb,
};

/// Change an app's settings: what is not written stays.
#[derive(Debug, Args)]
pub(super) struct SetClient {
    /// Which
    id: ClientId,
    /// What people see when they are asked to allow it
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    flags: Flags,
    /// Take back what was written, such as origin or require-par: it is as in a new client of its kind; once for each
    #[arg(long, value_name = "WORD")]
    clear: Vec<String>,
    #[arg(long, hide = true)]
    kind: Option<String>,
    #[arg(long, hide = true)]
    preset: Option<String>,
}

pub(super) async fn run(
    setting: &SetClient,
    json: bool,
    place: &Place,
    world: &mut World,
) -> anyhow::Result<()> {
    let app = world.app(place).await?;
    let provider = &app.provider;
    let found = verb::find(provider, &setting.id).await?;
    let found = found.ok_or_else(|| unknown(&setting.id))?;
    let (name, settings) = setting.check(&found.client, provider)?;
    let before = found.client.clone();
    let set = verb::set(provider, found, name, settings, &Actor::Operator).await?;
    let after = &set.client;
    let value = json!({
        "before": before,
        "after": after,
        "removed": set.removed,
        "needs_secret": set.needs_secret,
    });
    world.output.result(json, &value, || {
        let mut gone = String::new();
        for secret in &set.removed {
            gone = gone + "\nThe secret " + &secret.to_string() + " is not good any more.";
        }
        let next = if set.needs_secret {
            format!(
                "\nIt has no secret yet, and cannot authenticate before it has one: postern client secret rotate {}",
                after.id
            )
        } else {
            String::new()
        };
        format!("{}{gone}{next}", facts(&about(after)))
    })
}

impl SetClient {
    /// What the client is from now on, or every rule that is broken.
    fn check(
        &self,
        client: &Client,
        provider: &crate::flows::Provider,
    ) -> anyhow::Result<(DisplayName, ClientSettings)> {
        let mut checked = Checked::default();
        if let Some(kind) = &self.kind {
            let rule = "a client keeps its kind, since people have allowed what it was: add another, and remove this one";
            checked.refuse("--kind", kind, rule);
        }
        if let Some(preset) = &self.preset {
            let rule = "a preset is where a new client begins: write the settings that you want to change";
            checked.refuse("--preset", preset, rule);
        }
        let name = self.name.as_ref();
        let name = name.map_or(Some(client.name.clone()), |name| checked.parse("--name", name));
        let usual = clear::clear(&self.clear, &client.settings, &mut checked)?;
        let settings = self.flags.over(usual, &provider.lifetimes, &mut checked);
        if checked.faults.is_empty() {
            for broken in settings.contradictions(&provider.issuer) {
                self.flags.tell(&broken, &settings, &mut checked);
            }
        }
        match name {
            Some(name) if checked.faults.is_empty() => Ok((name, settings)),
            _ => bail!(
                "this client cannot be changed so; correct what stands here:\n  {}",
                checked.faults.join("\n  ")
            ),
        }
    }
}
