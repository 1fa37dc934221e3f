//! `postern client set`: other settings in the place of a client's, by the words of `client add`.

mod clear;

use clap::Args;

use crate::{
    base::{id::ClientId, text::DisplayName},
    cli::{
        client::{about, checked::Checked, flags::Flags, unknown},
        place::Place,
        table::facts,
        world::World,
    },
    domain::client::{Client, ClientChange, ClientSettings, Contradiction},
    flows::clients::ClientError,
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
    let admin = world.admin(place).await?;
    let id = &setting.id;
    let before = admin.client(id).await?.ok_or_else(|| unknown(id))?;
    let (name, settings) = setting.read(&before)?;
    let change = ClientChange::between((&before.name, &before.settings), (&name, &settings))?;
    let set = admin.set_client(id, &change).await;
    let set = set.map_err(|error| match error.downcast_ref() {
        Some(ClientError::Contradictions(all)) => setting.refused(all, &settings),
        _ => error,
    })?;
    let set = set.ok_or_else(|| unknown(id))?;
    world.output.result(json, &set, || {
        let mut text = facts(&about(&set.after));
        for secret in &set.removed {
            text = text + "\nThe secret " + &secret.to_string() + " is not good any more.";
        }
        if set.needs_secret {
            text += "\nIt has no secret yet, and cannot authenticate before it has one: postern client secret rotate ";
            text += id.as_str();
        }
        text
    })
}

const WHAT: &str = "this client cannot be changed so";

impl SetClient {
    /// What the client is from now on, or everything that does not read.
    fn read(&self, client: &Client) -> anyhow::Result<(DisplayName, ClientSettings)> {
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
        let settings = self.flags.over(usual, &mut checked);
        match name {
            Some(name) if checked.faults.is_empty() => Ok((name, settings)),
            _ => Err(checked.refused(WHAT)),
        }
    }

    /// Every rule that was broken, told by the words that break them.
    fn refused(&self, all: &[Contradiction], settings: &ClientSettings) -> anyhow::Error {
        let mut checked = Checked::default();
        for broken in all {
            self.flags.tell(broken, settings, &mut checked);
        }
        checked.refused(WHAT)
    }
}
