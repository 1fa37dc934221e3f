//! npm's `openid-client` and `oauth4webapi`.

use std::process::Command;

use postern::{
    domain::{
        actor::Actor,
        client::{AuthMethod, ClientKind, ClientSettings, DpopPolicy, GrantType, Preset, RegistrationMode},
    },
    flows::registration::tokens,
};
use serde_json::json;

use super::{
    online::{Online, calls_an_api, for_people, signs_people_in},
    program::{is_ready, tools},
};
use crate::harness::ALICE;

/// A program and what it is to do, where Node is.
fn program(online: &Online, name: &str, does: &str) -> Option<Command> {
    // Node looks for packages beside a program: a link beside the installed ones leads to our folder.
    if !is_ready("node", "package-lock.json", "node") {
        return None;
    }
    let mut command = Command::new("node");
    command
        .args(["--preserve-symlinks", "--preserve-symlinks-main"])
        .arg(tools("node").join("programs").join(name))
        .arg(does)
        .env("NODE_EXTRA_CA_CERTS", online.certificate());
    Some(command)
}

#[tokio::test]
async fn openid_client_signs_in_refreshes_revokes_and_signs_out() {
    let online = Online::start().await;
    let Some(program) = program(&online, "openid_client.mjs", "app") else {
        return;
    };
    let report = online
        .run(program, "app", signs_people_in(ClientKind::Native))
        .await;
    assert_eq!(
        report,
        json!({
            "sub": online.alice().await,
            "email": ALICE,
            "token_type": "bearer",
            "rotated": true,
            "afterwards": "invalid_grant",
            "signed_out_at": "https://app.example/signed-out",
            "state_came_back": true,
            "silent": "login_required",
        })
    );
    assert_eq!(online.sessions().await, ["ended revoked"]);
}

#[tokio::test]
async fn openid_client_is_a_fapi2_client_whose_clock_is_slow() {
    let online = Online::start().await;
    let Some(program) = program(&online, "openid_client.mjs", "fapi2") else {
        return;
    };
    let settings = for_people(Preset::Fapi2.settings());
    let report = online.run(program, "fapi2", settings).await;
    assert_eq!(
        report,
        json!({
            "sub": online.alice().await,
            "email": ALICE,
            "asked_with": ["client_id", "request_uri"],
            "token_type": "dpop",
            "nonces": 1,
            "listed": true,
            "stolen": "invalid_token",
        })
    );
    assert_eq!(online.sessions().await, ["ended revoked"]);
}

#[tokio::test]
async fn openid_client_signs_its_requests_and_reads_signed_answers() {
    let online = Online::start().await;
    let Some(program) = program(&online, "openid_client.mjs", "signing") else {
        return;
    };
    let settings = for_people(Preset::Fapi2MessageSigning.settings());
    let report = online.run(program, "signing", settings).await;
    assert_eq!(
        report,
        json!({
            "sub": online.alice().await,
            "signed_with": ["client_id", "request"],
            "answered_with": ["response"],
            "token_type": "dpop",
            "other": "ClientError: invalid response encountered",
            "wide": "invalid_scope",
        })
    );
    assert_eq!(online.sessions().await, ["active -"]);
}

#[tokio::test]
async fn openid_client_registers_itself_with_a_token() {
    let online = Online::registers(RegistrationMode::Token).await;
    let Some(program) = program(&online, "openid_client.mjs", "registers") else {
        return;
    };
    let made = tokens::add(online.postern.provider(), None, Some(1), None, Actor::Operator).await;
    let token = made.expect("made").token.expose().to_owned();
    let report = online
        .run_newcomer(program, json!({ "initial_access_token": token }))
        .await;
    assert_eq!(
        report,
        json!({
            "guessed": "invalid_token",
            "name": "Newcomer",
            "algorithm": "RS256",
            "sub": online.alice().await,
            "email": ALICE,
            "refreshed": true,
        })
    );
    assert_eq!(online.sessions().await, ["active -"]);
    assert_eq!(online.postern.count_events("client.registered").await, 1);
}

#[tokio::test]
async fn openid_client_is_a_service_and_the_api_that_asks_about_its_token() {
    let online = Online::start().await;
    let Some(program) = program(&online, "openid_client.mjs", "service") else {
        return;
    };
    let (settings, more) = calls_an_api(&online, AuthMethod::ClientSecretBasic).await;
    let report = online.run_with(program, "robot", settings, more).await;
    assert_eq!(
        report,
        json!({
            "scope": "read",
            "told": { "active": true, "client_id": "robot", "aud": ["https://api.example"], "scope": "read" },
            "afterwards": { "active": false },
        })
    );
    assert_eq!(online.postern.count_events("token.revoked").await, 1);
}

fn device() -> ClientSettings {
    let mut settings = signs_people_in(ClientKind::Native);
    settings.grant_types.insert(GrantType::DeviceCode);
    settings
}

#[tokio::test]
async fn openid_client_is_a_device_without_a_browser() {
    let online = Online::start().await;
    let Some(program) = program(&online, "openid_client.mjs", "device") else {
        return;
    };
    let report = online.run(program, "tv", device()).await;
    let expected = json!({ "sub": online.alice().await, "email": ALICE, "refreshed": true });
    assert_eq!(report, expected);
    assert_eq!(online.sessions().await, ["active -"]);
}

#[tokio::test]
async fn oauth4webapi_is_a_web_server_with_a_secret() {
    let online = Online::start().await;
    let Some(program) = program(&online, "oauth4webapi.mjs", "web") else {
        return;
    };
    let report = online.run(program, "web", signs_people_in(ClientKind::Web)).await;
    assert_eq!(
        report,
        json!({
            "sub": online.alice().await,
            "email": ALICE,
            "other": "invalid_grant",
            "afterwards": "invalid_grant",
            "signed_out_at": "https://app.example/signed-out",
            "state_came_back": true,
        })
    );
    assert_eq!(online.sessions().await, ["ended revoked"]);
}

#[tokio::test]
async fn oauth4webapi_pushes_its_requests_and_reads_signed_answers() {
    let online = Online::start().await;
    let Some(program) = program(&online, "oauth4webapi.mjs", "pushing") else {
        return;
    };
    let settings = ClientSettings {
        require_pushed_authorization_requests: true,
        require_signed_authorization_response: true,
        ..signs_people_in(ClientKind::Web)
    };
    let report = online.run(program, "pushing", settings).await;
    assert_eq!(
        report,
        json!({
            "sub": online.alice().await,
            "lives": 600,
            "unsigned": "invalid_request",
            "answered_with": ["response"],
            "of_another": true,
        })
    );
    assert_eq!(online.sessions().await, ["active -"]);
}

#[tokio::test]
async fn oauth4webapi_registers_itself_where_everybody_may() {
    let online = Online::registers(RegistrationMode::Open).await;
    let Some(program) = program(&online, "oauth4webapi.mjs", "registers") else {
        return;
    };
    let report = online.run_newcomer(program, json!({})).await;
    assert_eq!(
        report,
        json!({
            "astray": "invalid_redirect_uri",
            "name": "Newcomer",
            "has_secret": false,
            "algorithm": "RS256",
            "sub": online.alice().await,
            "email": ALICE,
        })
    );
    assert_eq!(online.sessions().await, ["active -"]);
}

#[tokio::test]
async fn oauth4webapi_binds_its_tokens_to_a_key_by_a_slow_clock() {
    let online = Online::start().await;
    let Some(program) = program(&online, "oauth4webapi.mjs", "dpop") else {
        return;
    };
    let settings = ClientSettings {
        dpop: DpopPolicy::Required,
        ..signs_people_in(ClientKind::Native)
    };
    let report = online.run(program, "app", settings).await;
    assert_eq!(
        report,
        json!({
            "sub": online.alice().await,
            "email": ALICE,
            "token_types": ["dpop", "dpop"],
            "nonces": 2,
            "listed": true,
            "stolen": "invalid_grant",
            "ours": "dpop",
        })
    );
    assert_eq!(online.sessions().await, ["active -"]);
    assert_eq!(online.bound().await, 1);
}

#[tokio::test]
async fn oauth4webapi_is_a_device_without_a_browser() {
    let online = Online::start().await;
    let Some(program) = program(&online, "oauth4webapi.mjs", "device") else {
        return;
    };
    let report = online.run(program, "tv", device()).await;
    let expected = json!({
        "sub": online.alice().await, "pending": "authorization_pending", "interval": 5,
    });
    assert_eq!(report, expected);
    assert_eq!(online.sessions().await, ["active -"]);
}

#[tokio::test]
async fn oauth4webapi_is_a_service_and_the_api_that_checks_its_token() {
    let online = Online::start().await;
    let Some(program) = program(&online, "oauth4webapi.mjs", "service") else {
        return;
    };
    let (settings, more) = calls_an_api(&online, AuthMethod::ClientSecretPost).await;
    let report = online.run_with(program, "robot", settings, more).await;
    let claims = json!({ "sub": "robot", "client_id": "robot", "scope": "read" });
    assert_eq!(
        report,
        json!({
            "scope": "read",
            "told": { "active": true, "client_id": "robot", "aud": ["https://api.example"], "scope": "read" },
            "claims": claims,
            "same_time": true,
            "afterwards": { "active": false },
        })
    );
    assert_eq!(online.postern.count_events("token.revoked").await, 1);
}
