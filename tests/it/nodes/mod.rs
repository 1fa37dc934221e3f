//! Nodes that share only the database, and a database that went back.

mod ends;
mod lost;
mod readiness;
mod went_back;
mod withdrawn;

use postern::base::id::DeviceSessionId;
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::harness::{ALICE, Browser, Phone, Postern, Tokens};

/// Alice, signed in on one node: her browser, her app, its tokens.
async fn signed_in(postern: &Postern) -> (Browser<'_>, Phone<'_>, Tokens) {
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let tokens = phone.signed_in(&mut browser, ALICE).await;
    (browser, phone, tokens)
}

fn session(tokens: &Tokens) -> DeviceSessionId {
    tokens.sid().parse().expect("a session's id")
}

/// A connection of one's own to the database.
async fn connection(postern: &Postern) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(postern.database_file())
        .foreign_keys(false);
    options.connect().await.expect("the database opens")
}

/// Does something to the database that no node sees.
async fn by_hand(postern: &Postern, sql: &str) {
    let text = AssertSqlSafe(sql.to_owned());
    let done = sqlx::raw_sql(text).execute(&mut connection(postern).await).await;
    done.expect(sql);
}

/// The database forgets every end, as one does that went back behind them.
async fn forget_ends(postern: &Postern) {
    by_hand(
        postern,
        "UPDATE device_sessions SET ended_at = NULL, end_reason = NULL, end_event = NULL,
           state = CASE WHEN handle_digest IS NULL THEN 'granted' ELSE 'active' END;
         UPDATE browser_sessions SET ended_at = NULL, end_reason = NULL, end_event = NULL;
         DELETE FROM revocations;",
    )
    .await;
}

/// A single text or number from the database, as text.
async fn asked(postern: &Postern, sql: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_all(&mut connection(postern).await)
        .await
        .expect(sql)
}
