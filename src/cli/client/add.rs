//! The words of `postern client add`: all of them checked, everything that is wrong told at once.

use clap::Args;

use crate::{
    base::id::ClientId,
    cli::client::{
        checked::Checked,
        flags::{self, Flags},
    },
    domain::client::{ClientKind, ClientSettings, Contradiction, Preset},
    flows::admin::clients::Adding,
};

/// Register an app.
#[derive(Debug, Args)]
pub(super) struct AddClient {
    #[arg(help = "Its client_id: 1 to 64 of the characters A-Z a-z 0-9 . _ ~ -")]
    id: String,
    /// What people see when they are asked to allow it
    #[arg(long)]
    name: String,
    #[arg(long, help = KIND)]
    kind: Option<String>,
    /// Settings under one name: fapi2, fapi2-message-signing or oidc-basic. What else is written here comes on top
    #[arg(long)]
    preset: Option<String>,
    #[command(flatten)]
    flags: Flags,
    /// How long its secret is good, such as 365d [default: until it is replaced]
    #[arg(long, value_name = "LIFE")]
    secret_expires_in: Option<String>,
}

const KIND: &str = "What it is: native (an app on people's devices), web (a server that people sign in to) or service \
                    (a program without people, or an API) [default: native]";

impl AddClient {
    /// What to register, or everything that does not read or that the preset forbids.
    pub(super) fn read(&self) -> anyhow::Result<Adding> {
        let mut checked = Checked::default();
        let id = checked.parse::<ClientId>("ID", &self.id);
        if id.as_ref().is_some_and(|id| id.host().is_some()) {
            let rule = "a client whose id is an address is not added: see registration.metadata_documents";
            checked.refuse("ID", &self.id, rule);
        }
        let name = checked.parse("--name", &self.name);
        let kind: Option<ClientKind> = checked.word("--kind", self.kind.as_ref());
        let preset: Option<Preset> = checked.word("--preset", self.preset.as_ref());
        let settings = preset.map_or_else(
            || ClientSettings::new(kind.unwrap_or(ClientKind::Native)),
            Preset::settings,
        );
        if let (Some(kind), Some(preset)) = (kind.filter(|kind| *kind != settings.kind), preset) {
            let rule = format!(
                "{preset} is a preset of the kind {}; leave --kind out",
                settings.kind
            );
            checked.refuse("--kind", kind.as_str(), rule);
        }
        let settings = flags::with_usual_scope(settings);
        let settings = self.flags.over(settings, &mut checked);
        let secret_life = checked.word("--secret-expires-in", self.secret_expires_in.as_ref());
        if checked.faults.is_empty() {
            let of_preset = preset.map(|preset| preset.contradictions(&settings));
            for broken in of_preset.into_iter().flatten() {
                self.tell(&broken, &settings, &mut checked);
            }
        }
        match (id, name) {
            (Some(id), Some(name)) if checked.faults.is_empty() => Ok(Adding {
                id,
                name,
                settings,
                secret_life,
            }),
            _ => Err(checked.refused(WHAT)),
        }
    }

    /// Every rule that was broken, told by the words that break them.
    pub(super) fn refused(&self, all: &[Contradiction], settings: &ClientSettings) -> anyhow::Error {
        let mut checked = Checked::default();
        for broken in all {
            self.tell(broken, settings, &mut checked);
        }
        checked.refused(WHAT)
    }

    fn tell(&self, broken: &Contradiction, settings: &ClientSettings, checked: &mut Checked) {
        if broken.setting == "secret_life" {
            let life = self.secret_expires_in.as_deref().unwrap_or_default();
            checked.refuse("--secret-expires-in", life, &broken.rule);
        } else {
            self.flags.tell(broken, settings, checked);
        }
    }
}

const WHAT: &str = "this client cannot be added";
