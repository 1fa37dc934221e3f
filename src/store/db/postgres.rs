//! PostgreSQL: time limits on everything, and each change in a transaction of its own.

use std::{
    fmt,
    panic::AssertUnwindSafe,
    str::FromStr,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use futures_util::FutureExt;
use sqlx::{
    Connection, Executor, SqlStr,
    postgres::{PgConnectOptions, PgTypeInfo},
};

use super::{
    Change, WriteTx, inside_a_change, listener,
    pool::{ACQUIRE, Pool, State, within},
    statement::{Binds, Prepared, Row, Statement, decode},
};
use crate::{
    base::time::Lifetime,
    store::error::{Result, StoreError},
};

/// How long the network may add to the time limit of a statement.
const NETWORK: Duration = Duration::from_secs(2);
/// How long a whole change may take, with every try. What nodes remember of ends relies on a limit of 20 s.
const CHANGE: Duration = Duration::from_secs(10);
/// How often a change is run that the database refuses because of another one at the same time.
const TRIES: u32 = 3;
/// A transaction is durable when it is acknowledged, also where the database's default is less; more is left alone.
const BEGIN: &str = "BEGIN; SELECT set_config('synchronous_commit', 'on', true) \
                     WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')";

/// Sent with the commit of what other nodes want to know at once.
pub(super) const NOTIFY: &str = "NOTIFY postern";

const HINT: &str =
    "write postgres://user:password@host:5432/database; what is special in a password is percent-encoded";
/// What a URL may say besides. Not `password`: what is printed of a URL has it before the host, blacked out.
const PARAMETERS: [&str; 6] = ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "options"];
const PARAMETERS_HINT: &str =
    "after the ? only sslmode, sslrootcert, sslcert, sslkey, host and options are known";

/// How a PostgreSQL server is reached.
#[derive(Clone)]
pub struct PostgresOptions {
    /// Where requests go: the server, or `PgBouncer` before it.
    pub url: PostgresUrl,
    /// The server itself, for migrations and notifications; as `url` where there is none of its own.
    pub direct_url: Option<PostgresUrl>,
    /// How many connections this process has at most.
    pub max_connections: u32,
    /// How long one statement may take.
    pub statement_timeout: Lifetime,
}

impl PostgresOptions {
    /// The server itself.
    pub fn direct(&self) -> &PostgresUrl {
        self.direct_url.as_ref().unwrap_or(&self.url)
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

/// The address of a database, with its password: never printed whole.
#[derive(Clone)]
pub struct PostgresUrl(Box<PgConnectOptions>);

impl PostgresUrl {
    pub(in crate::store) fn options(&self) -> PgConnectOptions {
        use sqlx::ConnectOptions;
        // PgBouncer refuses the start-up parameter for fractions, of which there are none here.
        let options = PgConnectOptions::clone(&self.0).extra_float_digits(None);
        options.disable_statement_logging()
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.0;
        let host = options.get_socket().map_or_else(
            || options.get_host().to_owned(),
            |folder| folder.display().to_string(),
        );
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        write!(f, "PostgreSQL {database} at {host}:{}", options.get_port())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PostgresUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        use sqlx::postgres::PgSslMode;
        let url = url::Url::parse(text).map_err(|_| HINT)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") || url.path().len() < 2 {
            return Err(HINT);
        }
        // A password with a / or a # of its own would be read as something else, and printed as that.
        if !text.bytes().all(is_of_a_url) || url.path().contains('@') || url.fragment().is_some() {
            return Err(HINT);
        }
        if url.query_pairs().any(|(name, _)| !PARAMETERS.contains(&&*name)) {
            return Err(PARAMETERS_HINT);
        }
        let mut options = PgConnectOptions::from_str(text).map_err(|_| HINT)?;
        let chosen = url.query_pairs().any(|(name, _)| name == "sslmode");
        if !chosen && !is_this_machine(&options) {
            // Nothing that the network carries may be read or changed on the way, unless somebody says so.
            options = options.ssl_mode(PgSslMode::VerifyFull);
        }
        Ok(Self(Box::new(options.application_name("postern"))))
    }
}

/// What is printed of a URL relies on this: `telemetry::redact` finds a password in such a text only.
fn is_of_a_url(b: u8) -> bool {
    b.is_ascii_graphic() && !b"\"'<>".contains(&b)
}

fn is_this_machine(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// An open database.
#[derive(Debug, Clone)]
pub(super) struct Postgres {
    pool: Pool,
    options: PostgresOptions,
    direct: PostgresUrl,
    limit: Duration,
    counter: Arc<AtomicU64>,
}

impl Postgres {
    /// Opens a database that has its tables.
    pub(super) async fn open(options: &PostgresOptions, counter: Arc<AtomicU64>) -> Result<Self> {
        Ok(Self {
            pool: Pool::open(options, CHANGE, options.max_connections).await?,
            options: options.clone(),
            direct: options.direct().clone(),
            limit: ACQUIRE + options.statement_timeout.to_std() + NETWORK,
            counter,
        })
    }

    /// The same database by one connection that nobody else waits for.
    pub(super) async fn aside(&self) -> Result<Self> {
        Ok(Self {
            pool: Pool::open(&self.options, CHANGE, 1).await?,
            ..self.clone()
        })
    }

    pub(super) async fn read<B: Binds, R: Row>(
        &self,
        statement: Statement<B, R>,
        binds: B,
    ) -> Result<Option<R>> {
        let query = sqlx::query_with(statement.sql().postgres, binds.to_postgres()?);
        let asked = async {
            let mut lent = self.pool.lend().await?;
            let row = query.fetch_optional(&mut *lent).await;
            lent.judge(row)
        };
        let row = within(self.limit, Box::pin(asked)).await?;
        row.as_ref().map(decode).transpose()
    }

    pub(super) async fn read_all<B: Binds, R: Row>(
        &self,
        statement: Statement<B, R>,
        binds: B,
    ) -> Result<Vec<R>> {
        let query = sqlx::query_with(statement.sql().postgres, binds.to_postgres()?);
        let asked = async {
            let mut lent = self.pool.lend().await?;
            let rows = query.fetch_all(&mut *lent).await;
            lent.judge(rows)
        };
        let rows = within(self.limit, Box::pin(asked)).await?;
        rows.iter().map(decode).collect()
    }

    /// One round trip: a statement without a transaction around it is one. Its row comes when it is durable.
    pub(super) async fn execute_while<B: Binds, R: Row, T>(
        &self,
        statement: Statement<B, R>,
        binds: B,
        work: impl FnOnce(Option<R>) -> T,
    ) -> Result<T> {
        self.read(statement, binds).await.map(work)
    }

    /// In a task of its own: it runs to its end whoever still waits for it.
    pub(super) async fn write<C: Change>(&self, change: C) -> Result<C::Out> {
        let this = self.clone();
        let ran = tokio::spawn(async move {
            let tries = async {
                let mut tries = TRIES;
                loop {
                    tries -= 1;
                    match this.apply(&change).await {
                        // The database says that nothing happened, since another transaction was in the way.
                        Err(StoreError::Busy) if tries > 0 => {}
                        // Also what nobody knows whether it was committed: it is never run again.
                        done => return done,
                    }
                }
            };
            within(CHANGE, tries).await
        });
        ran.await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("the server is stopping".to_owned())))
    }

    async fn apply<C: Change>(&self, change: &C) -> Result<C::Out> {
        let mut lent = self.pool.lend().await?;
        // Until the transaction has ended: whatever comes next on this connection would be part of it.
        lent.state = State::Doubtful;
        let mut transaction = lent.begin_with(BEGIN).await?;
        let mut tx = WriteTx::postgres(&mut transaction, &self.counter);
        let applied = AssertUnwindSafe(inside_a_change(change.apply(&mut tx))).catch_unwind();
        let applied = applied.await;
        // A transaction in which a statement failed is rolled back by COMMIT, without a word.
        let (broken, notifies) = (tx.broken.take(), tx.notifies);
        let result = match (applied, broken) {
            (Ok(Ok(out)), None) => {
                if notifies {
                    transaction.execute(sqlx::raw_sql(NOTIFY)).await?;
                }
                transaction.commit().await?;
                Ok(out)
            }
            (outcome, broken) => {
                transaction.rollback().await?;
                let refused = match outcome {
                    Ok(outcome) => outcome.err().or(broken),
                    Err(_panic) => None,
                };
                Err(refused.unwrap_or(StoreError::Stopped("it panicked")))
            }
        };
        lent.state = State::after(&result);
        result
    }

    pub(super) async fn listen(&self, heard: impl Fn()) {
        listener::listen(self, &self.direct, heard).await;
    }

    /// Tells all nodes, this one too, as requests do.
    pub(super) async fn notify(&self) -> Result<()> {
        let told = async {
            let mut lent = self.pool.lend().await?;
            let told = lent.execute(sqlx::raw_sql(NOTIFY)).await;
            lent.judge(told.map(drop))
        };
        within(self.limit, told).await
    }

    pub(super) async fn close(self) {
        self.pool.close().await;
    }

    pub(super) async fn prepare(&self, sql: &'static str, types: &[PgTypeInfo]) -> Result<Prepared> {
        let mut lent = self.pool.lend().await?;
        let prepared = lent.prepare_with(SqlStr::from_static(sql), types).await;
        lent.judge(prepared).map(|prepared| Prepared::of(&prepared))
    }
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgSslMode;

    use super::*;

    fn mode(url: &str) -> PgSslMode {
        url.parse::<PostgresUrl>().expect(url).0.get_ssl_mode()
    }

    #[test]
    fn what_leaves_this_machine_is_encrypted_and_checked_unless_somebody_says_otherwise() {
        for url in [
            "postgres://postern:pw@db.example.com/postern",
            "postgresql://postern:pw@192.0.2.7:5433/postern",
            "postgres://postern:pw@localhost.example.com/postern",
            "postgres://postern:pw@localhost/postern?host=db.example.com",
            "postgres://postern:pw@db/postern?sslrootcert=/etc/ssl/db.pem",
            "postgres://postern:pw@db/postern?sslmode=verify-full",
        ] {
            assert!(matches!(mode(url), PgSslMode::VerifyFull), "{url}");
        }
        for url in [
            "postgres://postern:pw@localhost/postern",
            "postgres://postern:pw@127.0.0.1/postern",
            "postgres://postern:pw@[::1]/postern",
            "postgres://postern@localhost/postern?host=/run/postgresql",
        ] {
            assert!(!matches!(mode(url), PgSslMode::VerifyFull), "{url}");
        }
        let disabled = mode("postgres://postern:pw@db.example.com/postern?sslmode=disable");
        assert!(matches!(disabled, PgSslMode::Disable));
    }

    #[test]
    fn a_url_whose_password_would_be_taken_for_something_else_is_refused() {
        for url in [
            "postgres://postern:12/hunter2@db/postern",
            "postgres://postern:12#hunter2@db/postern",
            "postgres://postern:1/hunter#2@db/postern",
            "postgres://postern:12?hunter2@db/postern",
            "postgres://postern:hunter\"2@db/postern",
            "postgres://postern:hunter 2@db/postern",
            "postgres://postern:h\u{fc}nter2@db/postern",
            "postgres://postern@db/postern?password=hunter2",
            "postgres://postern@db/postern?passwd=hunter2",
            "postgres://db",
            "mysql://postern:hunter2@db/postern",
        ] {
            let hint = url.parse::<PostgresUrl>().expect_err(url);
            assert!(!hint.contains("hunter2"), "{hint}");
        }
    }

    #[test]
    fn a_password_is_printed_nowhere() {
        for password in [
            "hunter2",
            "hunter2:@",
            "@hunter2",
            "hunter2%2F%23%20",
            "$%7Bhunter2%7D&=+;,!*()",
        ] {
            let text = format!("postgres://postern:{password}@db:5433/postern?sslmode=require");
            let url: PostgresUrl = text.parse().expect("right");
            let options = PostgresOptions {
                url: url.clone(),
                direct_url: Some(url.clone()),
                max_connections: 2,
                statement_timeout: Lifetime::from_secs(1),
            };
            let location = super::super::Location::Postgres(options.clone());
            let printed = format!("{url} {url:?} {options:?} {location} {location:?}");
            assert!(!printed.contains("hunter2"), "{printed}");
            assert!(printed.contains("PostgreSQL postern at db:5433"), "{printed}");
        }
    }
}
