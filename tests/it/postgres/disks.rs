//! Disks that fill.

use std::{fs, path::Path};

use postern::store::db::Location;
use tokio::task::spawn_blocking;

use super::{
    DATABASE,
    asked::{Asked, start},
    location,
};
use crate::harness::{
    SmallDisk,
    postgres::{Cluster, give},
};

const SESSIONS: &str = "SELECT COUNT(*) FROM browser_sessions";

#[tokio::test]
async fn a_full_disk_of_the_embedded_database_and_space_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = SmallDisk::mount(folder.path(), 4) else {
        return;
    };
    let postern = start(Location::Sqlite(disk.path().join("postern.db"))).await;
    let mut asked = Asked::of(&postern).await;
    let before = postern.number(SESSIONS).await;

    let ballast = disk.fill();
    let acknowledged = asked.sign_ins_until_refused().await;
    assert_eq!(postern.number(SESSIONS).await, before + acknowledged);

    fs::remove_file(ballast).expect("space again");
    asked.recovers().await;
    asked.is_served().await;
    drop(asked);
    postern.provider().db.clone().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_postgresql_and_space_again() {
    let start_cluster = || {
        let mut disk = None;
        let settings = ["fsync=off", "min_wal_size=32MB", "max_wal_size=32MB"];
        let cluster = Cluster::start_furnished(&settings, |folder: &Path| {
            let data = folder.join("data");
            fs::create_dir(&data).expect("a folder");
            disk = SmallDisk::mount(&data, 160);
            give(&data);
        })?;
        cluster.psql("postgres", &format!("CREATE DATABASE {DATABASE}"));
        // In this order: the server ends before its disk does.
        disk.map(|disk| (cluster, disk))
    };
    let started = spawn_blocking(start_cluster).await.expect("it starts");
    let Some((cluster, disk)) = started else {
        return;
    };
    let postern = start(location(&cluster.url(DATABASE))).await;
    let mut asked = Asked::of(&postern).await;
    let before = postern.number(SESSIONS).await;

    let ballast = disk.fill();
    let acknowledged = asked.sign_ins_until_refused().await;
    assert_eq!(postern.number(SESSIONS).await, before + acknowledged);

    fs::remove_file(ballast).expect("space again");
    asked.recovers().await;
    asked.is_served().await;
}
