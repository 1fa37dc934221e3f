//! Refreshes beside the bare floor, in one process, over loopback: `cargo bench --bench refresh [SECONDS [DEVICES]]`.
//! With `POSTERN_BENCH_POSTGRES=URL` of an empty database, on PostgreSQL too.
//!
//! The floor is what nobody can leave out: HTTP, a form, a MAC, one row made durable with a group commit, one ES256
//! signature. Its rows go through a thread of its own with `SQLx`'s connection (which has another thread behind it).
//! With DPoP each request brings a proof, whose signature the load generator makes and the server verifies; the budget is
//! 0.45 of the floor.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{self, KeyPair as _},
};
use axum::{Form, Router, extract::State, routing::post};
use base64ct::{Base64UrlUnpadded, Encoding};
use postern::{
    app::{App, Surroundings},
    base::{
        digest::Digest,
        entropy::Entropy,
        id::{BrowserSessionId, ClientId, DeviceSessionId, UserId},
        time::{Clock, Lifetime},
    },
    config::{Config, Overrides},
    domain::{
        authorization_details::AuthorizationDetails,
        browser_session::{Authentication, BrowserSession},
        claims::AskedClaims,
        client::{ClientKind, ClientSettings},
        device_session::{Grant, Life},
        event::{Event, Subject},
        password::Password,
        refresh_token::{Generation, Handle, RefreshToken},
    },
    flows::{Provider, account, clients},
    server,
    store::{
        browser_sessions::OpenBrowserSession,
        device_sessions::{Allow, RedeemCode},
    },
};
use sqlx::{ConnectOptions, Executor, SqlSafeStr, sqlite};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};

/// An odd number, for its median.
const ROUNDS: usize = 5;
/// The threads of the load generator, whose CPU time is not the server's.
const LOAD: &str = "load";

/// One of those that are compared.
struct Contestant {
    name: &'static str,
    address: SocketAddr,
    devices: Vec<Device>,
    rounds: Vec<(f64, f64)>,
}

/// A device at work.
struct Device {
    /// What it sends next.
    body: String,
    /// What it proves with, if it does.
    prover: Option<Prover>,
}

impl From<String> for Device {
    fn from(body: String) -> Self {
        Self { body, prover: None }
    }
}

/// A key, and what its proofs are made for.
struct Prover {
    pair: signature::EcdsaKeyPair,
    header: String,
    thumbprint: Digest,
    url: String,
    clock: Clock,
    made: u64,
}

impl Prover {
    fn new(p: &Provider) -> Self {
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = signature::EcdsaKeyPair::generate(algorithm).expect("a key");
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (
            Base64UrlUnpadded::encode_string(x),
            Base64UrlUnpadded::encode_string(y),
        );
        let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let header = format!(r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{jwk}}}"#);
        Self {
            pair,
            header: Base64UrlUnpadded::encode_string(header.as_bytes()),
            thumbprint: Digest::of(jwk.as_bytes()),
            url: p.issuer.at("/token"),
            clock: p.clock.clone(),
            made: 0,
        }
    }

    fn proof(&mut self) -> String {
        self.made += 1;
        let (iat, url, jti) = (self.clock.now().seconds(), &self.url, self.made);
        let claims = format!(r#"{{"jti":"jti-{jti:016}","htm":"POST","htu":"{url}","iat":{iat}}}"#);
        let mut proof = format!(
            "{}.{}",
            self.header,
            Base64UrlUnpadded::encode_string(claims.as_bytes())
        );
        let signature = self
            .pair
            .sign(&SystemRandom::new(), proof.as_bytes())
            .expect("signed");
        proof.push('.');
        proof.push_str(&Base64UrlUnpadded::encode_string(signature.as_ref()));
        proof
    }
}

impl Contestant {
    fn new(name: &'static str, config: &Config, (router, devices): (Router, Vec<Device>)) -> Self {
        Self {
            name,
            address: listen(router, config),
            devices,
            rounds: Vec::new(),
        }
    }

    /// The round whose rate is in the middle.
    fn median(&mut self) -> (f64, f64) {
        self.rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.rounds[self.rounds.len() / 2]
    }
}

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().filter_map(|word| word.parse().ok());
    let seconds = numbers.next().unwrap_or(4);
    let devices = numbers
        .next()
        .map_or(16, |devices| usize::try_from(devices).expect("a few"));
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::defaults(folder.path()).expect("the defaults");
    let bodies = (0..devices)
        .map(|n| format!("device={n}&mac={}", hex(&tag(n))).into())
        .collect();
    let mut all = vec![
        Contestant::new("floor", &config, (floor(folder.path()).await, bodies)),
        Contestant::new("SQLite", &config, postern(&config, devices, false).await),
    ];
    let bound_folder = tempfile::tempdir().expect("a folder");
    let bound_config = Config::defaults(bound_folder.path()).expect("the defaults");
    let bound = postern(&bound_config, devices, true).await;
    all.push(Contestant::new("SQLite with DPoP", &bound_config, bound));
    #[expect(clippy::disallowed_methods, reason = "the one setting of a benchmark")]
    let url = std::env::var("POSTERN_BENCH_POSTGRES");
    if let Ok(url) = url {
        let variables = [("POSTERN__DATABASE__URL".to_owned(), url)];
        let config =
            Config::load(folder.path(), None, variables, &Overrides::default()).expect("a right URL");
        all.push(Contestant::new(
            "PostgreSQL",
            &config,
            postern(&config, devices, false).await,
        ));
    }
    for _ in 0..ROUNDS {
        for one in &mut all {
            let figures = measure(one.address, &mut one.devices, seconds).await;
            one.rounds.push(figures);
        }
    }
    println!(
        "{devices} devices, {seconds} s each, median of {ROUNDS} in turn; CPU without the load generator's\n"
    );
    println!("| {devices} devices | rate | of the floor | server CPU a request | of the floor |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    let floor = all[0].median();
    for one in &mut all {
        let (rate, cpu) = one.median();
        println!(
            "| {} | {rate:.0}/s | {:.2} | {cpu:.1} µs | {:.2} |",
            one.name,
            rate / floor.0,
            cpu / floor.1
        );
    }
}

fn listen(router: Router, config: &Config) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let config = config.server.clone();
    tokio::spawn(async move { server::serve(listener, router, &config, std::future::pending()).await });
    address
}

/// Requests a second, and microseconds of server CPU for each.
async fn measure(address: SocketAddr, devices: &mut Vec<Device>, seconds: u64) -> (f64, f64) {
    let (count, given) = (Arc::new(AtomicU64::new(0)), std::mem::take(devices));
    let counter = Arc::clone(&count);
    let before = cpu_ms();
    let (done, result) = oneshot::channel();
    let load = async move {
        let devices = given
            .into_iter()
            .map(|one| device(address, one, Arc::clone(&counter), seconds));
        futures_util::future::join_all(devices).await
    };
    let thread = thread::Builder::new().name(LOAD.to_owned());
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        done.send(runtime.expect("a runtime").block_on(load))
    };
    thread.spawn(run).expect("a thread");
    *devices = result.await.expect("the load generator's end");
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let (count, cpu, seconds) = (
        count.load(Ordering::Relaxed) as f64,
        (cpu_ms() - before) as f64,
        seconds as f64,
    );
    (count / seconds, cpu * 1000.0 / count)
}

/// One device: asks, takes the next refresh token, asks again.
async fn device(address: SocketAddr, mut own: Device, counter: Arc<AtomicU64>, seconds: u64) -> Device {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.set_nodelay(true).expect("set");
    let stop = tokio::time::sleep(Duration::from_secs(seconds));
    let mut stop = std::pin::pin!(stop);
    let mut buffer = vec![0; 16 * 1024];
    while futures_util::FutureExt::now_or_never(stop.as_mut()).is_none() {
        let proof = own
            .prover
            .as_mut()
            .map_or_else(String::new, |prover| format!("DPoP: {}\r\n", prover.proof()));
        let request = format!(
            "POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             {proof}Content-Length: {}\r\n\r\n{}",
            own.body.len(),
            own.body
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut filled = 0;
        let answer = loop {
            filled += stream.read(&mut buffer[filled..]).await.expect("received");
            let text = std::str::from_utf8(&buffer[..filled]).expect("text");
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head
                .split_once("content-length: ")
                .and_then(|(_, rest)| rest.lines().next());
            if body.len() >= length.and_then(|length| length.parse().ok()).expect("a length") {
                break text;
            }
        };
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        if let Some((_, rest)) = answer.split_once("\"refresh_token\":\"") {
            let token = rest.split('"').next().expect("a token");
            own.body = format!("grant_type=refresh_token&client_id=notes&refresh_token={token}");
        }
        counter.fetch_add(1, Ordering::Relaxed);
    }
    own
}

/// The CPU time of every thread but the load generator's (proc(5): fields 14 and 15, in hundredths of a second).
fn cpu_ms() -> u64 {
    let threads = fs::read_dir("/proc/self/task").expect("threads").flatten();
    let stats = threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    let others = stats.filter(|stat| !stat.contains(&format!("({LOAD})")));
    others
        .map(|stat| {
            let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
            fields
                .skip(11)
                .take(2)
                .filter_map(|ticks| ticks.parse::<u64>().ok())
                .sum::<u64>()
                * 10
        })
        .sum()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn tag(device: usize) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    hmac::sign(&key, device.to_string().as_bytes()).as_ref().to_vec()
}

type Rows = mpsc::Sender<(usize, oneshot::Sender<()>)>;

struct Floor {
    key: signature::EcdsaKeyPair,
    rows: Rows,
}

async fn floor(folder: &std::path::Path) -> Router {
    let options = sqlite::SqliteConnectOptions::new()
        .filename(folder.join("floor.db"))
        .create_if_missing(true)
        .journal_mode(sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlite::SqliteSynchronous::Full)
        .disable_statement_logging();
    let mut connection = options.connect().await.expect("opened");
    let create = "CREATE TABLE devices (id INTEGER PRIMARY KEY, generation INTEGER NOT NULL) STRICT;
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
        INSERT INTO devices SELECT i, 1 FROM n";
    connection.execute(create).await.expect("made");
    let (rows, queue) = mpsc::channel::<(usize, oneshot::Sender<()>)>();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let mut texts = HashMap::new();
        while let Ok(first) = queue.recv() {
            let batch: Vec<_> = std::iter::once(first).chain(queue.try_iter()).collect();
            let text = texts.entry(batch.len()).or_insert_with(|| {
                let update = |n| format!("UPDATE devices SET generation = generation + 1 WHERE id = ${n}; ");
                let updates: String = (1..=batch.len()).map(update).collect();
                let text: Arc<str> = format!("BEGIN IMMEDIATE; {updates} COMMIT").into();
                sqlx::AssertSqlSafe(text).into_sql_str()
            });
            let mut query = sqlx::query(text.clone());
            for (device, _) in &batch {
                query = query.bind(i64::try_from(*device).expect("small"));
            }
            runtime.block_on(query.execute(&mut connection)).expect("durable");
            for (_, caller) in batch {
                let _ = caller.send(());
            }
        }
    });
    let key = signature::EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    Router::new()
        .route("/token", post(floor_token))
        .with_state(Arc::new(Floor { key, rows }))
}

async fn floor_token(State(floor): State<Arc<Floor>>, Form(form): Form<HashMap<String, String>>) -> String {
    let device: usize = form["device"].parse().expect("a number");
    assert_eq!(form["mac"], hex(&tag(device)));
    let (caller, durable) = oneshot::channel();
    floor.rows.send((device, caller)).expect("the writer lives");
    let signature = floor
        .key
        .sign(&SystemRandom::new(), &[b'x'; 400])
        .expect("signed");
    durable.await.expect("durable");
    hex(signature.as_ref())
}

/// Our server, and devices whose sessions are bound to keys, or are not.
async fn postern(config: &Config, devices: usize, with_dpop: bool) -> (Router, Vec<Device>) {
    let surroundings = Surroundings {
        clock: Clock::system(),
        entropy: Arc::new(Entropy::system()),
        environment: |_| None,
    };
    App::found(config, &surroundings).await.expect("founded");
    let app = App::open(config, surroundings).await.expect("opened");
    let p = &app.provider;
    let email = "alice@example.com".parse().expect("an address");
    let password = Password::chosen("tr0mbone lakes".to_owned(), &email).expect("good");
    let user = account::add(p, email.clone(), None, password)
        .await
        .expect("added")
        .id;
    let redirect = "http://127.0.0.1/callback";
    let settings = ClientSettings {
        redirect_uris: vec![redirect.parse().expect("valid")],
        scope: "openid offline_access".parse().expect("valid"),
        ..ClientSettings::new(ClientKind::Native)
    };
    let client = "notes".parse().expect("an id");
    let client = clients::add(p, client, "Notes".parse().expect("a name"), settings)
        .await
        .expect("added")
        .id;
    let (now, later) = (p.clock.now(), p.clock.now().plus(Lifetime::from_days(30)));
    let event = p.event(now, Subject::default(), Event::UserDisabled);
    let session = BrowserSession {
        id: BrowserSessionId::new(now, &p.entropy),
        user,
        email,
        authentication: Authentication::by_password(now),
        last_seen_at: now,
        expires_at: later,
    };
    let browser_session = session.id;
    let (label, cookie) = ("Firefox".to_owned(), Digest::of(b"cookie"));
    let open = OpenBrowserSession {
        session,
        label,
        cookie,
        password_version: 1,
        event,
    };
    assert!(p.db.write(open).await.expect("opened"));
    let mut all = Vec::new();
    for _ in 0..devices {
        let prover = with_dpop.then(|| Prover::new(p));
        all.push(new_device(p, user, &client, browser_session, prover).await);
    }
    (app.router(), all)
}

/// A session that was just redeemed: its first refresh.
async fn new_device(
    p: &Provider,
    user: UserId,
    client: &ClientId,
    browser_session: BrowserSessionId,
    prover: Option<Prover>,
) -> Device {
    let (now, later) = (p.clock.now(), p.clock.now().plus(Lifetime::from_days(30)));
    let event = p.event(now, Subject::default(), Event::UserDisabled);
    let (id, handle) = (DeviceSessionId::new(now, &p.entropy), Handle::new(&p.entropy));
    let (code, challenge) = (Digest::of(b"code"), Digest::of(b"verifier"));
    let grant = Grant {
        scope: "openid offline_access".parse().expect("valid"),
        resource: None,
        resources: Vec::new(),
        authorization_details: AuthorizationDetails::default(),
        claims: AskedClaims::default(),
        nonce: None,
        auth_time: now,
        acr: "aal1".to_owned(),
        amr: vec!["pwd".to_owned()],
        proved: false,
    };
    let allow = Allow {
        id,
        user,
        client: client.clone(),
        browser_session,
        origin: Some(browser_session),
        life: Life::Own,
        grant,
        key: None,
        code,
        code_expires_at: later,
        redirect_uri: "http://127.0.0.1/callback".to_owned(),
        challenge,
        device: "Firefox".to_owned(),
        now,
        expires_at: later,
        consent: None,
        pushed_request: None,
    };
    assert!(p.db.write(allow).await.expect("allowed"));
    let redeem = RedeemCode {
        id,
        code,
        client: client.clone(),
        redirect_uri: None,
        challenge,
        key: prover.as_ref().map(|prover| prover.thumbprint),
        binds: prover.as_ref().map(|prover| prover.thumbprint),
        handle: handle.digest(),
        device_secret: None,
        now,
        event: event.id,
        address: None,
        app_version: None,
    };
    p.db.write(redeem).await.expect("answered").expect("redeemed");
    let generation = Generation::FIRST;
    let token = RefreshToken {
        session: id,
        handle,
        generation,
    };
    let token = p.keys.load().mac.encode(&token);
    let body = format!(
        "grant_type=refresh_token&client_id=notes&refresh_token={}",
        token.expose()
    );
    Device { body, prover }
}
