//! Filling a database for development and benchmarks: many rows at once, past the writer and the pool, on a connection
//! of its own.
//!
//! Indexes (on PostgreSQL foreign keys too) are put aside first and made again at the end, from what the schema itself
//! says of them. What is put aside stands in a table as long as it is, so that the next one can make it again after a
//! process that was killed.

mod postgres;
mod rows;
mod sqlite;

pub use self::rows::{BrowserSessionRow, Cell, ConsentRow, EventRow, PasswordRow, Row, SessionRow, UserRow};
use self::{postgres::Postgres, sqlite::Sqlite};
use crate::store::{
    db::{Db, Location, statements},
    error::Result,
};

/// The address of a person whom it made begins like this; a number of this many digits follows.
pub const LOCAL_PART: &str = "user";
/// See [`LOCAL_PART`].
pub const DIGITS: usize = 7;
/// The domain of these addresses (RFC 2606 section 3: nobody's).
pub const DOMAIN: &str = "example.com";

/// The tables that are filled.
const TABLES: [&str; 6] = [
    UserRow::TABLE,
    PasswordRow::TABLE,
    ConsentRow::TABLE,
    BrowserSessionRow::TABLE,
    SessionRow::TABLE,
    EventRow::TABLE,
];
/// What is put aside: the words that make it again.
const ASIDE: &str = "CREATE TABLE IF NOT EXISTS seed_aside (make TEXT NOT NULL PRIMARY KEY)";
const ASIDE_LIST: &str = "SELECT make FROM seed_aside ORDER BY make";
const ASIDE_DROP: &str = "DROP TABLE seed_aside";

statements! {
    /// The newest of those whom an earlier run made: how their addresses look.
    LAST: (String,) => (String,) =
        "SELECT email_key FROM users WHERE email_key LIKE $1 ORDER BY email_key DESC LIMIT 1";
    /// Anybody else.
    OTHER: (String,) => (String,) =
        "SELECT email_key FROM users WHERE email_key NOT LIKE $1 LIMIT 1";
}

/// Whom a database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct People {
    /// The highest number of those whom a run before this one made.
    pub made: u64,
    /// Whether there is anybody else.
    pub others: bool,
}

/// Whom a database has already.
pub async fn people(db: &Db) -> Result<People> {
    let pattern = format!("{LOCAL_PART}{}@{DOMAIN}", "_".repeat(DIGITS));
    let last = db.read(LAST, (pattern.clone(),)).await?;
    let other = db.read(OTHER, (pattern,)).await?;
    let number = |(key,): (String,)| key.get(LOCAL_PART.len()..LOCAL_PART.len() + DIGITS)?.parse().ok();
    Ok(People {
        made: last.and_then(number).unwrap_or(0),
        others: other.is_some(),
    })
}

/// The connection that fills a database. On the embedded one it has the file for itself.
#[derive(Debug)]
pub struct Loader(Arm);

#[derive(Debug)]
enum Arm {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// The same call on whichever back end there is.
macro_rules! on_the_arm {
    ($loader:expr, $arm:ident => $call:expr) => {
        match &mut $loader.0 {
            Arm::Sqlite($arm) => $call,
            Arm::Postgres($arm) => $call,
        }
    };
}

impl Loader {
    /// Opens a database that has its tables; nothing while somebody else is in its way: another run, or on the embedded
    /// one a server or a command.
    pub async fn open(location: &Location) -> Result<Option<Self>> {
        let arm = match location {
            Location::Sqlite(path) => Sqlite::open(path).await?.map(Arm::Sqlite),
            Location::Postgres(options) => Postgres::open(options).await?.map(Arm::Postgres),
        };
        Ok(arm.map(Self))
    }

    /// Puts the indexes aside.
    pub async fn put_aside(&mut self) -> Result<()> {
        let parts = on_the_arm!(self, arm => arm.parts(&TABLES).await?);
        let keep = |part: &Part| {
            let make = part.make.replace('\'', "''");
            format!("INSERT INTO seed_aside (make) VALUES ('{make}'); {};", part.drop)
        };
        let texts: String = parts.iter().map(keep).collect();
        let text = format!("BEGIN; {ASIDE}; {texts} COMMIT");
        on_the_arm!(self, arm => arm.run(&text).await)
    }

    /// Adds rows, in the order of their ids, and makes them durable.
    pub async fn add<R: Row>(&mut self, rows: Vec<R>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut cells = Vec::with_capacity(rows.len() * R::COLUMNS.len());
        for row in rows {
            row.write(&mut cells);
        }
        on_the_arm!(self, arm => arm.add(R::TABLE, R::COLUMNS, &cells).await)
    }

    /// How many things are put aside.
    pub async fn aside(&mut self) -> Result<usize> {
        Ok(on_the_arm!(self, arm => arm.texts(ASIDE_LIST).await?).len())
    }

    /// Makes again what was put aside; `made` is called after each.
    pub async fn make_again(&mut self, mut made: impl FnMut()) -> Result<()> {
        let makes = on_the_arm!(self, arm => arm.texts(ASIDE_LIST).await?);
        for make in makes {
            let quoted = make.replace('\'', "''");
            let text = format!("BEGIN; {make}; DELETE FROM seed_aside WHERE make = '{quoted}'; COMMIT");
            on_the_arm!(self, arm => arm.run(&text).await?);
            made();
        }
        on_the_arm!(self, arm => arm.run(ASIDE_DROP).await)
    }

    /// Looks at the rows, so that the database knows what it has, and closes it.
    pub async fn finish(self) -> Result<()> {
        match self.0 {
            Arm::Sqlite(arm) => arm.finish().await,
            Arm::Postgres(arm) => arm.finish(&TABLES).await,
        }
    }
}

/// A part of the schema that can be put aside.
#[derive(Debug, sqlx::FromRow)]
struct Part {
    /// The words that make it.
    make: String,
    /// The words that take it away.
    drop: String,
}
