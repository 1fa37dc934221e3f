//! PostgreSQL as an operator meets it: servers that fail, `PgBouncer`, TLS, updates that cost little.

mod asked;
mod changes;
mod consents;
mod disks;
mod faults;
pub(crate) mod forwarder;
mod hot;
mod listening;
mod pgbouncer;
mod pool;
mod tls;

use postern::{
    base::time::Lifetime,
    store::db::{Location, PostgresOptions},
};

use crate::harness::postgres::Cluster;

/// The database of these tests on a server.
const DATABASE: &str = "postern";

/// A server of the test's own with an empty database.
async fn cluster(settings: &'static [&'static str]) -> Option<Cluster> {
    let start = move || {
        let cluster = Cluster::start(settings)?;
        cluster.psql("postgres", &format!("CREATE DATABASE {DATABASE}"));
        Some(cluster)
    };
    tokio::task::spawn_blocking(start).await.expect("it starts")
}

/// How a server is reached by somebody impatient.
fn options(url: &str) -> PostgresOptions {
    PostgresOptions {
        url: url.parse().expect("a right URL"),
        direct_url: None,
        max_connections: 4,
        statement_timeout: Lifetime::from_millis(500),
    }
}

fn location(url: &str) -> Location {
    Location::Postgres(options(url))
}
