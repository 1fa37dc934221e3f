//! A node that does not hear itself says so and polls.

use std::{
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use postern::store::db::{Db, Location, PostgresOptions};

use super::{DATABASE, asked::start, cluster, forwarder::Forwarder, location, options};
use crate::harness::{
    ALICE,
    postgres::{PASSWORD, Stop, USER},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn warnings(&self) -> usize {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&log)
            .matches("does not hear its own notifications")
            .count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_node_whose_listener_is_elsewhere_warns_and_learns_of_ends_by_its_polls() {
    let Some(cluster) = cluster(&["fsync=off"]).await else {
        return;
    };
    let postern = start(location(&cluster.url(DATABASE))).await;
    let tokens = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    let deaf = postern
        .beside_with(|config| {
            config.database.location = location(&cluster.url(DATABASE));
        })
        .await;
    deaf.poll().await;
    let log = Log::default();
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || written.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let elsewhere = Location::Postgres(PostgresOptions {
        direct_url: Some(cluster.url("postgres").parse().expect("a right URL")),
        ..options(&cluster.url(DATABASE))
    });
    let db = Db::open(&elsewhere).await.expect("opened");
    let heard = AtomicUsize::new(0);

    let listening = db.listen(|| {
        heard.fetch_add(1, Ordering::SeqCst);
    });
    let warned = async {
        while log.warnings() == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        postern.end_everything_of(ALICE).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    tokio::select! {
        () = listening => unreachable!("it listens as long as it is awaited"),
        () = warned => {}
    }

    assert_eq!(
        (log.warnings(), heard.load(Ordering::SeqCst)),
        (1, 1),
        "only the first round"
    );
    deaf.poll().await;
    let ended = tokens.sid().parse().expect("a session's id");
    assert!(deaf.provider().ends.devices.contains(&ended));
}

#[tokio::test]
async fn who_hears_goes_on_hearing_after_the_server_was_started_anew() {
    let Some(cluster) = cluster(&["fsync=off"]).await else {
        return;
    };
    let forwarder = Forwarder::to(cluster.port).await;
    let postern = start(location(&cluster.url(DATABASE))).await;
    postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    let url = format!(
        "postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{DATABASE}",
        forwarder.port
    );
    let db = Db::open(&location(&url)).await.expect("opened");
    let heard = AtomicUsize::new(0);
    let more_than = async |count: usize| {
        while heard.load(Ordering::SeqCst) <= count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let listening = db.listen(|| {
        heard.fetch_add(1, Ordering::SeqCst);
    });
    let story = async {
        more_than(0).await;
        postern.end_everything_of(ALICE).await;
        more_than(1).await;
        cluster.stop(Stop::Immediate);
        cluster.run();
        more_than(2).await;
    };
    tokio::select! {
        () = listening => unreachable!("it listens as long as it is awaited"),
        () = story => {}
    }
}
