//! Debian's nginx with the settings of `docs/verify/nginx.md`, before an API that believes the headers it gets.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use reqwest::RequestBuilder;
use serde_json::json;
use tempfile::TempDir;

use super::{
    API, OTHER_API, Told, app,
    issuer::Issuer,
    page, reached,
    sidecar::{Sidecar, now},
    upstream,
};
use crate::{
    cli::program::Program,
    harness::{ProofKey, free_port, postgres::env_is},
};

const NGINX: &str = "/usr/sbin/nginx";

/// nginx, until it is dropped.
struct Nginx {
    program: Program,
    url: String,
    _folder: TempDir,
}

impl Nginx {
    /// Before this API, asking this sidecar.
    async fn start(sidecar: &Sidecar, api: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let page = page::block("nginx.md", "nginx");
        let page = page::replaced(&page, "127.0.0.1:9180", sidecar.url.trim_start_matches("http://"));
        let page = page::replaced(&page, "127.0.0.1:3000", api);
        // Its certificate is not what this is about.
        let page = page::replaced(&page, "listen 443 ssl", &format!("listen {address}"));
        let lines = page
            .lines()
            .filter(|line| !line.trim_start().starts_with("ssl_certificate"));
        let page = lines.collect::<Vec<_>>().join("\n");
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|what| format!("{what}_temp_path {what};\n"))
            .concat();
        let whole = format!(
            "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}{page}}}\n"
        );
        fs::write(folder.path().join("nginx.conf"), whole).expect("written");
        let mut command = Command::new(NGINX);
        command.arg("-p").arg(folder.path());
        command.args(["-c", "nginx.conf", "-e", "stderr"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut program = Program::spawn(&mut command);
        reached(&mut program, port).await;
        Self {
            program,
            url: format!("http://{address}"),
            _folder: folder,
        }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        app().get(format!("{}{path}", self.url))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.program.signal("TERM");
    }
}

/// Whether it is there. Where it is not, one line says so; with `POSTERN_CLIENTS=required` the test fails.
fn is_there() -> bool {
    let there = Path::new(NGINX).is_file();
    let required = env_is("POSTERN_CLIENTS", "required");
    assert!(
        there || !required,
        "POSTERN_CLIENTS=required, but there is no {NGINX}"
    );
    if !there {
        eprintln!("skipped: no {NGINX} (tests/all installs it)");
    }
    there
}

async fn told(request: RequestBuilder) -> Told {
    Told::of(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn who_has_no_good_token_never_reaches_the_api_and_is_told_why() {
    if !is_there() {
        return;
    }
    let issuer = Issuer::start().await;
    let sidecar = Sidecar::start(&issuer, &["--proxy", "nginx", "--public-url", API]).await;
    let nginx = Nginx::start(&sidecar, &upstream::start().await).await;

    let nothing = told(nginx.get("/notes")).await;
    nothing.refused(401, "");
    let made_up = nginx.get("/notes").header("x-postern-sub", "admin");
    told(made_up).await.refused(401, "");
    let elsewhere = issuer.token_for(OTHER_API, "notes:read", None).await;
    let alice = issuer.alices().await;
    let id_token = alice.answer["id_token"].as_str().expect("an ID token");
    for token in [&elsewhere, &issuer.expired, id_token, "nonsense"] {
        let refused = told(nginx.get("/notes").bearer_auth(token)).await;
        refused.refused(401, "invalid_token");
        assert_eq!(refused.challenges.len(), 1, "nginx hands it on once: {refused:?}");
    }
    let good = issuer.token("notes:read").await;
    let twice = nginx.get("/notes").bearer_auth(&good).bearer_auth(&good);
    assert!(
        [400, 401].contains(&told(twice).await.status),
        "nginx refuses by itself, or the sidecar does"
    );
    // A reader may not write.
    let write = app()
        .post(format!("{}/notes", nginx.url))
        .body("x")
        .bearer_auth(&good);
    let refused = told(write).await;
    refused.refused(403, "insufficient_scope");
    assert!(
        refused.challenges[0].contains("scope=\"notes:write\""),
        "{refused:?}"
    );
    // Nobody asks the sidecar through nginx.
    for path in ["/_postern", "/_unavailable"] {
        assert_eq!(told(nginx.get(path).bearer_auth(&good)).await.status, 404);
    }
}

#[tokio::test]
async fn the_api_reads_the_claims_of_the_token_and_nothing_that_a_client_made_up() {
    if !is_there() {
        return;
    }
    let issuer = Issuer::start().await;
    let sidecar = Sidecar::start(&issuer, &["--proxy", "nginx"]).await;
    let nginx = Nginx::start(&sidecar, &upstream::start().await).await;

    let tokens = issuer.alices().await;
    let asked = nginx.get("/notes?x=1").bearer_auth(&tokens.access);
    let seen = told(asked).await.json();
    assert_eq!(
        (&seen["method"], &seen["uri"]),
        (&json!("GET"), &json!("/notes?x=1"))
    );
    let headers = &seen["headers"];
    let claims = tokens.claims();
    for (name, claim) in [
        ("sub", "sub"),
        ("client-id", "client_id"),
        ("scope", "scope"),
        ("sid", "sid"),
    ] {
        assert_eq!(
            headers[format!("x-postern-{name}")],
            json!([claims[claim]]),
            "{name}"
        );
    }

    // A service has no session, and every header is one that a client can send too.
    let robot = issuer.token("notes:read notes:write").await;
    let mut asked = app()
        .post(format!("{}/notes", nginx.url))
        .body("a note")
        .bearer_auth(&robot);
    for name in [
        "Sub",
        "Client-Id",
        "Scope",
        "Sid",
        "Jti",
        "Exp",
        "Auth-Time",
        "Acr",
        "Amr",
        "Actor",
    ] {
        asked = asked.header(format!("X-Postern-{name}"), "admin");
        asked = asked.header(format!("X_Postern_{}", name.replace('-', "_")), "admin");
        asked = asked.header(format!("X-Postern_{}", name.replace('-', "_")), "admin");
    }
    let seen = told(asked).await;
    assert!(!seen.body.contains("admin"), "{seen:?}");
    let seen = seen.json();
    assert_eq!(seen["headers"]["x-postern-sub"], json!(["robot"]));
    assert_eq!(seen["headers"].get("x-postern-sid"), None);
    assert_eq!(seen["method"], "POST");
}

#[tokio::test]
async fn a_bound_token_needs_its_proof_for_this_very_request() {
    if !is_there() {
        return;
    }
    let issuer = Issuer::start().await;
    let sidecar = Sidecar::start(&issuer, &["--proxy", "nginx", "--public-url", API]).await;
    let nginx = Nginx::start(&sidecar, &upstream::start().await).await;
    let key = ProofKey::new();
    let token = issuer.token_for(API, "notes:read", Some(&key)).await;
    let proved = |asked: RequestBuilder| {
        let proof = key
            .draft("GET", &format!("{API}/notes"), now())
            .for_token(&token)
            .sign();
        asked
            .header("authorization", format!("DPoP {token}"))
            .header("dpop", proof)
    };
    told(nginx.get("/notes").bearer_auth(&token))
        .await
        .refused(401, "invalid_token");
    let asked = proved(nginx.get("/notes?x=1"));
    let again = asked.try_clone().expect("no stream");
    assert_eq!(told(asked).await.status, 200);
    told(again).await.refused_dpop("invalid_dpop_proof");
    // What it was made for is nothing that a client says.
    let lied = nginx
        .get("/other")
        .header("x-original-uri", "/notes")
        .header("x-original-method", "GET");
    told(proved(lied)).await.refused_dpop("invalid_dpop_proof");
    let without = nginx
        .get("/notes")
        .header("authorization", format!("DPoP {token}"));
    told(without).await.refused_dpop("invalid_dpop_proof");
}

#[tokio::test]
async fn without_the_sidecar_nobody_is_let_in() {
    if !is_there() {
        return;
    }
    let issuer = Issuer::start().await;
    let mut sidecar = Sidecar::start(&issuer, &["--proxy", "nginx"]).await;
    let nginx = Nginx::start(&sidecar, &upstream::start().await).await;
    let good = issuer.token("notes:read").await;
    assert_eq!(told(nginx.get("/notes").bearer_auth(&good)).await.status, 200);
    sidecar.program.signal("TERM");
    sidecar.program.ended().await;
    let refused = told(nginx.get("/notes").bearer_auth(&good)).await;
    assert_eq!(
        (refused.status, refused.challenges.len()),
        (503, 0),
        "{refused:?}"
    );
}
