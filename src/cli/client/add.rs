//! The words of `postern client add`: all of them checked, everything that is wrong told at once.

use std::{fmt::Display, str::FromStr};

use anyhow::bail;
use clap::Args;

use crate::{
    base::{
        id::ClientId,
        text::DisplayName,
        time::Lifetime,
        url::{RedirectUri, Resource},
    },
    domain::{
        client::{ClientKind, ClientLifetimes, ClientSettings, ConsentPolicy},
        key::rotation,
        policy::Lifetimes,
        scope::ScopeSet,
    },
};

/// Register an app.
#[derive(Debug, Args)]
pub(super) struct AddClient {
    #[arg(help = "Its client_id: 1 to 64 of the characters A-Z a-z 0-9 . _ ~ -")]
    id: String,
    /// What people see when they are asked to allow it
    #[arg(long)]
    name: String,
    #[arg(long = "redirect-uri", value_name = "URI", required = true, help = REDIRECT_URI)]
    redirect_uris: Vec<String>,
    /// What kind of program it is: native (an app on a person's device)
    #[arg(long, default_value = "native")]
    kind: String,
    /// The most that it may ask for
    #[arg(long, default_value = "openid profile email offline_access")]
    scope: String,
    /// Whether people are asked to allow it: ask, or never (an app of your own)
    #[arg(long, default_value = "ask")]
    consent: String,
    #[arg(long = "resource", value_name = "URI", help = RESOURCE)]
    resources: Vec<String>,
    #[arg(long = "post-logout-redirect-uri", value_name = "URI", help = POST_LOGOUT)]
    post_logout_redirect_uris: Vec<String>,
    /// Send people back without a tap when there is nothing to ask; for https redirect URIs that the app claims
    #[arg(long)]
    without_tap: bool,
    /// Let it sign people out of the browser too, by one request of its own that proves its key
    #[arg(long)]
    may_end_browser_session: bool,
    #[arg(
        long,
        value_name = "LIFE",
        help = "Life of its access and ID tokens, such as 5m [default: tokens.access_token]"
    )]
    access_token_life: Option<String>,
    #[arg(
        long,
        value_name = "LIFE",
        help = "How long a session lives unused, such as 90d [default: sessions.device_idle]"
    )]
    session_idle: Option<String>,
    #[arg(
        long,
        value_name = "LIFE",
        help = "How long a session lives at most, such as 365d [default: sessions.device_absolute]"
    )]
    session_absolute: Option<String>,
}

const REDIRECT_URI: &str =
    "Where it gets its answers, such as http://127.0.0.1/callback (any port); once for each";

const RESOURCE: &str =
    "The API that its access tokens are for; once for each, the first is for requests that name none";
const POST_LOGOUT: &str =
    "Where people may be sent when it has signed them out, compared character by character; once for each";

impl AddClient {
    /// What to register, or every rule that is broken.
    pub(super) fn check(
        &self,
        server: &Lifetimes,
    ) -> anyhow::Result<(ClientId, DisplayName, ClientSettings)> {
        let mut checked = Checked::default();
        let session = Lifetime::from_days(3650);
        let id = checked.parse("ID", &self.id);
        let name = checked.parse("--name", &self.name);
        let redirect_uris: Vec<RedirectUri> = self
            .redirect_uris
            .iter()
            .filter_map(|uri| checked.parse("--redirect-uri", uri))
            .collect();
        let kind: Option<ClientKind> = checked.parse("--kind", &self.kind);
        let scope: Option<ScopeSet> = checked.parse("--scope", &self.scope);
        let consent: Option<ConsentPolicy> = checked.parse("--consent", &self.consent);
        let mut resources = self
            .resources
            .iter()
            .filter_map(|uri| checked.parse::<Resource>("--resource", uri));
        let (resource, resources) = (resources.next(), resources.collect());
        let post_logout_redirect_uris = self
            .post_logout_redirect_uris
            .iter()
            .filter_map(|uri| checked.parse("--post-logout-redirect-uri", uri))
            .collect();
        let faults = checked.faults.len();
        let day = Lifetime::from_days(1);
        let lifetimes = ClientLifetimes {
            access_token: checked.life("--access-token-life", self.access_token_life.as_ref(), day),
            device_session_idle: checked.life("--session-idle", self.session_idle.as_ref(), session),
            device_session_absolute: checked.life(
                "--session-absolute",
                self.session_absolute.as_ref(),
                session,
            ),
        };
        // What does not read contradicts nothing yet.
        if checked.faults.len() == faults {
            checked.contradictions(lifetimes, server);
        }
        if scope.as_ref().is_some_and(ScopeSet::is_empty) {
            checked.refuse("--scope", &self.scope, "name at least one scope, such as openid");
        }
        match (id, name, kind, scope, consent) {
            (Some(id), Some(name), Some(kind), Some(scope), Some(consent)) if checked.faults.is_empty() => {
                let settings = ClientSettings {
                    kind,
                    redirect_uris,
                    scope,
                    consent,
                    resource,
                    resources,
                    post_logout_redirect_uris,
                    answers_without_tap: self.without_tap,
                    may_end_browser_session: self.may_end_browser_session,
                    lifetimes,
                };
                Ok((id, name, settings))
            }
            _ => bail!(
                "this client cannot be added; correct what stands here:\n  {}",
                checked.faults.join("\n  ")
            ),
        }
    }
}

/// What was wrong so far.
#[derive(Default)]
struct Checked {
    faults: Vec<String>,
}

impl Checked {
    fn refuse(&mut self, word: &str, value: &str, rule: impl Display) {
        self.faults.push(format!("{word} {value:?}: {rule}"));
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, word: &str, value: &str) -> Option<T> {
        value.parse().map_err(|rule| self.refuse(word, value, rule)).ok()
    }

    fn life(&mut self, word: &str, value: Option<&String>, most: Lifetime) -> Option<Lifetime> {
        let value = value?;
        let life = self.parse::<Lifetime>(word, value)?;
        if life < Lifetime::from_secs(1) || life > most {
            self.refuse(word, value, format!("write a time from 1s to {most}"));
            return None;
        }
        Some(life)
    }

    /// What contradicts itself, or the server's settings; told with the names of the flags.
    fn contradictions(&mut self, own: ClientLifetimes, server: &Lifetimes) {
        let both = own.over(server);
        if let Some(life) = own
            .access_token
            .filter(|life| both.retry_window.millis() > life.millis() / 2)
        {
            let least = Lifetime::from_millis(both.retry_window.millis() * 2);
            let rule = format!("write at least twice tokens.retry_window, which is {least}");
            self.refuse("--access-token-life", &life.to_string(), rule);
        }
        if let Some(life) = own
            .access_token
            .filter(|life| both.key_rotation < rotation::shortest(*life))
        {
            let rule = format!(
                "with tokens that live so long, keys.rotate_every must be at least {}; it is {}",
                rotation::shortest(life),
                both.key_rotation
            );
            self.refuse("--access-token-life", &life.to_string(), rule);
        }
        let given = own.device_session_idle.or(own.device_session_absolute);
        if given.is_some() && both.device_session_idle > both.device_session_absolute {
            let rule = format!(
                "a session idles for at most as long as it lives, which is {} (--session-absolute)",
                both.device_session_absolute
            );
            self.refuse("--session-idle", &both.device_session_idle.to_string(), rule);
        }
    }
}
