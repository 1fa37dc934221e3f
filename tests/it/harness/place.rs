//! An https server of somebody else, which the server asks or tells something.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use postern::config::Config;
use tempfile::TempDir;
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

use super::Postern;

/// It answers every request in the same way.
pub(crate) struct Place {
    pub(crate) port: u16,
    /// With its certificate, for those who trust it.
    folder: TempDir,
    answer: Arc<Mutex<Vec<u8>>>,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
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
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), made.cert.pem()).expect("written");
        let place = Self {
            port: listener.local_addr().expect("an address").port(),
            folder,
            answer: Arc::default(),
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let (tls, answer) = (TlsAcceptor::from(Arc::new(config)), Arc::clone(&place.answer));
        let (connections, requests) = (Arc::clone(&place.connections), Arc::clone(&place.requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (tls, answer, requests) = (tls.clone(), Arc::clone(&answer), Arc::clone(&requests));
                tokio::spawn(async move {
                    let mut stream = tls.accept(stream).await?;
                    let request = read(&mut stream).await?;
                    requests.lock().expect("no panic").push(request);
                    let answer = answer.lock().expect("no panic").clone();
                    stream.write_all(&answer).await?;
                    stream.shutdown().await
                });
            }
        });
        place
    }

    /// A server that may reach this machine, and trusts the place.
    pub(crate) async fn trusted_by_a_server(&self) -> Postern {
        Postern::start_with(|config| self.trusted(config)).await
    }

    /// Settings of a server that may reach this machine, and trusts the place.
    pub(crate) fn trusted(&self, config: &mut Config) {
        config.outbound.allow = "127.0.0.0/8, ::1".parse().expect("networks");
        config.outbound.certificates = Some(self.folder.path().join("ca.pem"));
        config.limits.token_failures.burst = 1000;
    }

    /// Where it is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> usize {
        self.requests.lock().expect("no panic").len()
    }

    /// The requests since they were last taken, as they were sent.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().expect("no panic"))
    }

    /// How many connections came.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// What it answers from now on.
    pub(crate) fn says(&self, status: &str, headers: &str, body: &str) {
        let text = format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\n\r\n{body}");
        *self.answer.lock().expect("no panic") = text.into_bytes();
    }
}

/// A request, as far as its length says.
async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<String> {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    loop {
        let read = stream.read(&mut bytes).await?;
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let lines = head.lines().map(str::to_ascii_lowercase);
        let mut lengths =
            lines.filter_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if read == 0 || body.len() >= lengths.next().unwrap_or(0) {
            return Ok(text);
        }
    }
}
