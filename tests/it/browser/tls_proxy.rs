//! TLS in front of a plain server, so that a journey can have a public URL with `https`.
//!
//! It ends TLS and copies bytes; no header is added or changed.

use std::{net::SocketAddr, sync::Arc};

use rcgen::{CertifiedKey, KeyPair};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// A listener whose address is known before the server behind it is: the server wants its public URL
/// at its start.
pub(crate) struct TlsProxy {
    listener: TcpListener,
    port: u16,
    made: CertifiedKey<KeyPair>,
}

impl TlsProxy {
    pub(crate) async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        Self { listener, port, made }
    }

    /// Its certificate (PEM), for those who check it.
    pub(crate) fn certificate(&self) -> String {
        self.made.cert.pem()
    }

    /// The public URL, without a slash at its end.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Serves until the test's runtime ends.
    pub(crate) fn forward_to(self, upstream: SocketAddr) {
        let tls = acceptor(&self.made);
        tokio::spawn(async move {
            while let Ok((stream, _)) = self.listener.accept().await {
                tokio::spawn(pipe(tls.clone(), stream, upstream));
            }
        });
    }
}

async fn pipe(tls: TlsAcceptor, stream: TcpStream, upstream: SocketAddr) -> std::io::Result<()> {
    let mut outside = tls.accept(stream).await?;
    let mut inside = TcpStream::connect(upstream).await?;
    copy_bidirectional(&mut outside, &mut inside).await?;
    Ok(())
}

fn acceptor(made: &CertifiedKey<KeyPair>) -> TlsAcceptor {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("the certificate and its key belong together");
    TlsAcceptor::from(Arc::new(config))
}
