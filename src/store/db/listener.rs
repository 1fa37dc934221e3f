//! Notifications of PostgreSQL: other nodes say that there is something to read. They only make a node faster; its polls
//! find everything by themselves.

use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};

use super::{
    PostgresUrl,
    pool::{ACQUIRE, within},
    postgres::Postgres,
};
use crate::store::error::Result;

const CHANNEL: &str = "postern";
/// How long this node waits to hear itself.
const ECHO: Duration = Duration::from_secs(5);
/// When nothing was heard for so long it begins again: a connection can be dead without a word.
const QUIET: Duration = Duration::from_mins(1);
/// How long it waits before it connects again.
const PAUSE: Duration = Duration::from_secs(1);

/// Calls `heard` at every notification, as long as it is awaited.
pub(super) async fn listen(database: &Postgres, direct: &PostgresUrl, heard: impl Fn()) {
    let mut is_deaf = false;
    loop {
        if let Err(error) = listen_once(database, direct, &heard, &mut is_deaf).await {
            tracing::debug!(%error, "no notifications for now");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Until the connection is lost, or nobody says anything.
async fn listen_once(
    database: &Postgres,
    direct: &PostgresUrl,
    heard: &impl Fn(),
    is_deaf: &mut bool,
) -> Result<()> {
    let mut listener = within(ACQUIRE, listener(direct)).await?;
    // Through the other way, which requests take: both must lead to the same database.
    database.notify().await?;
    let mut patience = ECHO;
    loop {
        let notification = tokio::time::timeout(patience, listener.try_recv()).await;
        let is_echo = patience == ECHO;
        match notification {
            Ok(notification) => match notification? {
                Some(_) if is_echo => *is_deaf = false,
                Some(_) => {}
                None => return Ok(()),
            },
            Err(_elapsed) if is_echo => {
                if !*is_deaf {
                    tracing::warn!(
                        "this node does not hear its own notifications, so it polls only: set database.direct_url to \
                         the server itself (PgBouncer in transaction mode passes none on)"
                    );
                }
                *is_deaf = true;
            }
            Err(_elapsed) => return Ok(()),
        }
        heard();
        patience = QUIET;
    }
}

async fn listener(direct: &PostgresUrl) -> Result<PgListener> {
    let own = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(direct.options())
        .await?;
    let mut listener = PgListener::connect_with(&own).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}
