//! Java's `oauth2-oidc-sdk` of Nimbus.

use std::process::Command;

use postern::domain::client::{AuthMethod, ClientSettings, Preset};
use serde_json::json;

use super::{
    online::{Online, for_people},
    program::{is_ready, sources, tools},
};
use crate::harness::ALICE;

/// Java compiles the one file by itself.
fn program(does: &str) -> Option<Command> {
    if !is_ready("java", "pom.xml", "java") {
        return None;
    }
    let mut command = Command::new("java");
    command
        .args(["-XX:TieredStopAtLevel=1", "-cp"])
        .arg(tools("java").join("*"))
        .arg(sources("java").join("Nimbus.java"))
        .arg(does);
    Some(command)
}

#[tokio::test]
async fn nimbus_is_a_fapi2_client_that_checks_who_answers_and_whose_clock_is_slow() {
    let Some(program) = program("fapi2") else { return };
    let online = Online::start().await;
    let settings = for_people(Preset::Fapi2.settings());
    let report = online.run(program, "bank", settings).await;
    assert_eq!(
        report,
        json!({
            "sub": online.alice().await,
            "same_person": true,
            "email": ALICE,
            "token_type": "DPoP",
            "nonces": 1,
            "stolen": 401,
            "revoked": 200,
            "afterwards": "invalid_grant",
        })
    );
    assert_eq!(online.sessions().await, ["ended revoked"]);
}

#[tokio::test]
async fn nimbus_is_a_web_server_of_the_basic_profile_and_an_api() {
    let Some(program) = program("web") else { return };
    let online = Online::start().await;
    let settings = ClientSettings {
        token_endpoint_auth_method: AuthMethod::ClientSecretPost,
        ..for_people(Preset::OidcBasic.settings())
    };
    let report = online.run(program, "shop", settings).await;
    assert_eq!(
        report,
        json!({
            "sub": online.alice().await,
            "same_person": true,
            "email": ALICE,
            "accepted": online.alice().await,
            "id_token_refused": true,
            "revoked": 200,
            "afterwards": 401,
            "signed_out": true,
        })
    );
    assert_eq!(online.postern.count_events("token.revoked").await, 1);
}
