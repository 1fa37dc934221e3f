//! Python's `Authlib`.

use std::process::Command;

use postern::domain::client::{AssertionAudience, AuthMethod, ClientSettings, Preset};
use serde_json::json;

use super::{
    online::{Online, calls_an_api, for_people},
    program::{is_ready, sources, tools},
};
use crate::harness::ALICE;

fn program(online: &Online, does: &str) -> Option<Command> {
    if !is_ready("python", "requirements.txt", "python3") {
        return None;
    }
    let mut command = Command::new(tools("python").join("bin/python"));
    command
        .arg(sources("python").join("authlib_client.py"))
        .arg(does)
        .env("REQUESTS_CA_BUNDLE", online.certificate())
        .env("NO_PROXY", "localhost")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}

#[tokio::test]
async fn authlib_is_a_web_server_of_the_basic_profile() {
    let online = Online::start().await;
    let Some(program) = program(&online, "web") else {
        return;
    };
    let settings = for_people(Preset::OidcBasic.settings());
    let report = online.run(program, "site", settings).await;
    assert_eq!(
        report,
        json!({
            "sub": online.alice().await,
            "alg": "RS256",
            "email": ALICE,
            "same_person": true,
            "kept": true,
            "revoked": 200,
            "afterwards": "invalid_grant",
            "signed_out_to": "https://app.example/signed-out",
        })
    );
    assert_eq!(online.sessions().await, ["ended revoked"]);
}

#[tokio::test]
async fn authlib_is_a_service_with_a_key_and_the_api_that_checks_its_token() {
    let online = Online::start().await;
    let Some(program) = program(&online, "service") else {
        return;
    };
    let (settings, more) = calls_an_api(&online, AuthMethod::PrivateKeyJwt).await;
    let settings = ClientSettings {
        // The library's assertions are for the token endpoint.
        assertion_audience: AssertionAudience::IssuerOrTokenEndpoint,
        ..settings
    };
    let report = online.run_with(program, "robot", settings, more).await;
    assert_eq!(
        report,
        json!({
            "checked": "robot",
            "too_much": 403,
            "elsewhere": 401,
            "told": { "active": true, "client_id": "robot", "scope": "read" },
        })
    );
}
