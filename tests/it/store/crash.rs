//! A process that is killed in the middle of its writes: what it acknowledged is there, and nothing is there by half.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use futures_util::future::join_all;
use postern::store::db::{Db, Location};

use super::scratch::{ADD, AddNotes, Scratch, connect};

/// Where the child finds its database, and the first id that it may give.
const CHILD: &str = "POSTERN_TEST_CRASH";

#[expect(
    clippy::disallowed_methods,
    reason = "a child is told what to do, and a soak that it is one"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_nothing_is_there_by_half() {
    let kills = if environment("POSTERN_SOAK").is_some() {
        200
    } else {
        5
    };
    let scratch = Scratch::start().await;
    scratch.db.clone().close().await;
    let mut acknowledged = BTreeSet::new();
    for kill in 0..kills {
        let more = killed_after(
            &scratch.path,
            kill * 1_000_000,
            Duration::from_millis(10 + kill * 37 % 150),
        );
        assert!(!more.is_empty(), "kill {kill} came after the first answer");
        acknowledged.extend(more);

        let mut second = connect(&scratch.path).await;
        let check: String = sqlx::query_scalar("PRAGMA integrity_check")
            .fetch_one(&mut second)
            .await
            .expect("checked");
        assert_eq!(check, "ok", "kill {kill}");
        let there: BTreeSet<u64> = sqlx::query_scalar::<_, i64>("SELECT id FROM notes")
            .fetch_all(&mut second)
            .await
            .expect("read")
            .into_iter()
            .map(i64::unsigned_abs)
            .collect();
        let lost: Vec<_> = acknowledged.difference(&there).collect();
        assert!(lost.is_empty(), "kill {kill} lost {lost:?}");
        for id in there.iter().filter(|id| **id % 4 >= 2) {
            assert!(
                there.contains(&(id ^ 1)),
                "kill {kill} left half of the change of {id}"
            );
        }
    }
}

/// Runs this very program as the child below, kills it so long after its first answer, and gives the ids that it
/// said were durable.
fn killed_after(path: &Path, first: u64, after: Duration) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().expect("a path"))
        .args([
            "--exact",
            "store::crash::writes_until_it_is_killed",
            "--nocapture",
        ])
        .env(CHILD, format!("{first} {}", path.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    let mut text = String::new();
    while !text.contains("durable") {
        assert!(
            output.read_line(&mut text).expect("read") > 0,
            "the child ended: {text}"
        );
    }
    thread::sleep(after);
    child.kill().expect("killed");
    child.wait().expect("gone");
    output.read_to_string(&mut text).expect("read");
    // The last line may have been cut.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .filter_map(|line| line.strip_prefix("durable "))
        .flat_map(|ids| ids.split(' ').map(|id| id.parse::<u64>().expect("an id")))
        .collect()
}

/// The child. Does nothing unless it is one.
#[tokio::test]
async fn writes_until_it_is_killed() {
    let Some(orders) = environment(CHILD) else { return };
    let (first, path) = orders.split_once(' ').expect("an id and a path");
    let first: i64 = first.parse().expect("an id");
    let db = Db::open(&Location::Sqlite(path.into())).await.expect("opened");
    join_all((0..8).map(|worker| writes(&db, first + worker * 100_000))).await;
}

#[expect(clippy::print_stdout, reason = "how the parent hears of it")]
/// One note by a statement, then two by a change, and so on.
async fn writes(db: &Db, first: i64) {
    for id in (first..).step_by(4) {
        db.execute(ADD, (id, "x".repeat(500))).await.expect("added");
        println!("\ndurable {id}");
        db.write(AddNotes(vec![id + 2, id + 3])).await.expect("added");
        println!("\ndurable {} {}", id + 2, id + 3);
    }
}
