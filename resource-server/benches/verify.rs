//! What verifying costs: `cargo bench -p postern-resource-server --bench verify [ROUNDS]`.
//!
//! The bare verification is what nobody can leave out: one ES256 signature of the same length, checked by the library. It is
//! run in turn with the others, so that neighbours on the machine slow all of them down; medians of the rounds. The issuer is
//! on a real socket, and tells of 100,000 ended sessions, as long as each lookup looks there too.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures time, and its tokens are good now"
)]

#[path = "../tests/it/harness/signer.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod signer;

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64ct::{Base64UrlUnpadded, Encoding};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use postern_resource_server::{Expected, Follow, KeySet, Postern, Presented, StreamHealth, validate};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::signer::{Signer, base64};

const AUDIENCE: &str = "https://notes.example.com";
/// Verifications of a signature in a round.
const SLOW: usize = 2_000;
/// Lookups in a round.
const FAST: usize = 100_000;
const ENDED: usize = 100_000;

fn main() {
    let rounds = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(5_usize);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let signer = Signer::new("k1");
    let issuer = runtime.block_on(serve(&signer));
    let before = resident();
    let (plain, following, second) = runtime.block_on(async {
        let discover = || Postern::discover(&issuer, AUDIENCE);
        let plain = discover().await.unwrap();
        let following = discover()
            .follow(Follow::as_client("api", "secret"))
            .await
            .unwrap();
        while !matches!(following.health().revocations, StreamHealth::Up { .. }) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        (plain, following, discover().await.unwrap())
    });
    println!(
        "resident with {ENDED} ended ids: {} KiB more, the issuer's own of this process with them",
        resident() - before
    );

    let bench = Bench::new(signer, issuer);
    let mut figures: Vec<(&str, Vec<f64>)> = Vec::new();
    let mut note = |name, figure| match figures.iter_mut().find(|(known, _)| *known == name) {
        Some((_, all)) => all.push(figure),
        None => figures.push((name, vec![figure])),
    };
    for _ in 0..rounds {
        note("bare ES256 verification", bench.bare());
        note("cold: validate, a pure function", bench.pure());
        note("cold: authenticate, each token once", bench.cold(&plain));
        note("cold, following the stream", bench.cold(&following));
        note("warm: the same token again", bench.warm(&plain, FAST));
        note("warm, following the stream", bench.warm(&following, FAST));
        note(
            "DPoP: the same token, each with a new proof",
            bench.dpop(&following),
        );
        let (each_own, shared) = ([&plain, &second], [&plain; 2]);
        note("two threads at once, an API each", bench.at_once(each_own, false));
        note("two threads, one API, one token", bench.at_once(shared, false));
        note("two threads, one API, many tokens", bench.at_once(shared, true));
    }
    let bare = median(&figures[0].1);
    println!("{:<48} {:>10} {:>12}", "", "median", "of the bare");
    for (name, all) in &figures {
        let one = median(all);
        println!("{name:<48} {:>7.2} µs {:>12.2}", one, one / bare);
    }
}

struct Bench {
    signer: Signer,
    issuer: String,
    bound_to: Signer,
    warm: HeaderMap,
    many: Vec<HeaderMap>,
    next: AtomicU64,
}

impl Bench {
    fn new(signer: Signer, issuer: String) -> Self {
        let mut bench = Self {
            signer,
            issuer,
            bound_to: Signer::new("app"),
            warm: HeaderMap::new(),
            many: Vec::new(),
            next: AtomicU64::new(0),
        };
        bench.warm = bearer(&bench.token(None));
        bench.many = (0..1000).map(|_| bearer(&bench.token(None))).collect();
        bench
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A new one, as Postern's are.
    fn token(&self, cnf: Option<Value>) -> String {
        let (n, now) = (self.number(), now());
        let mut claims = json!({
            "iss": self.issuer, "sub": "019ab2c4-7f00-7000-8000-0123456789ab", "aud": AUDIENCE, "client_id": "notes-app",
            "scope": "openid profile notes:read notes:write", "sid": format!("019ab2c4-7f00-7000-8000-{n:012x}"),
            "jti": base64(&u128::from(n).to_be_bytes()), "iat": now, "exp": now + 3600, "auth_time": now, "acr": "1",
            "amr": ["pwd"],
        });
        claims["cnf"] = cnf.unwrap_or_default();
        if claims["cnf"].is_null() {
            claims.as_object_mut().unwrap().remove("cnf");
        }
        self.signer.token(&claims)
    }

    /// Microseconds for each; each token once, like those that it is compared with.
    fn bare(&self) -> f64 {
        let jwk = self.signer.jwk();
        let point =
            [&jwk["x"], &jwk["y"]].map(|part| Base64UrlUnpadded::decode_vec(part.as_str().unwrap()).unwrap());
        let point = [vec![4], point.concat()].concat();
        let tokens: Vec<String> = (0..SLOW).map(|_| self.token(None)).collect();
        let parts = tokens.iter().map(|token| {
            let (signed, signature) = token.rsplit_once('.').unwrap();
            (
                signed.as_bytes(),
                Base64UrlUnpadded::decode_vec(signature).unwrap(),
            )
        });
        let parts: Vec<_> = parts.collect();
        time(SLOW, |n| {
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, black_box(&point));
            key.verify(parts[n].0, &parts[n].1).unwrap();
        })
    }

    fn pure(&self) -> f64 {
        let keys = KeySet::from_jwks(json!({ "keys": [self.signer.jwk()] }).to_string()).unwrap();
        let (token, expected, now) = (self.token(None), Expected::new(&self.issuer, AUDIENCE), now());
        time(SLOW, |_| {
            validate(&Presented::bearer(black_box(&token)), &keys, &expected, now).unwrap();
        })
    }

    fn cold(&self, postern: &Postern) -> f64 {
        let requests: Vec<HeaderMap> = (0..SLOW).map(|_| bearer(&self.token(None))).collect();
        time(SLOW, |n| ask(postern, &requests[n]))
    }

    fn warm(&self, postern: &Postern, times: usize) -> f64 {
        ask(postern, &self.warm);
        time(times, |_| ask(postern, black_box(&self.warm)))
    }

    fn dpop(&self, postern: &Postern) -> f64 {
        let jwk = self.bound_to.jwk();
        let (x, y) = (jwk["x"].as_str().unwrap(), jwk["y"].as_str().unwrap());
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let sha256 = |text: &str| base64(digest(&SHA256, text.as_bytes()).as_ref());
        let token = self.token(Some(json!({ "jkt": sha256(&canonical) })));
        let ath = sha256(&token);
        let proof_header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": { "kty": "EC", "crv": "P-256", "x": x, "y": y } });
        let requests: Vec<HeaderMap> = (0..SLOW)
            .map(|_| {
                let claims = json!({
                    "jti": self.number().to_string(), "htm": "GET", "htu": format!("{AUDIENCE}/notes"), "iat": now(), "ath": ath,
                });
                let proof = self.bound_to.sign(&proof_header.to_string(), &claims.to_string());
                let mut headers = HeaderMap::new();
                headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("DPoP {token}")).unwrap());
                headers.insert("dpop", HeaderValue::try_from(proof).unwrap());
                headers
            })
            .collect();
        time(SLOW, |n| ask(postern, &requests[n]))
    }

    /// Each of two threads as long with one API as with one each, if nothing serialises.
    fn at_once(&self, apis: [&Postern; 2], many: bool) -> f64 {
        let of = |n: usize| {
            if many {
                &self.many[n % self.many.len()]
            } else {
                &self.warm
            }
        };
        for api in apis {
            (0..self.many.len()).for_each(|n| ask(api, of(n)));
        }
        thread::scope(|scope| {
            let both = [(apis[0], 0), (apis[1], 500)];
            let both = both.map(|(api, ahead)| scope.spawn(move || time(FAST, |n| ask(api, of(n + ahead)))));
            let took = both.map(|one| one.join().unwrap());
            took.into_iter().sum::<f64>() / 2.0
        })
    }
}

fn ask(postern: &Postern, headers: &HeaderMap) {
    let uri = Uri::from_static("/notes");
    let answer = postern.authenticate(&Method::GET, &uri, headers);
    // Nothing is waited for: the keys are there and the stream is up.
    let mut answer = std::pin::pin!(answer);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match answer.as_mut().poll(&mut context) {
        std::task::Poll::Ready(token) => drop(black_box(token.unwrap())),
        std::task::Poll::Pending => panic!("it waits"),
    }
}

fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}

fn time(times: usize, each: impl Fn(usize)) -> f64 {
    let began = Instant::now();
    (0..times).for_each(each);
    began.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(times).unwrap())
}

fn median(all: &[f64]) -> f64 {
    let mut all = all.to_vec();
    all.sort_unstable_by(f64::total_cmp);
    all[all.len() / 2]
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

/// An issuer with 100,000 ended sessions, and a heartbeat every two seconds.
async fn serve(signer: &Signer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let metadata = json!({
        "issuer": url, "jwks_uri": format!("{url}/jwks"), "token_endpoint": format!("{url}/token"),
        "introspection_endpoint": format!("{url}/introspect"), "revocation_stream_endpoint": format!("{url}/revocations"),
    });
    let jwks = json!({ "keys": [signer.jwk()] });
    let told = async |State(value): State<Arc<Value>>| Json(Value::clone(&value));
    let router = Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(told).with_state(Arc::new(metadata)),
        )
        .route("/jwks", get(told).with_state(Arc::new(jwks)))
        .route(
            "/token",
            post(async || Json(json!({ "access_token": "own", "expires_in": 100_000 }))),
        )
        .route(
            "/revocations",
            get(async || Body::from_stream(stream::unfold(0, next))),
        );
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn next(at: usize) -> Option<(Result<Bytes, Infallible>, usize)> {
    let polled_at = now() * 1000;
    let said = match at {
        0 => format!("event: snapshot\ndata: {{\"count\":{ENDED}}}\n\n"),
        at if at <= ENDED / 500 => {
            let one = |n: usize| {
                let id = format!("019ab2c4-7f00-7000-9000-{n:012x}");
                json!({ "kind": "session", "id": id, "issued_before": now(), "until": now() + 3600 })
            };
            let all: Vec<Value> = (at * 500..(at + 1) * 500).map(one).collect();
            format!("event: revoked\ndata: {}\n\n", json!({ "revocations": all }))
        }
        at if at == ENDED / 500 + 1 => format!("event: complete\ndata: {{\"polled_at\":{polled_at}}}\n\n"),
        _ => {
            tokio::time::sleep(Duration::from_secs(2)).await;
            format!("event: heartbeat\ndata: {{\"polled_at\":{}}}\n\n", now() * 1000)
        }
    };
    Some((Ok(said.into()), at + 1))
}
