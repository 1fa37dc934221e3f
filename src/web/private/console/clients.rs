//! Apps, and what one is allowed.

use axum::extract::Path;
use serde_json::Value;

use super::{
    rows::{version_bars, with_query},
    viewer::{Answer, Viewer},
    words,
};
use crate::{
    base::{time::Instant, words::ago},
    domain::{client::Client, client_secret::KeptSecret, role::Permission},
    flows::admin::look,
    web::{
        pages::{ClientPage, ClientRow, ClientsPage, SecretRow},
        private::permission::ReadClients,
    },
};

pub(super) async fn list(viewer: Viewer<ReadClients>) -> Answer {
    let clients = viewer.private.provider().clients.enabled();
    Ok(viewer.show(&ClientsPage {
        frame: viewer.frame("/console/clients"),
        clients: clients.iter().map(|client| row(client)).collect(),
    }))
}

fn row(client: &Client) -> ClientRow {
    ClientRow {
        path: format!(
            "/console/clients/{}",
            url::form_urlencoded::byte_serialize(client.id.as_str().as_bytes()).collect::<String>()
        ),
        id: client.id.to_string(),
        name: client.name.to_string(),
        kind: serde_json::to_value(client.settings.kind)
            .ok()
            .and_then(|kind| kind.as_str().map(str::to_owned))
            .unwrap_or_default(),
    }
}

pub(super) async fn one(viewer: Viewer<ReadClients>, Path(id): Path<String>) -> Answer {
    let seen = look::client(viewer.private.provider(), &viewer.by, &id).await;
    let seen = seen.map_err(|error| viewer.fault(error))?;
    let now = viewer.private.provider().clock.now();
    let id = seen.client.id.as_str();
    let of_it = [("client", id)];
    Ok(viewer.show(&ClientPage {
        frame: viewer.frame("/console/clients"),
        client: row(&seen.client),
        settings: settings(&seen.client),
        secrets: seen
            .secrets
            .iter()
            .map(|secret| secret_row(secret, now))
            .collect(),
        versions: seen.versions.map(|versions| version_bars(&viewer, versions)),
        sessions_path: viewer.path_if(Permission::ReadSessions, with_query("/console/sessions", &of_it)),
        end_path: viewer.path_if(
            Permission::EndSessions,
            with_query("/console/sessions/end", &of_it),
        ),
    }))
}

/// All that are not empty, under the names that the command line and the API have. None of them is a secret.
fn settings(client: &Client) -> Vec<(String, String)> {
    let Ok(Value::Object(mut all)) = serde_json::to_value(&client.settings) else {
        return Vec::new();
    };
    all.retain(|_, value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    });
    words::facts(&all)
}

fn secret_row(secret: &KeptSecret, now: Instant) -> SecretRow {
    SecretRow {
        id: secret.id.to_string(),
        made: ago(secret.created_at, now),
        used: secret.last_used_at.map(|at| ago(at, now)),
        ends: secret.expires_at.map(Instant::to_rfc3339),
        good: secret.is_good(now),
    }
}
