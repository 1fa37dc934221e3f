//! Keys that a client has at a place of its own: fetched with limits, kept for a while, and never from where only the
//! server can reach.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use postern::domain::client::{AuthMethod, ClientKind};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use super::{Key, Proof, Site, refused, register};
use crate::harness::Postern;

/// An https server of a client's own.
pub(crate) struct Place {
    pub(crate) port: u16,
    pub(crate) pem: String,
    answer: Arc<Mutex<Vec<u8>>>,
    /// How many connections came, and how many requests.
    asked: Arc<(AtomicUsize, AtomicUsize)>,
}

impl Place {
    pub(crate) async fn start() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("the certificate and its key belong together");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let place = Self {
            port: listener.local_addr().expect("an address").port(),
            pem: made.cert.pem(),
            answer: Arc::default(),
            asked: Arc::default(),
        };
        let (tls, answer, asked) = (
            TlsAcceptor::from(Arc::new(config)),
            Arc::clone(&place.answer),
            Arc::clone(&place.asked),
        );
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                asked.0.fetch_add(1, Ordering::SeqCst);
                let (tls, answer, asked) = (tls.clone(), Arc::clone(&answer), Arc::clone(&asked));
                tokio::spawn(async move {
                    let mut stream = tls.accept(stream).await?;
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await?;
                    asked.1.fetch_add(1, Ordering::SeqCst);
                    let answer = answer.lock().expect("no panic").clone();
                    stream.write_all(&answer).await?;
                    stream.shutdown().await
                });
            }
        });
        place
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/jwks.json", self.port)
    }

    pub(crate) fn requests(&self) -> usize {
        self.asked.1.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.asked.0.load(Ordering::SeqCst)
    }

    pub(crate) fn says(&self, status: &str, headers: &str, body: &str) {
        let text = format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\n\r\n{body}");
        *self.answer.lock().expect("no panic") = text.into_bytes();
    }

    pub(crate) fn has(&self, keys: &[&Key]) {
        let keys: Vec<_> = keys.iter().map(|key| key.public()).collect();
        self.says(
            "200 OK",
            "content-type: application/json\r\n",
            &json!({ "keys": keys }).to_string(),
        );
    }
}

/// A server that may reach this machine, and trusts the place.
pub(crate) async fn trusting(place: &Place, file: &Path) -> Postern {
    std::fs::write(file, &place.pem).expect("written");
    Postern::start_with(|config| {
        config.outbound.allow = "127.0.0.0/8, ::1".parse().expect("networks");
        config.outbound.certificates = Some(file.to_owned());
        config.limits.token_failures.burst = 1000;
    })
    .await
}

async fn with_keys_at<'a>(postern: &'a Postern, id: &'static str, url: &str, key: Key) -> Site<'a> {
    register(postern, id, ClientKind::Service, |settings| {
        settings.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
        settings.jwks_uri = Some(url.parse().expect("an https URL"));
    })
    .await;
    let proof = Proof::Key(key);
    Site { postern, id, proof }
}

#[tokio::test]
async fn keys_are_fetched_kept_and_fetched_again_when_one_is_new() {
    let place = Place::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let postern = trusting(&place, &folder.path().join("ca.pem")).await;
    let mut site = with_keys_at(&postern, "worker", &place.url(), Key::es256("one")).await;
    place.has(&[site.key()]);
    for _ in 0..5 {
        let answer = site.own_token().await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert_eq!(place.requests(), 1, "kept");

    // The client has a new key. Unknown names cost one request in ten seconds, whoever makes them up.
    let old = std::mem::replace(&mut site.proof, Proof::Key(Key::es256("two")));
    place.has(&[site.key()]);
    refused(&site.own_token().await, 401, "invalid_client");
    assert_eq!(place.requests(), 1);
    postern.advance("10s");
    assert_eq!(site.own_token().await.status, 200);
    assert_eq!(place.requests(), 2);
    let Proof::Key(old) = old else { panic!("a key") };
    for _ in 0..5 {
        let assertion = old.assertion(&postern, "worker");
        let form = [("grant_type", "client_credentials")];
        refused(
            &site.assert("/token", &assertion, &form).await,
            401,
            "invalid_client",
        );
    }
    assert_eq!(place.requests(), 2);

    // Known names are asked for anew after ten minutes, and while nobody answers the old keys stay for a day.
    postern.advance("10m");
    assert_eq!(site.own_token().await.status, 200);
    assert_eq!(place.requests(), 3);
    place.says("503 Service Unavailable", "", "");
    for hours in ["1h", "22h"] {
        postern.advance(hours);
        assert_eq!(site.own_token().await.status, 200, "{hours}");
    }
    postern.advance("2h");
    refused(&site.own_token().await, 401, "invalid_client");
    postern.advance("10s");
    place.has(&[site.key()]);
    assert_eq!(site.own_token().await.status, 200);
}

#[tokio::test]
async fn many_at_once_share_one_fetch() {
    let place = Place::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let postern = trusting(&place, &folder.path().join("ca.pem")).await;
    let site = with_keys_at(&postern, "worker", &place.url(), Key::es256("k")).await;
    place.has(&[site.key()]);
    let answers = futures_util::future::join_all((0..16).map(|_| site.own_token())).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(place.requests(), 1);
}

#[tokio::test]
async fn the_server_reaches_nothing_that_only_it_can_reach() {
    let place = Place::start().await;
    // The default: the public internet only.
    let postern = Postern::start().await;
    for (id, url) in [
        ("a", format!("https://127.0.0.1:{}/", place.port)),
        ("b", format!("https://localhost:{}/", place.port)),
        ("c", format!("https://[::1]:{}/", place.port)),
        ("d", format!("https://[::ffff:127.0.0.1]:{}/", place.port)),
        ("e", format!("https://0x7f000001:{}/", place.port)),
        ("f", format!("https://2130706433:{}/", place.port)),
        ("g", format!("https://0.0.0.0:{}/", place.port)),
        ("h", "https://169.254.169.254/latest/meta-data".to_owned()),
    ] {
        let site = with_keys_at(&postern, id, &url, Key::es256("k")).await;
        place.has(&[site.key()]);
        refused(&site.own_token().await, 401, "invalid_client");
    }
    assert_eq!(place.connections(), 0);
    for url in [
        "http://app.example/jwks",
        "file:///etc/passwd",
        "https://a@app.example/",
        "https:///x#y",
    ] {
        assert!(url.parse::<postern::base::url::HttpsUrl>().is_err(), "{url}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_plainly_a_key_set_is_none() {
    let place = Place::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let postern = trusting(&place, &folder.path().join("ca.pem")).await;
    let site = with_keys_at(&postern, "worker", &place.url(), Key::es256("k")).await;
    let keys = json!({ "keys": [site.key().public()] }).to_string();
    let location = format!("location: https://localhost:{}/other\r\n", place.port);
    let padded = format!("{}{keys}", " ".repeat(64 * 1024));
    for (status, headers, body) in [
        ("302 Found", location.as_str(), keys.as_str()),
        ("404 Not Found", "", &keys),
        ("204 No Content", "", ""),
        ("200 OK", "", "{}"),
        ("200 OK", "", "<html>"),
        ("200 OK", "", &padded),
        ("200 OK", "content-encoding: gzip\r\n", "\u{1f}\u{8b}"),
        ("200 OK", "content-length: 100000\r\n", &keys),
    ] {
        place.says(status, headers, body);
        let before = place.requests();
        refused(&site.own_token().await, 401, "invalid_client");
        assert_eq!(
            place.requests(),
            before + 1,
            "{status}: asked once, and nowhere else"
        );
        postern.advance("10s");
    }
    place.has(&[site.key()]);
    assert_eq!(site.own_token().await.status, 200);
}

#[tokio::test]
async fn a_place_that_nobody_vouches_for_is_not_believed() {
    let (place, other) = (Place::start().await, Place::start().await);
    let folder = tempfile::tempdir().expect("a folder");
    let postern = trusting(&other, &folder.path().join("ca.pem")).await;
    let site = with_keys_at(&postern, "worker", &place.url(), Key::es256("k")).await;
    place.has(&[site.key()]);
    refused(&site.own_token().await, 401, "invalid_client");
    assert_eq!((place.connections(), place.requests()), (1, 0));
}
