//! `PgBouncer` before the server, in session mode.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use postern::store::{
    db::{Location, PostgresOptions},
    migrate,
};
use tempfile::TempDir;

use super::{
    DATABASE,
    asked::{Asked, Fails, start},
    cluster, options,
};
use crate::harness::{
    ALICE, free_port,
    postgres::{Cluster, PASSWORD, Server, USER, as_server, env_is, give, program},
};

/// A `PgBouncer`, stopped until it is run.
struct Bouncer {
    folder: TempDir,
    port: u16,
    running: Option<Server>,
}

impl Bouncer {
    /// Nothing where it is not installed, which is said.
    fn before(cluster: &Cluster) -> Option<Self> {
        if bouncer().is_none() {
            let required = env_is("POSTERN_POSTGRES", "required");
            assert!(
                !required,
                "POSTERN_POSTGRES=required, but PgBouncer is not installed"
            );
            eprintln!("skipped: PgBouncer is not installed (Debian: apt-get install pgbouncer)");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let path = folder.path().display();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {path}/users\npool_mode = session\n\
             default_pool_size = 20\nserver_login_retry = 1\n",
            cluster.port
        );
        fs::write(folder.path().join("settings"), settings).expect("written");
        fs::write(
            folder.path().join("users"),
            format!("\"{USER}\" \"{PASSWORD}\"\n"),
        )
        .expect("written");
        for file in ["settings", "users"] {
            give(&folder.path().join(file));
        }
        give(folder.path());
        Some(Self {
            folder,
            port,
            running: None,
        })
    }

    fn run(&mut self) {
        let mut command = as_server(&bouncer().expect("it is installed"));
        let log = fs::File::create(self.folder.path().join("log")).expect("a log");
        command
            .arg("--quiet")
            .arg(self.folder.path().join("settings"))
            .stderr(log);
        self.running = Some(Server::start(command));
    }

    fn stop(&mut self) {
        if let Some(server) = self.running.take() {
            server.stop("-KILL");
        }
    }

    fn url(&self) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{DATABASE}", self.port)
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Debian keeps it where only root looks.
fn bouncer() -> Option<PathBuf> {
    let usual = PathBuf::from("/usr/sbin/pgbouncer");
    program("pgbouncer").or_else(|| usual.is_file().then_some(usual))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_go_by_pgbouncer_and_what_needs_the_server_itself_by_direct_url() {
    let Some(cluster) = cluster(&["fsync=off"]).await else {
        return;
    };
    let Some(mut bouncer) = Bouncer::before(&cluster) else {
        return;
    };
    let location = Location::Postgres(PostgresOptions {
        direct_url: Some(cluster.url(DATABASE).parse().expect("a right URL")),
        ..options(&bouncer.url())
    });

    // While PgBouncer is not there.
    migrate::run(&location, true).await.expect("by direct_url");
    bouncer.run();
    let postern = start(location.clone()).await;
    let mut asked = Asked::of(&postern).await;
    bouncer.stop();
    asked.is_refused(Fails::Everything).await;
    bouncer.run();
    asked.recovers().await;
    asked.is_served().await;

    let heard = AtomicUsize::new(0);
    let more_than = async |count: usize| {
        while heard.load(Ordering::SeqCst) <= count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let listeners = "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'";
    let story = async {
        more_than(0).await;
        assert_eq!(cluster.psql(DATABASE, listeners), "1");
        postern.end_everything_of(ALICE).await;
        more_than(1).await;
    };
    let listening = postern.provider().db.listen(|| {
        heard.fetch_add(1, Ordering::SeqCst);
    });
    tokio::select! {
        () = listening => unreachable!("it listens as long as it is awaited"),
        () = story => {}
    }
}
