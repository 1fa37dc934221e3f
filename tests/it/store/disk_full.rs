//! A disk that fills in the middle of batches, on a small file system of the test's own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use futures_util::future::{join, join_all};
use postern::store::error::StoreError;

use super::scratch::{ADD, AddNotes, Scratch};

/// A mounted file system of two megabytes; unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(at)
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn nobody_is_told_that_a_lost_change_was_made_and_the_writer_recovers() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = SmallDisk::mount(folder.path()) else {
        #[expect(clippy::disallowed_methods, reason = "a test of CI may not be left out")]
        let required = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!required, "CI has to be able to mount a tmpfs");
        println!("skipped: only root can mount a small file system");
        return;
    };
    let ballast = disk.0.join("ballast");
    fs::write(&ballast, vec![1; 1 << 20]).expect("there is space");
    let scratch = Scratch::start_in(&disk.0).await;

    let (mut made, mut lost) = (Vec::new(), Vec::new());
    for round in 0..100 {
        let first = round * 100;
        let singles = (first..first + 4).map(|id| scratch.db.execute(ADD, (id, "x".repeat(8000))));
        let change = scratch.db.write(AddNotes(vec![first + 50, first + 51]));
        let (singles, change) = join(join_all(singles), change).await;
        for (id, single) in (first..).zip(singles) {
            match single {
                Ok(row) => made.push(row.expect("a row").0),
                Err(StoreError::Unavailable(_)) => lost.push(id),
                Err(other) => panic!("{other:?}"),
            }
        }
        match change {
            Ok(_) => made.extend([first + 50, first + 51]),
            Err(StoreError::Unavailable(_)) => lost.extend([first + 50, first + 51]),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(made.len() > 12, "the first batches fitted");
    assert!(lost.len() > 12, "the disk was full");

    fs::remove_file(&ballast).expect("removed");
    scratch.add(100_000).await.expect("there is space again");
    made.push(100_000);
    assert_eq!(scratch.notes().await, made);
    let mut second = scratch.second_connection().await;
    let check: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut second)
        .await
        .expect("checked");
    assert_eq!(check, "ok");
    drop(second);
    scratch.db.clone().close().await;
}
