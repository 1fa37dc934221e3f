//! A bucket that is full costs who hammers it an answer, and the database nothing but a reading.

use sqlx::{ConnectOptions, Connection, PgConnection, sqlite::SqliteConnectOptions};

use super::{limit, stranger};
use crate::harness::{ALICE, PASSWORD, Postern};

#[tokio::test]
async fn who_hammers_a_full_bucket_does_not_make_the_database_write() {
    let postern = Postern::start_with(|config| config.limits.sign_in_account = limit(3, "1h")).await;
    for _ in 0..3 {
        assert_eq!(stranger(&postern, ALICE, "wrong password").await.status, 422);
    }
    let before = buckets(&postern).await;
    // While somebody else writes, nobody else can.
    if let Some(database) = &postern.database {
        let mut writer = PgConnection::connect(&database.url()).await.expect("it answers");
        let lock = sqlx::raw_sql("BEGIN; LOCK TABLE attempts IN EXCLUSIVE MODE");
        lock.execute(&mut writer).await.expect("nobody writes");
        hammer(&postern).await;
    } else {
        let options = SqliteConnectOptions::new().filename(postern.database_file());
        let mut writer = options.connect().await.expect("the database opens");
        let lock = sqlx::raw_sql("BEGIN IMMEDIATE");
        lock.execute(&mut writer).await.expect("nobody writes");
        hammer(&postern).await;
    }
    assert_eq!(buckets(&postern).await, before);
}

async fn buckets(postern: &Postern) -> Vec<String> {
    let text = "SELECT hex(bucket) || empty_at FROM attempts ORDER BY 1";
    postern.texts(text).await
}

async fn hammer(postern: &Postern) {
    for _ in 0..5 {
        let answer = stranger(postern, ALICE, PASSWORD).await;
        assert_eq!(answer.status, 429, "{answer:?}");
    }
}
