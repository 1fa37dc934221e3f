//! Association files, made from what clients are registered with: a platform reads them at this server's domain before it
//! gives an app the domain's links (claimed https redirects, RFC 8252 section 7.2) and passwords.

use serde_json::{Value, json};
use url::Url;

use crate::{domain::client::Client, flows::Provider};

/// Digital Asset Links (`/.well-known/assetlinks.json`): every Android app may get the domain's passwords, and its links
/// when one of its client's redirect URIs is here.
pub fn asset_links(provider: &Provider) -> Value {
    let clients = provider.clients.enabled();
    let statements = clients.iter().flat_map(|client| {
        let mut relation = vec!["delegate_permission/common.get_login_creds"];
        if !own_paths(provider, client).is_empty() {
            relation.push("delegate_permission/common.handle_all_urls");
        }
        client.settings.android_apps.iter().map(move |app| {
            json!({
                "relation": relation,
                "target": {
                    "namespace": "android_app",
                    "package_name": app.package,
                    "sha256_cert_fingerprints": app.fingerprints,
                },
            })
        })
    });
    Value::Array(statements.collect())
}

/// `/.well-known/apple-app-site-association`: the paths of redirect URIs that are here, and passwords.
pub fn apple_app_site_association(provider: &Provider) -> Value {
    let mut clients = provider.clients.enabled();
    clients.retain(|client| !client.settings.apple_apps.is_empty());
    let details = clients.iter().filter_map(|client| {
        let paths = own_paths(provider, client);
        let components: Vec<_> = paths.iter().map(|path| json!({ "/": path })).collect();
        (!paths.is_empty()).then(|| json!({ "appIDs": client.settings.apple_apps, "components": components }))
    });
    let apps: Vec<_> = clients
        .iter()
        .flat_map(|client| &client.settings.apple_apps)
        .collect();
    json!({
        "applinks": { "details": details.collect::<Vec<_>>() },
        "webcredentials": { "apps": apps },
    })
}

/// The paths of a client's redirect URIs at this server's own origin.
pub(super) fn own_paths(provider: &Provider, client: &Client) -> Vec<String> {
    let uris = client.settings.redirect_uris.iter();
    uris.filter_map(|uri| Url::parse(uri.as_str()).ok())
        .filter(|url| url.origin().ascii_serialization() == provider.issuer.as_str())
        .map(|url| url.path().to_owned())
        .collect()
}
