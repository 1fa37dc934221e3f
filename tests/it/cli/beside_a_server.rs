//! The real program: a server, commands beside it, its log, and its end.

use std::{fs, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::domain::pkce::Challenge;
use serde_json::Value;
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    Shell,
    program::{Program, command},
    surfer::{self, Surfer},
};
use crate::harness::{ALICE, Answer, PASSWORD, Went, encode, free_port};

const REDIRECT: &str = "http://127.0.0.1:49152/callback";
const VERIFIER: &str = "a-verifier-that-nobody-else-knows-0123456789";

/// A server in a folder with Alice and the app `notes`.
struct Served {
    folder: TempDir,
    shell: Shell,
    port: u16,
    issuer: String,
    program: Program,
}

impl Served {
    async fn start(level: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let shell = Shell::in_folder(folder.path());
        shell.run(&["init"]).await.done();
        let add = ["user", "add", ALICE, "--password-stdin"];
        shell.run_with_input(&add, PASSWORD).await.done();
        add_client(&shell, "notes").await;
        let port = free_port();
        let (listen, issuer) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}"));
        let words = [
            "serve",
            "--listen",
            &listen,
            "--public-url",
            &issuer,
            "--log-level",
            level,
        ];
        let mut serve = command(&words, folder.path());
        let mut program = Program::spawn(serve.env("POSTERN__LOG__FORMAT", "json"));
        let reached = async {
            while TcpStream::connect(&listen).await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(Duration::from_secs(30), reached).await.is_err() {
            program.until("listener", |_, _| false).await;
        }
        Self {
            folder,
            shell,
            port,
            issuer,
            program,
        }
    }

    fn authorize_url(&self, client: &str) -> String {
        let challenge = Challenge::of_verifier(VERIFIER).expect("a verifier");
        let challenge = challenge.digest().to_base64url();
        let pairs = [
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", REDIRECT),
            ("scope", "openid offline_access"),
            ("state", "state-of-the-app"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        format!("{}/authorize?{}", self.issuer, encode(&pairs))
    }

    async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.issuer);
        surfer::answer(surfer::client().post(url).form(pairs)).await
    }

    /// Signs Alice in to `notes`: the code and the answer with the tokens.
    async fn sign_in(&self, surfer: &mut Surfer) -> (String, Value) {
        let url = self.authorize_url("notes");
        let back = surfer.decide(&url, ALICE, PASSWORD, "allow").await;
        let code = back.query_pairs().find(|(name, _)| name == "code");
        let code = code.expect("a code").1.into_owned();
        let pairs = [
            ("grant_type", "authorization_code"),
            ("client_id", "notes"),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("code", &code),
        ];
        let answer = self.post("/token", &pairs).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        (code, answer.json())
    }

    async fn refresh(&self, token: &Value) -> Answer {
        let token = token.as_str().expect("a refresh token");
        let pairs = [
            ("grant_type", "refresh_token"),
            ("client_id", "notes"),
            ("refresh_token", token),
        ];
        self.post("/token", &pairs).await
    }

    async fn stops(mut self) -> String {
        self.program.signal("TERM");
        assert!(self.program.ended().await.success());
        self.program.log.text()
    }
}

async fn add_client(shell: &Shell, id: &str) {
    let redirect = ["--redirect-uri", "http://127.0.0.1/callback"];
    let add = [&["client", "add", id, "--name", "Notes"], &redirect[..]].concat();
    shell.run(&add).await.done();
}

#[tokio::test]
async fn what_a_command_changes_counts_for_the_running_server_within_two_seconds() {
    let served = Served::start("warn").await;
    let mut surfer = Surfer::new(&served.issuer);
    let url = served.authorize_url("newcomer");
    assert_eq!(surfer.open(&url).await.page().answer.status, 400, "not known yet");
    add_client(&served.shell, "newcomer").await;
    let known = async {
        while surfer.open(&url).await.page().answer.status != 200 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(2), known)
        .await
        .expect("known within two seconds");

    let (_, tokens) = served.sign_in(&mut surfer).await;
    let next = served.refresh(&tokens["refresh_token"]).await.json();
    let mut other = Surfer::new(&served.issuer);
    let (_, others) = served.sign_in(&mut other).await;

    let list = served.shell.run(&["session", "list", "--json"]).await.json();
    let id = list["items"][1]["id"].as_str().expect("the older one");
    served.shell.run(&["session", "end", id]).await.done();
    let refused = served.refresh(&next["refresh_token"]).await;
    assert_eq!(
        (refused.status.as_u16(), refused.error().as_str()),
        (400, "invalid_grant")
    );

    served.shell.run(&["user", "disable", ALICE]).await.done();
    assert_eq!(
        served.refresh(&others["refresh_token"]).await.error(),
        "invalid_grant"
    );
    let page = other.open("/account").await.page();
    let form = page
        .form("/sign-in")
        .with("email", ALICE)
        .with("password", PASSWORD);
    let Went::Page(page) = other.submit(&form).await else {
        panic!("a disabled person signed in")
    };
    assert_eq!(
        page.forms("/sign-in").len(),
        1,
        "still not signed in: {}",
        page.text()
    );
    served.stops().await;
}

#[tokio::test]
async fn the_running_server_turns_red_without_its_database_and_green_by_itself() {
    let served = Served::start("error").await;
    let turns = async |status: u16| {
        let url = format!("{}/health/ready", served.issuer);
        let turned = async {
            while surfer::answer(surfer::client().get(&url)).await.status != status {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let turned = timeout(Duration::from_secs(30), turned).await;
        turned.unwrap_or_else(|_| panic!("never {status}"));
    };
    turns(200).await;
    let options = SqliteConnectOptions::new().filename(served.folder.path().join("postern.db"));
    let mut beside = options.connect().await.expect("the database opens");
    for (change, status) in [
        ("ALTER TABLE versions RENAME TO gone", 503),
        ("ALTER TABLE gone RENAME TO versions", 200),
    ] {
        sqlx::raw_sql(change).execute(&mut beside).await.expect(change);
        turns(status).await;
    }
    served.stops().await;
}

#[tokio::test]
async fn told_to_stop_the_server_finishes_what_is_under_way() {
    let mut served = Served::start("info").await;
    let body = "grant_type=refresh_token&client_id=notes&refresh_token=x";
    let mut stream = TcpStream::connect(("127.0.0.1", served.port))
        .await
        .expect("connected");
    let (first, rest) = body.split_at(20);
    let head = format!(
        "POST /token HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{first}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    // The head has to be read before the end begins; nothing tells from outside when.
    sleep(Duration::from_millis(200)).await;
    served.program.signal("TERM");
    served
        .program
        .until("stopping", |_, log| log.contains("requests under way finish"))
        .await;
    stream.write_all(rest.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("invalid_grant"),
        "{answer}"
    );
    assert!(served.program.ended().await.success());
    let log = served.program.log.text();
    assert!(
        log.lines()
            .last()
            .is_some_and(|line| line.contains("\"stopped\"")),
        "{log}"
    );
}

#[tokio::test]
async fn a_proxy_that_nobody_named_is_told_of_once() {
    let mut served = Served::start("warn").await;
    for header in [
        "x-nothing: 1",
        "x-forwarded-for: 203.0.113.7",
        "X-Forwarded-For: 203.0.113.8",
    ] {
        let address = ("127.0.0.1", served.port);
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let request =
            format!("GET /health/live HTTP/1.1\r\nhost: x\r\n{header}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answered");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let told = |log: &str| log.matches("127.0.0.1 sends X-Forwarded-For").count();
    served.program.until("warning", |_, log| told(log) > 0).await;
    let log = served.stops().await;
    assert_eq!(told(&log), 1, "{log}");
    assert!(log.contains("set server.trusted_proxies = "), "{log}");
}

#[tokio::test]
async fn a_second_server_on_the_same_address_says_which_setting() {
    let served = Served::start("warn").await;
    let listen = format!("127.0.0.1:{}", served.port);
    let second = command(&["serve", "--listen", &listen], served.folder.path()).output();
    let second = second.expect("it runs");
    let said = String::from_utf8(second.stderr).expect("text");
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("server.listen = {listen} cannot be used")),
        "{said}"
    );
    assert!(
        said.contains("--listen") && said.contains("POSTERN__SERVER__LISTEN"),
        "{said}"
    );
    served.stops().await;
}

#[tokio::test]
async fn the_log_of_a_whole_sign_in_is_json_and_holds_no_secret_even_at_trace() {
    let served = Served::start("trace").await;
    let root = fs::read_to_string(served.folder.path().join("root.secret")).expect("text");
    let mut surfer = Surfer::new(&served.issuer);
    let (code, tokens) = served.sign_in(&mut surfer).await;
    let next = served.refresh(&tokens["refresh_token"]).await.json();
    let access = tokens["access_token"].as_str().expect("a token");
    let userinfo = surfer::client()
        .get(format!("{}/userinfo", served.issuer))
        .bearer_auth(access);
    assert_eq!(surfer::answer(userinfo).await.status, 200);
    // What is refused is logged with more care than what goes well.
    let broken = Value::from(format!("{}x", next["refresh_token"].as_str().expect("a token")));
    assert_eq!(served.refresh(&broken).await.status, 400);
    let cookies: Vec<_> = surfer.cookies.values().cloned().collect();
    let log = served.stops().await;

    assert!(log.lines().count() > 20, "there is a log to look at:\n{log}");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(
            line["level"].is_string() && line["timestamp"].is_string(),
            "{line}"
        );
    }
    let mut secrets = vec![
        PASSWORD.to_owned(),
        encode(&[("password", PASSWORD)]),
        VERIFIER.to_owned(),
    ];
    secrets.extend([code, root.trim().to_owned()]);
    for name in ["access_token", "refresh_token", "id_token"] {
        secrets.extend(
            [&tokens, &next]
                .iter()
                .filter_map(|tokens| Some(tokens[name].as_str()?.to_owned())),
        );
    }
    assert!(
        cookies.iter().all(|cookie| cookie.len() >= 22) && !cookies.is_empty(),
        "{cookies:?}"
    );
    secrets.extend(cookies);
    assert!(secrets.len() >= 11, "{secrets:?}");
    for secret in secrets {
        // The beginning says only what it is; the part that is hard to guess must not be there either.
        let tail = &secret[secret.len() - secret.len().min(16)..];
        assert!(!log.contains(tail), "{secret} in the log:\n{log}");
    }
    // Nor the bytes of the root secret in another form.
    let bytes = Base64UrlUnpadded::decode_vec(root.trim().trim_start_matches("pst_root_")).expect("base64");
    assert!(!log.contains(&format!("{bytes:?}")));
}
