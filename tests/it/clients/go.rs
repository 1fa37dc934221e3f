//! Go's `coreos/go-oidc` and `golang.org/x/oauth2`.

use std::{
    path::{self, PathBuf},
    process::Command,
    sync::OnceLock,
};

use postern::{
    base::time::{Clock, Instant},
    domain::client::{ClientKind, GrantType},
};
use serde_json::json;

use super::{
    online::{Online, service, signs_people_in},
    program::{is_ready, sources, tools},
};
use crate::harness::ALICE;

/// The program, built by the first test that wants it.
fn built() -> Option<&'static PathBuf> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        if !is_ready("go", "go.sum", "go") {
            return None;
        }
        let program = path::absolute(tools("go").join("client")).expect("a folder");
        let mut build = Command::new("go");
        build
            .current_dir(sources("go"))
            .args(["build", "-o"])
            .arg(&program);
        let output = build.output().expect("go runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Some(program)
    });
    built.as_ref()
}

fn program(online: &Online, does: &str) -> Option<Command> {
    let mut command = Command::new(built()?);
    command.arg(does).env("SSL_CERT_FILE", online.certificate());
    Some(command)
}

#[tokio::test]
async fn go_oidc_verifies_id_tokens_also_when_the_keys_have_rotated() {
    // Keys may be rotated when verifiers have had time to fetch them, so the clock is moved.
    let online = Online::start_by(Clock::manual(Instant::from_millis(1_790_000_000_000))).await;
    online.postern.advance("15m");
    let Some(program) = program(&online, "app") else {
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
            "same_person": true,
            "not_for_us": true,
            "other_key": true,
            "replayed": "invalid_grant",
            "ended": "invalid_grant",
        })
    );
    assert_eq!(online.sessions().await, ["ended refresh_reuse", "active -"]);
}

#[tokio::test]
async fn x_oauth2_is_a_device_without_a_browser() {
    let online = Online::start().await;
    let Some(program) = program(&online, "device") else {
        return;
    };
    let mut settings = signs_people_in(ClientKind::Native);
    settings.grant_types.insert(GrantType::DeviceCode);
    let report = online.run(program, "tv", settings).await;
    assert_eq!(report, json!({ "sub": online.alice().await }));
    assert_eq!(online.sessions().await, ["active -"]);
}

#[tokio::test]
async fn x_oauth2_is_a_service() {
    let online = Online::start().await;
    let Some(program) = program(&online, "service") else {
        return;
    };
    let report = online.run(program, "robot", service()).await;
    let expected = json!({ "scope": "read", "type": "Bearer", "wrong": "invalid_client" });
    assert_eq!(report, expected);
}
