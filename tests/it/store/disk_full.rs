//! A disk that fills in the middle of batches, on a small file system of the test's own.

use std::fs;

use futures_util::future::{join, join_all};
use postern::store::error::StoreError;

use super::scratch::{ADD, AddNotes, Scratch};
use crate::harness::SmallDisk;

#[tokio::test]
async fn nobody_is_told_that_a_lost_change_was_made_and_the_writer_recovers() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = SmallDisk::mount(folder.path(), 3) else {
        return;
    };
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 1 << 20]).expect("there is space");
    let scratch = Scratch::start_in(disk.path()).await;

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
