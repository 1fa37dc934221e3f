//! Words that are taken back.

use anyhow::anyhow;
use serde_json::Value;

use crate::{
    cli::client::{checked::Checked, flags},
    domain::client::ClientSettings,
};

/// Every word that can be taken back, with the setting that it writes.
const CLEARABLE: [(&str, &str); 39] = [
    ("redirect-uri", "/redirect_uris"),
    ("scope", "/scope"),
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
    ("auth-method", "/token_endpoint_auth_method"),
    ("jwks", "/jwks"),
    ("jwks-uri", "/jwks_uri"),
    ("assertion-alg", "/token_endpoint_auth_signing_alg"),
    ("assertion-audience", "/assertion_audience"),
    ("pkce", "/pkce"),
    ("grant-type", "/grant_types"),
    ("refresh-rotation", "/refresh_rotation"),
    ("id-token-alg", "/id_token_signed_response_alg"),
    ("userinfo-alg", "/userinfo_signed_response_alg"),
    ("introspection-alg", "/introspection_signed_response_alg"),
    ("origin", "/allowed_origins"),
    ("audience", "/audience"),
    ("audience-scope", "/audience_scope"),
    ("audience-token-life", "/audience_access_token"),
    ("audience-authorization-type", "/audience_authorization_types"),
    ("authorization-details-type", "/authorization_details_types"),
];

/// Words that say more about another one.
const OF_ASSERTION_ISSUER: [&str; 3] = [
    "assertion-issuer-jwks",
    "assertion-issuer-jwks-uri",
    "assertion-subject",
];

/// The settings with what is taken back as in a new client of the same kind.
pub(super) fn clear(
    words: &[String],
    settings: &ClientSettings,
    checked: &mut Checked,
) -> anyhow::Result<ClientSettings> {
    let usual = flags::with_usual_scope(ClientSettings::new(settings.kind));
    let usual = serde_json::to_value(usual)?;
    let mut value = serde_json::to_value(settings)?;
    for word in words {
        let plain = word.trim_start_matches("--");
        let Some((_, path)) = CLEARABLE.iter().find(|(known, _)| *known == plain) else {
            checked.refuse("--clear", word, why_not(plain));
            continue;
        };
        reset(&mut value, &usual, path);
        if plain == "resource" {
            reset(&mut value, &usual, "/resources");
        }
    }
    serde_json::from_value(value).map_err(|error| anyhow!("the settings do not read back: {error}"))
}

fn why_not(word: &str) -> String {
    if word == "name" {
        return "a client has a name: write another one with --name".to_owned();
    }
    if OF_ASSERTION_ISSUER.contains(&word) {
        return "this goes with assertion-issuer: take that back".to_owned();
    }
    let words: Vec<&str> = CLEARABLE.iter().map(|(word, _)| *word).collect();
    format!("write one of {}", words.join(", "))
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
