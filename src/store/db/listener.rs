//! Notifications of PostgreSQL: other nodes say that there is something to read. They only make a node faster; its polls
//! find everything by themselves.

use std::time::Duration;

use sqlx::{
    Executor, PgPool,
    postgres::{PgListener, PgPoolOptions},
};

use super::postgres::{NOTIFY, PostgresUrl};

const CHANNEL: &str = "postern";
/// How long this node waits to hear itself.
const ECHO: Duration = Duration::from_secs(5);
/// How long it waits before it connects again.
const PAUSE: Duration = Duration::from_secs(1);

/// Calls `heard` at every notification, as long as it is awaited.
pub(super) async fn listen(direct: &PostgresUrl, pool: &PgPool, heard: impl Fn()) {
    let mut is_deaf = false;
    loop {
        if let Err(error) = listen_once(direct, pool, &heard, &mut is_deaf).await {
            tracing::debug!(%error, "no notifications for now");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Until the connection is lost.
async fn listen_once(
    direct: &PostgresUrl,
    pool: &PgPool,
    heard: &impl Fn(),
    is_deaf: &mut bool,
) -> Result<(), sqlx::Error> {
    let own = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(direct.options())
        .await?;
    let mut listener = PgListener::connect_with(&own).await?;
    listener.listen(CHANNEL).await?;
    // Through the other way, which requests take: both must lead to the same database.
    pool.execute(sqlx::raw_sql(NOTIFY)).await?;
    let echo = tokio::time::timeout(ECHO, listener.try_recv()).await;
    if echo.is_err() && !*is_deaf {
        tracing::warn!(
            "this node does not hear its own notifications, so it polls only: set database.direct_url to the server \
             itself (PgBouncer in transaction mode passes none on)"
        );
    }
    *is_deaf = echo.is_err();
    heard();
    while listener.try_recv().await?.is_some() {
        heard();
    }
    Ok(())
}
