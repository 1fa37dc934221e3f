//! An encrypted way to the database, and a password that is printed nowhere.

use std::{fs, path::PathBuf};

use postern::store::{
    db::{Db, Statement},
    migrate,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::task::spawn_blocking;

use super::location;
use crate::harness::postgres::{Cluster, PASSWORD, give};

/// A server with a certificate for `name`, and the file of its authority.
struct Encrypted {
    cluster: Cluster,
    authority: PathBuf,
    _folder: tempfile::TempDir,
}

impl Encrypted {
    async fn start(name: &'static str) -> Option<Self> {
        let start = move || {
            let folder = tempfile::tempdir().expect("a folder");
            let authority = authority();
            let key = KeyPair::generate().expect("a key");
            let params = CertificateParams::new([name.to_owned()]).expect("a name");
            let certificate = params.signed_by(&key, &authority).expect("signed");
            let furnish = |folder: &std::path::Path| {
                for (file, text) in [
                    ("server.crt", certificate.pem()),
                    ("server.key", key.serialize_pem()),
                ] {
                    fs::write(folder.join(file), text).expect("written");
                    give(&folder.join(file));
                }
            };
            // From its folder of data.
            let settings = [
                "ssl=on",
                "ssl_cert_file=../server.crt",
                "ssl_key_file=../server.key",
            ];
            let cluster = Cluster::start_furnished(&settings, furnish)?;
            let file = folder.path().join("authority.crt");
            fs::write(&file, authority.pem()).expect("written");
            Some(Self {
                cluster,
                authority: file,
                _folder: folder,
            })
        };
        spawn_blocking(start).await.expect("it starts")
    }

    fn url(&self, host: &str, parameters: &str) -> String {
        let url = self.cluster.url("postgres").replace("127.0.0.1", host);
        format!("{url}?{parameters}")
    }

    fn verified(&self, host: &str) -> String {
        let parameters = format!("sslmode=verify-full&sslrootcert={}", self.authority.display());
        self.url(host, &parameters)
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// Whether a connection is encrypted; or why there is none.
async fn is_encrypted(url: &str) -> Result<bool, String> {
    const ENCRYPTED: Statement<(), (bool,)> =
        Statement::new("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    let location = location(url);
    // The other way to the server, which takes part in every start.
    migrate::plan(&location)
        .await
        .map_err(|error| error.to_string())?;
    let db = Db::open(&location).await.map_err(|error| error.to_string())?;
    let row = db.read(ENCRYPTED, ()).await.expect("read");
    for printed in [format!("{db:?}"), format!("{location:?}"), location.to_string()] {
        assert!(!printed.contains(PASSWORD), "{printed}");
    }
    Ok(row.expect("a row").0)
}

#[tokio::test]
async fn the_certificate_is_checked_and_the_authority_is_named_in_the_url() {
    let Some(server) = Encrypted::start("localhost").await else {
        return;
    };
    assert_eq!(is_encrypted(&server.verified("localhost")).await, Ok(true));
    assert_eq!(
        is_encrypted(&server.url("localhost", "sslmode=require")).await,
        Ok(true)
    );
    assert_eq!(
        is_encrypted(&server.url("localhost", "sslmode=disable")).await,
        Ok(false)
    );

    let unknown = server.url("localhost", "sslmode=verify-full");
    let stranger = tempfile::NamedTempFile::new().expect("a file");
    fs::write(stranger.path(), authority().pem()).expect("written");
    let other = format!("{unknown}&sslrootcert={}", stranger.path().display());
    for url in [unknown, other, server.verified("127.0.0.1")] {
        let error = is_encrypted(&url).await.expect_err("refused");
        assert!(error.contains("invalid peer certificate"), "{error}");
        assert!(error.contains("sslrootcert=FILE in database.url"), "{error}");
        assert!(!error.contains(PASSWORD), "{error}");
    }
}

#[tokio::test]
async fn a_server_without_a_certificate_is_refused_where_one_is_asked_for() {
    let Some(cluster) = super::cluster(&["fsync=off"]).await else {
        return;
    };
    let error = is_encrypted(&format!("{}?sslmode=verify-full", cluster.url("postgres"))).await;
    let error = error.expect_err("refused");
    assert!(
        error.contains("does not support TLS; set ssl = on in the server"),
        "{error}"
    );
    let wrong = cluster.url("postgres").replace(PASSWORD, "pa55word");
    let error = is_encrypted(&wrong).await.expect_err("refused");
    assert!(error.contains("password authentication failed"), "{error}");
    assert!(!error.contains("pa55word"), "{error}");
}
