//! The revocation stream: who may follow it, what it tells, on one node and on several, and whether an end has arrived.

mod attacks;
mod confirmed;
mod endings;
mod followed;
mod how_long;
mod told;

use postern::{
    base::time::{Clock, Instant, Lifetime},
    store::db::{Db, Sql, Statement},
};

use crate::harness::{ALICE, Phone, Postern, Tokens};

/// A server by the real clock, so that it goes with a database that has one.
async fn by_the_real_clock() -> Postern {
    Postern::start_by(Clock::system(), |_| {}).await
}

/// A server whose clock the test moves: with the embedded database, which has none of its own.
async fn by_a_manual_clock() -> Postern {
    let clock = Clock::manual(Instant::from_millis(1_790_000_000_000));
    Postern::start_at(clock, None, |_| {}).await
}

async fn signed_in(postern: &Postern) -> (Phone<'_>, Tokens) {
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    (phone, tokens)
}

/// What the stream says of a session that ended.
fn ended(tokens: &Tokens) -> Vec<(String, String)> {
    vec![("session".to_owned(), tokens.sid())]
}

/// Writes revocations of so many clients behind the back of every node, recorded at a time.
async fn write_by_hand(db: &Db, count: i64, prefix: &str, recorded_at: Instant) {
    const WRITE: Statement<(i64, String, i64), (String,)> = Statement::with_dialects(Sql {
        sqlite: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
                 INSERT INTO revocations (kind, id, issued_before, until, recorded_at)
                 SELECT 'client', CAST($2 || i AS BLOB), $3 + 10000, $3 + 420000, $3 FROM n WHERE true RETURNING kind",
        postgres: "INSERT INTO revocations (kind, id, issued_before, until, recorded_at)
                   SELECT 'client', convert_to($2 || i, 'UTF8'), $3 + 10000, $3 + 420000, $3
                   FROM generate_series(1, $1) i RETURNING kind",
    });
    let binds = (count, prefix.to_owned(), recorded_at.millis());
    let written = db.execute(WRITE, binds).await;
    assert!(written.expect("written").is_some());
}

/// This node hears that a single token is revoked.
fn something_ends(postern: &Postern) {
    let provider = postern.provider();
    let now = provider.clock.now();
    let until = now.plus(Lifetime::from_secs(420));
    let jti = provider.entropy.bytes::<16>().to_vec();
    provider.ends.remember_token(jti, None, until, now);
}
