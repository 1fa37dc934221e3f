//! Which sessions a command is about, as flags.

use clap::Args;

use crate::{
    base::{
        id::ClientId,
        network::Network,
        text::{AppVersion, Email},
    },
    cli::{admin::Admin, moment::Moment},
    domain::{
        browser_session_filter::BrowserSessionFilter,
        device_session::Life,
        session_filter::{DevicePart, SessionFilter},
    },
};

/// What the sessions of apps have in common; each flag narrows it.
#[derive(Debug, Clone, Args)]
pub(super) struct FilterFlags {
    #[command(flatten)]
    any: AnyFlags,
    /// Only this app's
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<ClientId>,
    /// Only of apps that said last that they are this version
    #[arg(long, value_name = "VERSION")]
    app_version: Option<AppVersion>,
    /// Only of apps that asked for tokens last from this network or address
    #[arg(long, value_name = "NETWORK")]
    address: Option<Network>,
    /// Only those that live on their own, or with the browser session that they came from
    #[arg(long, value_name = "LIFE", value_parser = life)]
    life: Option<Life>,
}

/// What sessions of apps and of browsers may have in common.
#[derive(Debug, Clone, Args)]
pub(super) struct AnyFlags {
    /// Only this person's
    #[arg(long, value_name = "EMAIL")]
    user: Option<Email>,
    /// Only on devices, or in browsers, whose name has this in it, such as iPhone
    #[arg(long, value_name = "TEXT")]
    device: Option<DevicePart>,
    /// Only those not used since: 2026-11-22T10:00:00Z, or how long ago, such as 30d
    #[arg(long, value_name = "WHEN")]
    used_before: Option<Moment>,
    /// Only those used since
    #[arg(long, value_name = "WHEN")]
    used_since: Option<Moment>,
    /// Only those opened before
    #[arg(long, value_name = "WHEN")]
    opened_before: Option<Moment>,
    /// Only those opened since
    #[arg(long, value_name = "WHEN")]
    opened_since: Option<Moment>,
}

fn life(text: &str) -> Result<Life, &'static str> {
    Life::parse(text).ok_or("write own or with_browser")
}

impl AnyFlags {
    /// The filter of browser sessions.
    pub(super) async fn filter(&self, admin: &Admin) -> anyhow::Result<BrowserSessionFilter> {
        let now = admin.now();
        let at = |moment: Option<Moment>| moment.map(|moment| moment.at(now));
        let user = match &self.user {
            Some(email) => Some(admin.user(email).await?.id),
            None => None,
        };
        Ok(BrowserSessionFilter {
            user,
            device: self.device.clone(),
            used_before: at(self.used_before),
            used_since: at(self.used_since),
            opened_before: at(self.opened_before),
            opened_since: at(self.opened_since),
        })
    }
}

impl FilterFlags {
    /// The filter.
    pub(super) async fn filter(&self, admin: &Admin) -> anyhow::Result<SessionFilter> {
        let any = self.any.filter(admin).await?;
        Ok(SessionFilter {
            user: any.user,
            client: self.client.clone(),
            app_version: self.app_version.clone(),
            device: any.device,
            address: self.address,
            used_before: any.used_before,
            used_since: any.used_since,
            opened_before: any.opened_before,
            opened_since: any.opened_since,
            life: self.life,
        })
    }

    /// The person, when nothing else is asked for.
    pub(super) fn only_user(&self) -> Option<&Email> {
        let Self {
            any:
                AnyFlags {
                    user,
                    device: None,
                    used_before: None,
                    used_since: None,
                    opened_before: None,
                    opened_since: None,
                },
            client: None,
            app_version: None,
            address: None,
            life: None,
        } = self
        else {
            return None;
        };
        user.as_ref()
    }
}
