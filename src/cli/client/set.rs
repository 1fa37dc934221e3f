//! `postern client set`: other settings in the place of a client's, by the words of `client add`.

use anyhow::{anyhow, bail};
use clap::Args;
use serde_json::{Value, json};

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

/// The words that can be taken back, each with the setting that it writes.
const CLEARABLE: [(&str, &str); 32] = [
    ("redirect-uri", "/redirect_uris"),
    ("consent", "/consent"),
    ("dpop", "/dpop"),
    ("require-par", "/require_pushed_authorization_requests"),
    ("request-uri-life", "/lifetimes/request_uri"),
    ("require-signed-request", "/require_signed_request_object"),
    ("request-object-alg", "/request_object_signing_alg"),
    (
        "require-signed-response",
        "/require_signed_authorization_response",
    ),
    ("response-alg", "/authorization_signed_response_alg"),
    ("resource", "/resource"),
    ("post-logout-redirect-uri", "/post_logout_redirect_uris"),
    ("backchannel-logout-uri", "/backchannel_logout_uri"),
    ("without-tap", "/answers_without_tap"),
    ("android-app", "/android_apps"),
    ("apple-app", "/apple_apps"),
    ("sso-group", "/sso_group"),
    ("assertion-issuer", "/assertion_issuer"),
    ("may-end-browser-session", "/may_end_browser_session"),
    ("access-token-life", "/lifetimes/access_token"),
    ("session-idle", "/lifetimes/device_session_idle"),
    ("session-absolute", "/lifetimes/device_session_absolute"),
    ("jwks", "/jwks"),
    ("jwks-uri", "/jwks_uri"),
    ("assertion-alg", "/token_endpoint_auth_signing_alg"),
    ("pkce", "/pkce"),
    ("grant-type", "/grant_types"),
    ("userinfo-alg", "/userinfo_signed_response_alg"),
    ("introspection-alg", "/introspection_signed_response_alg"),
    ("origin", "/allowed_origins"),
    ("audience-scope", "/audience_scope"),
    ("audience-token-life", "/audience_access_token"),
    ("authorization-details-type", "/authorization_details_types"),
];

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
    let after = verb::set(provider, found, name, settings, &Actor::Operator).await?;
    let value = json!({ "before": before, "after": after });
    world.output.result(json, &value, || facts(&about(&after)))
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
        let usual = self.cleared(&client.settings, &mut checked)?;
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

    /// The settings with what is taken back as in a new client.
    fn cleared(&self, settings: &ClientSettings, checked: &mut Checked) -> anyhow::Result<ClientSettings> {
        let usual = serde_json::to_value(ClientSettings::new(settings.kind))?;
        let mut value = serde_json::to_value(settings)?;
        for word in &self.clear {
            let plain = word.trim_start_matches("--");
            let Some((_, path)) = CLEARABLE.iter().find(|(known, _)| *known == plain) else {
                let words: Vec<&str> = CLEARABLE.iter().map(|(word, _)| *word).collect();
                checked.refuse("--clear", word, format!("write one of {}", words.join(", ")));
                continue;
            };
            reset(&mut value, &usual, path);
            if plain == "resource" {
                reset(&mut value, &usual, "/resources");
            }
        }
        serde_json::from_value(value).map_err(|error| anyhow!("the settings do not read back: {error}"))
    }
}

/// One setting as it is in other settings; away where it is away there.
fn reset(value: &mut Value, usual: &Value, path: &str) {
    let (parent, member) = path.rsplit_once('/').unwrap_or_default();
    let Some(members) = value.pointer_mut(parent).and_then(Value::as_object_mut) else {
        return;
    };
    match usual.pointer(path) {
        Some(usual) => members.insert(member.to_owned(), usual.clone()),
        None => members.remove(member),
    };
}
