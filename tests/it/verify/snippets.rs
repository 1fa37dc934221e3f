//! The APIs of `docs/verify`, each run as the page shows it, and what they must refuse.

use std::{
    fs,
    path::{self, Path, PathBuf},
    process::{Command, Stdio},
};

use reqwest::RequestBuilder;
use tempfile::TempDir;

use super::{API, OTHER_API, Told, app, issuer::Issuer, page, reached, sidecar::now};
use crate::{
    cli::program::Program,
    clients::program::{is_ready, sources, tools},
    harness::{ProofKey, free_port},
};

/// A running API.
struct Api {
    _program: Program,
    url: String,
}

impl Api {
    async fn start(mut command: Command, issuer: &Issuer) -> Self {
        let port = free_port();
        command
            .env("ISSUER", issuer.url())
            .env("AUDIENCE", API)
            .env("PORT", port.to_string())
            .env("NO_PROXY", "127.0.0.1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut program = Program::spawn(&mut command);
        reached(&mut program, port).await;
        Self {
            _program: program,
            url: format!("http://127.0.0.1:{port}/notes"),
        }
    }

    fn get(&self) -> RequestBuilder {
        app().get(&self.url)
    }

    /// What every API owes its people.
    async fn judges_tokens(&self, issuer: &Issuer) {
        let alice = issuer.alices().await;
        let welcome = told(self.get().bearer_auth(&alice.access)).await;
        let sub = alice.claims()["sub"].as_str().expect("a sub").to_owned();
        assert_eq!(
            (welcome.status, welcome.body),
            (200, format!("the notes of {sub}\n"))
        );

        told(self.get()).await.refused(401, "");
        told(self.get().basic_auth("alice", Some("x")))
            .await
            .refused(401, "");
        let in_query = app().get(format!("{}?access_token={}", self.url, alice.access));
        told(in_query).await.refused(401, "");

        // The same keys, another name: seeded with the same randomness.
        let another = Issuer::not_yet_there().await;
        let foreign = another.token("notes:read").await;
        let id_token = alice.answer["id_token"].as_str().expect("an ID token");
        let elsewhere = issuer.token_for(OTHER_API, "notes:read", None).await;
        let bound = issuer.token_for(API, "notes:read", Some(&ProofKey::new())).await;
        let [unsigned, by_jwk, by_point] = issuer.forged().await;
        let cut = &alice.access[..alice.access.len() - 8];
        for (name, token) in [
            ("an ID token", id_token),
            ("another API's", &elsewhere),
            ("another issuer's", &foreign),
            ("expired", &issuer.expired),
            ("bound to a key", &bound),
            ("alg none", &unsigned),
            ("HMAC by the public key", &by_jwk),
            ("HMAC by its point", &by_point),
            ("cut", cut),
            ("nonsense", "nonsense"),
        ] {
            let told = told(self.get().bearer_auth(token)).await;
            eprintln!("{name}: {told:?}");
            told.refused(401, "invalid_token");
        }
        let writer = issuer.token("notes:write").await;
        told(self.get().bearer_auth(&writer))
            .await
            .refused(403, "insufficient_scope");
    }
}

async fn told(request: RequestBuilder) -> Told {
    Told::of(request.send().await.expect("an answer")).await
}

/// A folder with the page's program in a file of this name.
fn written(page: &str, language: &str, file: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join(file);
    fs::write(&program, page::block(page, language)).expect("written");
    (folder, program)
}

fn done(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}

#[tokio::test]
async fn node_by_jose() {
    if !is_ready("node", "package-lock.json", "node") {
        return;
    }
    let (_folder, program) = written("node.md", "js", "api.mjs");
    let issuer = Issuer::start().await;
    let mut node = Command::new("node");
    // From standard input, since Node looks for packages beside a program.
    node.args(["--input-type=module", "-"])
        .current_dir(tools("node"))
        .stdin(fs::File::open(program).expect("written"));
    Api::start(node, &issuer).await.judges_tokens(&issuer).await;
}

#[tokio::test]
async fn python_by_pyjwt() {
    if !is_ready("python", "requirements.txt", "python3") {
        return;
    }
    let (_folder, program) = written("python.md", "python", "api.py");
    let issuer = Issuer::start().await;
    let mut python = Command::new(tools("python").join("bin/python"));
    python.arg(program);
    Api::start(python, &issuer).await.judges_tokens(&issuer).await;
}

#[tokio::test]
async fn go_by_go_oidc() {
    if !is_ready("go", "go.sum", "go") {
        return;
    }
    let (folder, program) = written("go.md", "go", "main.go");
    for list in ["go.mod", "go.sum"] {
        fs::copy(sources("go").join(list), folder.path().join(list)).expect("copied");
    }
    let api = program.with_file_name("api");
    done(
        Command::new("go")
            .current_dir(folder.path())
            .args(["build", "-o"])
            .args([&api, Path::new(".")]),
    );
    let issuer = Issuer::start().await;
    Api::start(Command::new(api), &issuer)
        .await
        .judges_tokens(&issuer)
        .await;
}

#[tokio::test]
async fn java_by_spring_security_which_takes_proofs_too() {
    if !is_ready("spring", "pom.xml", "javac") {
        return;
    }
    let (folder, program) = written("java.md", "java", "NotesApi.java");
    let libraries = path::absolute(tools("spring")).expect("a folder").join("*");
    let javac = |command: &mut Command| {
        command.arg("-cp").arg(&libraries).arg("-d").arg(folder.path());
        done(command.arg("-parameters").arg(&program));
    };
    javac(&mut Command::new("javac"));
    let issuer = Issuer::start().await;
    let mut java = Command::new("java");
    let classes = format!("{}:{}", folder.path().display(), libraries.display());
    java.args([
        "-XX:TieredStopAtLevel=1",
        "-cp",
        &classes,
        "example.notes.NotesApi",
        "--server.port=${PORT}",
    ]);
    let api = Api::start(java, &issuer).await;
    api.judges_tokens(&issuer).await;

    let key = ProofKey::new();
    let token = issuer.token_for(API, "notes:read", Some(&key)).await;
    let proved = |url: &str| {
        let proof = key.draft("GET", url, now()).for_token(&token).sign();
        let authorization = format!("DPoP {token}");
        api.get()
            .header("authorization", authorization)
            .header("dpop", proof)
    };
    assert_eq!(told(proved(&api.url)).await.status, 200);
    assert_eq!(told(proved("https://other.example/notes")).await.status, 401);
}
