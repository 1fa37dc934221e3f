//! `postern verify-proxy`: the real program, asked as proxies ask. What must be refused first.

use std::process::Command;

use postern::base::time::Clock;
use reqwest::RequestBuilder;
use serde_json::json;

use super::{API, OTHER_API, Told, app, issuer::Issuer};
use crate::{
    cli::program::{Program, command},
    harness::{ALICE, ProofKey},
};

/// The running sidecar.
pub(super) struct Sidecar {
    pub(super) program: Program,
    pub(super) url: String,
}

impl Sidecar {
    /// For the API, as soon as it knows the issuer.
    pub(super) async fn start(issuer: &Issuer, flags: &[&str]) -> Self {
        let mut sidecar = Self::listen(issuer, flags).await;
        sidecar
            .program
            .until("readiness", |_, log| log.contains("\"ready\""))
            .await;
        sidecar
    }

    /// As soon as it listens.
    async fn listen(issuer: &Issuer, flags: &[&str]) -> Self {
        let mut program = Program::spawn(&mut words(issuer.url(), flags));
        program
            .until("address", |_, log| log.contains("\"listening\""))
            .await;
        let log = program.log.text();
        let line = log.lines().find(|line| line.contains("\"listening\""));
        let line: serde_json::Value = serde_json::from_str(line.expect("a line")).expect("JSON");
        let url = format!("http://{}", line["address"].as_str().expect("an address"));
        Self { program, url }
    }

    fn ask(&self, path: &str) -> RequestBuilder {
        app().get(format!("{}{path}", self.url))
    }

    /// As nginx and Traefik ask, with nothing but this token.
    async fn verify(&self, path: &str, token: &str) -> Told {
        let asked = self.ask(path).bearer_auth(token).send().await;
        Told::of(asked.expect("an answer")).await
    }
}

fn words(issuer: &str, flags: &[&str]) -> Command {
    let all = [
        &["verify-proxy", "--issuer", issuer, "--audience", API],
        &["--listen", "127.0.0.1:0", "--log-format", "json"][..],
        flags,
    ];
    command(&all.concat(), &std::env::temp_dir())
}

/// The real time, by which the sidecar goes.
pub(super) fn now() -> i64 {
    Clock::system().now().seconds()
}

#[tokio::test]
async fn what_is_no_good_token_for_this_api_is_refused() {
    let issuer = Issuer::start().await;
    let sidecar = Sidecar::start(&issuer, &[]).await;
    let alice = issuer.alices().await;
    let id_token = alice.answer["id_token"].as_str().expect("an ID token");
    let elsewhere = issuer.token_for(OTHER_API, "notes:read", None).await;
    let bound = issuer.token_for(API, "notes:read", Some(&ProofKey::new())).await;
    let [unsigned, by_jwk, by_point] = issuer.forged().await;
    for (name, token) in [
        ("an ID token", id_token),
        ("another API's", &elsewhere),
        ("expired", &issuer.expired),
        ("bound to a key", &bound),
        ("a refresh token", &alice.refresh),
        ("alg none", &unsigned),
        ("HMAC by the public key", &by_jwk),
        ("HMAC by its point", &by_point),
        ("nonsense", "nonsense"),
    ] {
        let told = sidecar.verify("/verify", token).await;
        eprintln!("{name}: {told:?}");
        told.refused(401, "invalid_token");
    }
    let nothing = Told::of(sidecar.ask("/verify").send().await.expect("an answer")).await;
    nothing.refused(401, "");
    // nginx 1.22 hands one header on, so all schemes are in one.
    assert_eq!(nothing.challenges.len(), 1);
    assert!(nothing.challenges[0].contains(", DPoP realm="), "{nothing:?}");
}

#[tokio::test]
async fn a_request_that_is_no_request_is_401_for_proxies_that_know_no_400() {
    let issuer = Issuer::start().await;
    let sidecar = Sidecar::start(&issuer, &[]).await;
    let good = issuer.token("notes:read").await;
    let twice = sidecar.ask("/verify").bearer_auth(&good).bearer_auth(&good);
    let malformed = sidecar.ask("/verify").header("authorization", "Bearer a b");
    for request in [twice, malformed] {
        let told = Told::of(request.send().await.expect("an answer")).await;
        told.refused(401, "invalid_request");
    }
}

#[tokio::test]
async fn the_claims_are_headers_always_all_of_them() {
    let issuer = Issuer::start().await;
    let sidecar = Sidecar::start(&issuer, &[]).await;
    let tokens = issuer.alices().await;
    let claims = tokens.claims();
    let asked = |token: String| async {
        let answer = sidecar
            .ask("/verify")
            .bearer_auth(token)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let names = answer
            .headers()
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("x-postern"));
        let pairs = names.map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").into()));
        serde_json::Value::Object(pairs.collect())
    };
    let told = asked(tokens.access.clone()).await;
    assert_eq!(
        told,
        json!({
            "x-postern-sub": issuer.postern.user(ALICE).await.id.to_string(),
            "x-postern-client-id": "app",
            "x-postern-scope": claims["scope"],
            "x-postern-sid": tokens.sid(),
            "x-postern-jti": claims["jti"],
            "x-postern-exp": claims["exp"].to_string(),
            "x-postern-auth-time": claims["auth_time"].to_string(),
            "x-postern-acr": claims["acr"],
            "x-postern-amr": "pwd",
            "x-postern-actor": "",
        })
    );
    // A service has no session; the header is there all the same, so that it overwrites what a client made up.
    let told = asked(issuer.token("notes:read").await).await;
    assert_eq!(
        (&told["x-postern-sub"], &told["x-postern-sid"]),
        (&json!("robot"), &json!(""))
    );
    assert_eq!(told.as_object().expect("an object").len(), 10);
}

#[tokio::test]
async fn scopes_are_asked_for_by_flag_and_by_question_and_a_misspelled_one_lets_nobody_in() {
    let issuer = Issuer::start().await;
    let sidecar = Sidecar::start(&issuer, &["--scope", "notes:read"]).await;
    let (reader, both) = (
        issuer.token("notes:read").await,
        issuer.token("notes:read notes:write").await,
    );
    let writer = issuer.token("notes:write").await;
    assert_eq!(sidecar.verify("/verify", &reader).await.status, 200);
    assert_eq!(
        sidecar.verify("/verify?scope=notes:write", &both).await.status,
        200
    );
    assert_eq!(
        sidecar
            .verify("/verify?scope=notes%3Aread+notes:write", &both)
            .await
            .status,
        200
    );
    for (path, token, needed) in [
        ("/verify", &writer, "notes:read"),
        ("/verify?scope=notes:write", &reader, "notes:read notes:write"),
        (
            "/verify?scope=notes:read&scope=admin",
            &both,
            "notes:read admin notes:read",
        ),
    ] {
        let told = sidecar.verify(path, token).await;
        told.refused(403, "insufficient_scope");
        let needed = needed.split(' ').all(|scope| told.challenges[0].contains(scope));
        assert!(needed, "{told:?}");
    }
    for wrong in [
        "?scopes=admin",
        "?scope=",
        "?scope=%22",
        "?scope=%ZZ",
        "?scope=a&x=y",
    ] {
        let told = sidecar.verify(&format!("/verify{wrong}"), &both).await;
        assert_eq!(told.status, 500, "{wrong}: {told:?}");
    }
    for path in ["/", "/verify/", "/envoy/notes", "/other"] {
        assert_eq!(sidecar.verify(path, &both).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn without_a_proxy_that_is_named_nobodys_headers_say_what_a_proof_is_for() {
    let issuer = Issuer::start().await;
    let sidecar = Sidecar::start(&issuer, &[]).await;
    let key = ProofKey::new();
    let token = issuer.token_for(API, "notes:read", Some(&key)).await;
    let proof = key
        .draft("GET", &format!("{API}/notes"), now())
        .for_token(&token)
        .sign();
    let asked = sidecar.ask("/verify");
    let asked = asked
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", proof);
    let asked = asked
        .header("x-original-method", "GET")
        .header("x-original-uri", "/notes");
    let asked = asked
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-uri", "/notes");
    let told = Told::of(asked.send().await.expect("an answer")).await;
    told.refused(401, "invalid_request");
}

#[tokio::test]
async fn until_it_knows_the_issuer_it_lets_nobody_in_and_blames_nobody() {
    let mut issuer = Issuer::not_yet_there().await;
    let good = issuer.token("notes:read").await;
    let mut sidecar = Sidecar::listen(&issuer, &[]).await;
    let told = sidecar.verify("/verify", &good).await;
    assert_eq!((told.status, told.challenges.len()), (503, 0), "{told:?}");
    assert_eq!(sidecar.verify("/health", "").await.status, 503);
    issuer.appears();
    sidecar
        .program
        .until("readiness", |_, log| log.contains("\"ready\""))
        .await;
    assert_eq!(sidecar.verify("/health", "").await.status, 200);
    assert_eq!(sidecar.verify("/verify", &good).await.status, 200);
    sidecar.program.signal("TERM");
    assert_eq!(sidecar.program.ended().await.code(), Some(0));
    assert!(!sidecar.program.log.text().contains(&good), "no token is logged");
}

#[tokio::test]
async fn without_a_client_it_says_that_it_does_not_see_ends() {
    let issuer = Issuer::start().await;
    let sidecar = Sidecar::start(&issuer, &[]).await;
    let log = sidecar.program.log.text();
    let mut lines = log.lines();
    assert!(
        lines.any(|line| line.contains("WARN") && line.contains("accepted until it expires")),
        "{log}"
    );
}

#[tokio::test]
async fn what_no_repetition_makes_better_ends_it() {
    let issuer = Issuer::start().await;
    let another = issuer.url().replace("127.0.0.1", "localhost");
    for (url, flags, code, told) in [
        (another.as_str(), &[][..], 1, "names another issuer"),
        ("http://id.example.com", &[], 1, "https"),
        (
            issuer.url(),
            &["--public-url", "notes.example"],
            1,
            "--public-url",
        ),
        (issuer.url(), &["--proxy", "apache"], 2, "nginx, envoy or traefik"),
        (issuer.url(), &["--scope", "a\"b"], 2, "scopes are words"),
        (issuer.url(), &["--client-id", "api"], 2, "POSTERN_CLIENT_SECRET"),
        (issuer.url(), &["--down", "accept"], 2, "--client-id"),
        (
            issuer.url(),
            &["--client-id", "api", "--down-after", "5s"],
            2,
            "write a time from 6s to 1h",
        ),
        (
            issuer.url(),
            &["--client-id", "api", "--down-after", "61m"],
            2,
            "write a time from 6s to 1h",
        ),
        (
            issuer.url(),
            &[
                "--client-id",
                "api",
                "--client-secret-file",
                "/nowhere/to/be/found",
            ],
            1,
            "cannot be read",
        ),
    ] {
        let mut ended = words(url, flags);
        let ended = tokio::task::spawn_blocking(move || ended.output())
            .await
            .expect("no panic");
        let ended = ended.expect("it starts");
        let log = String::from_utf8(ended.stderr).expect("text");
        assert_eq!(ended.status.code(), Some(code), "{flags:?}: {log}");
        assert!(log.contains(told), "{flags:?}: {log}");
    }
}
