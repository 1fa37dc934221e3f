//! Before a row is believed that says that its session lives: the database may have gone back.

use crate::{base::id::DeviceSessionId, domain::client::Client, flows::Provider, store::error::Result};

/// A session that recent keys speak of and that is not remembered as ended. What gives tokens takes this and no bare id.
#[derive(Debug, Clone, Copy)]
pub(super) struct NotEnded(DeviceSessionId);

impl NotEnded {
    pub(super) fn id(self) -> DeviceSessionId {
        self.0
    }
}

/// The session that a code or refresh token of this client names; nothing when it is remembered as ended.
pub(super) async fn not_remembered(
    provider: &Provider,
    client: &Client,
    session: DeviceSessionId,
) -> Result<Option<NotEnded>> {
    provider.keys.ensure_recent(&provider.db, &provider.clock).await?;
    if provider.ends.has_session(session) {
        tracing::info!(%session, client = %client.id, "a token request for an ended session was refused");
        return Ok(None);
    }
    Ok(Some(NotEnded(session)))
}
