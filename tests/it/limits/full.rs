//! A bucket that is full costs who hammers it an answer, and the database nothing but a reading.

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use super::{limit, stranger};
use crate::harness::{ALICE, PASSWORD, Postern};

#[tokio::test]
async fn who_hammers_a_full_bucket_does_not_make_the_database_write() {
    let postern = Postern::start_with(|config| config.limits.sign_in_account = limit(3, "1h")).await;
    for _ in 0..3 {
        assert_eq!(stranger(&postern, ALICE, "wrong password").await.status, 422);
    }
    let before = postern
        .texts("SELECT hex(bucket) || empty_at FROM attempts ORDER BY 1")
        .await;

    // While somebody else writes, nobody else can.
    let options = SqliteConnectOptions::new().filename(postern.database_file());
    let mut writer = options.connect().await.expect("the database opens");
    let writing = writer.begin_with("BEGIN IMMEDIATE").await.expect("nobody writes");
    for _ in 0..5 {
        let answer = stranger(&postern, ALICE, PASSWORD).await;
        assert_eq!(answer.status, 429, "{answer:?}");
    }
    writing.rollback().await.expect("given up");

    let after = postern
        .texts("SELECT hex(bucket) || empty_at FROM attempts ORDER BY 1")
        .await;
    assert_eq!(after, before);
}
