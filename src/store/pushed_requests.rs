//! Pushed authorization requests (RFC 9126) that are too large to travel in their `request_uri`. Only clients that have
//! authenticated have any here, and so many at most.

use crate::{
    base::{
        id::{ClientId, PushedRequestId},
        time::Instant,
    },
    domain::request::AuthorizationRequest,
    store::{
        db::{Db, statements},
        error::{Result, StoreError},
    },
};

statements! {
    /// Keeps a request, unless so many are kept already: id, client, request, now, until when, how many at most, how many
    /// of the client.
    KEEP: (PushedRequestId, ClientId, String, Instant, Instant, i64, i64) => (PushedRequestId,) =
        "INSERT INTO pushed_requests (id, client_id, request, kept_until)
         SELECT $1, $2, $3, $5
         WHERE (SELECT COUNT(*) FROM (SELECT 1 FROM pushed_requests WHERE kept_until > $4 LIMIT $6) AS every) < $6
           AND (SELECT COUNT(*) FROM (SELECT 1 FROM pushed_requests WHERE client_id = $2 AND kept_until > $4 LIMIT $7) AS its_own) < $7
         RETURNING id";
    /// A request that is kept: id, now.
    FIND: (PushedRequestId, Instant) => (String,) =
        "SELECT request FROM pushed_requests WHERE id = $1 AND kept_until > $2";
    /// Forgets those that were kept until before an instant, so many at most. No row: none was left.
    pub SWEEP: (Instant, i64) => (PushedRequestId,) =
        "DELETE FROM pushed_requests
         WHERE kept_until < $1 AND id IN (SELECT id FROM pushed_requests WHERE kept_until < $1 LIMIT $2)
         RETURNING id";
}

/// How many are kept at once.
pub const MANY: i64 = 20_000;
/// How many of one client, so that it keeps no other's out.
pub const MANY_OF_CLIENT: i64 = 5_000;

/// Keeps a request for a while; false when too many are kept.
pub async fn keep(
    db: &Db,
    id: PushedRequestId,
    client: ClientId,
    request: String,
    now: Instant,
    until: Instant,
) -> Result<bool> {
    let binds = (id, client, request, now, until, MANY, MANY_OF_CLIENT);
    Ok(db.execute(KEEP, binds).await?.is_some())
}

/// A request that is still kept.
pub async fn find(db: &Db, id: PushedRequestId, now: Instant) -> Result<Option<AuthorizationRequest>> {
    let row = db.read(FIND, (id, now)).await?;
    row.map(|(request,)| {
        serde_json::from_str(&request).map_err(|_| StoreError::corrupt("pushed_requests.request"))
    })
    .transpose()
}
