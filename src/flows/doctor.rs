//! `postern client doctor`: what in a client's registration will surprise its makers, and what to change.

use std::{collections::BTreeSet, sync::Arc};

use serde::Serialize;
use url::Url;

use crate::{
    base::url::{RedirectKind, RedirectUri},
    domain::{
        client::{Client, ConsentPolicy},
        scope,
    },
    flows::{Provider, association::own_paths},
};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Advice,
    /// It does not work, or is not safe.
    Problem,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad.
    pub level: Level,
    /// What was looked at.
    pub about: String,
    /// What was found, and what to change.
    pub says: String,
}

/// Looks at everything that a client is registered with.
pub fn examine(provider: &Provider, client: &Client) -> Vec<Finding> {
    let mut report = Report(Vec::new());
    report.redirects(provider, client);
    report.apps(provider, client);
    report.session(client);
    report.group(provider, client);
    report.server(provider);
    report.0
}

struct Report(Vec<Finding>);

impl Report {
    fn add(&mut self, level: Level, about: impl Into<String>, says: impl Into<String>) {
        self.0.push(Finding {
            level,
            about: about.into(),
            says: says.into(),
        });
    }

    fn good(&mut self, about: impl Into<String>, says: impl Into<String>) {
        self.add(Level::Good, about, says);
    }

    fn advice(&mut self, about: impl Into<String>, says: impl Into<String>) {
        self.add(Level::Advice, about, says);
    }

    fn problem(&mut self, about: impl Into<String>, says: impl Into<String>) {
        self.add(Level::Problem, about, says);
    }

    fn redirects(&mut self, provider: &Provider, client: &Client) {
        for uri in &client.settings.redirect_uris {
            let about = uri.as_str();
            match uri.kind() {
                RedirectKind::Loopback => self.good(
                    about,
                    "a loopback address: for programs on a desktop, at any port (RFC 8252 section 7.3)",
                ),
                RedirectKind::PrivateScheme => self.advice(
                    about,
                    "a private scheme: any app may claim it, and PKCE is what protects the code; on phones prefer an https \
                     address that the platform gives to your app only (RFC 8252 section 7.2)",
                ),
                RedirectKind::Https => self.https(provider, client, uri),
            }
        }
    }

    fn https(&mut self, provider: &Provider, client: &Client, uri: &RedirectUri) {
        let settings = &client.settings;
        let has_apps = !settings.android_apps.is_empty() || !settings.apple_apps.is_empty();
        let origin = Url::parse(uri.as_str())
            .map(|url| url.origin().ascii_serialization())
            .unwrap_or_default();
        if origin != provider.issuer.as_str() {
            self.advice(
                uri.as_str(),
                format!(
                    "an address at {origin}: phones open your app for it only if that host serves \
                     /.well-known/assetlinks.json and /.well-known/apple-app-site-association; this server serves them \
                     for {} only",
                    provider.issuer
                ),
            );
        } else if has_apps {
            self.good(
                uri.as_str(),
                "an address here: phones open your app for it, since this server vouches for the apps named below",
            );
        } else {
            self.problem(
                uri.as_str(),
                "an address here, and no app is named that it belongs to: register it with --android-app and --apple-app, or \
                 the browser stays on a page that is not there",
            );
        }
    }

    fn apps(&mut self, provider: &Provider, client: &Client) {
        let links = if own_paths(provider, client).is_empty() {
            "gets this server's passwords, and no links: no redirect URI of this client is here"
        } else {
            "gets this server's passwords and the links of the redirect URIs that are here"
        };
        for app in &client.settings.android_apps {
            let certificates = app.fingerprints.len();
            let says = format!(
                "{links}; known by {certificates} certificate(s). Play signs with one of its own: name it, too"
            );
            self.good(format!("Android app {}", app.package), says);
        }
        for app in &client.settings.apple_apps {
            let host = Url::parse(provider.issuer.as_str()).ok();
            let host = host.as_ref().and_then(Url::host_str).unwrap_or_default();
            let says = format!(
                "{links}. The app needs the associated domains applinks:{host} and webcredentials:{host}"
            );
            self.good(format!("iOS app {app}"), says);
        }
    }

    fn session(&mut self, client: &Client) {
        let settings = &client.settings;
        if settings.scope.has(scope::OFFLINE_ACCESS) {
            self.good(
                "scope",
                "with offline_access: a session lives on its own, whatever becomes of the browser's",
            );
        } else {
            self.advice(
                "scope",
                "without offline_access: a session ends with the browser's at the latest; an app that stays signed in asks \
                 for offline_access",
            );
        }
        if !settings.scope.has(scope::OPENID) {
            self.advice(
                "scope",
                "without openid: the app gets no ID token and may not ask who is signed in",
            );
        }
        if settings.consent == ConsentPolicy::Never {
            self.advice("consent", "never: right for an app of your own, and for no other");
        }
        if settings.resource.is_none() {
            self.advice(
                "resource",
                "none: its access tokens are for this server only; name the API that should accept them with --resource",
            );
        }
    }

    /// The apps that sign in by each other (OpenID Connect Native SSO for Mobile Apps 1.0).
    fn group(&mut self, provider: &Provider, client: &Client) {
        let Some(group) = &client.settings.sso_group else {
            return;
        };
        let about = format!("SSO group {group}");
        let all = provider.clients.enabled();
        let others: Vec<&Arc<Client>> = all
            .iter()
            .filter(|other| other.id != client.id)
            .filter(|other| other.settings.sso_group.as_ref() == Some(group))
            .collect();
        if others.is_empty() {
            let says = "no other app is in it: nothing signs in by this one; register the others with the same --sso-group";
            self.advice(about, says);
            return;
        }
        let names: Vec<&str> = others.iter().map(|other| other.id.as_str()).collect();
        self.good(&about, format!("with {}", names.join(", ")));
        let own = hosts(client);
        for other in &others {
            let theirs = hosts(other);
            if !own.is_empty() && !theirs.is_empty() && own.is_disjoint(&theirs) {
                let says = format!(
                    "{} has its addresses at {}, this app at {}: are both of one maker? Who has one app of a group gets \
                     sessions of all",
                    other.id,
                    listed(&theirs),
                    listed(&own)
                );
                self.advice(&about, says);
            }
        }
        if client.settings.consent == ConsentPolicy::Ask {
            let says = "people are asked, and an app that signs in by another shows no page: it gets a session only for who has \
                        allowed it before. Apps of one maker usually have --consent never";
            self.advice(about, says);
        }
    }

    fn server(&mut self, provider: &Provider) {
        if provider.issuer.is_https() {
            self.good("server.public_url", "https");
        } else {
            self.advice(
                "server.public_url",
                format!(
                    "{} is reached from this machine only; phones need https",
                    provider.issuer
                ),
            );
        }
    }
}

/// The hosts of its https addresses.
fn hosts(client: &Client) -> BTreeSet<String> {
    let uris = client.settings.redirect_uris.iter();
    let https = uris.filter(|uri| uri.kind() == RedirectKind::Https);
    https
        .filter_map(|uri| Url::parse(uri.as_str()).ok()?.host_str().map(str::to_owned))
        .collect()
}

fn listed(hosts: &BTreeSet<String>) -> String {
    hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
