//! Requests that may be sent again (draft-ietf-httpapi-idempotency-key-header): who holds a key, and the sealed answer.

use crate::{
    base::{digest::Digest, time::Instant},
    store::db::statements,
};

statements! {
    /// Takes a key that nobody holds, or whose holder was not heard of again: the key, the request, until when it is held,
    /// now. Until there is an answer it is kept no longer than it is held. No row: somebody has it.
    pub HOLD: (Digest, Digest, Instant, Instant) => (Digest,) =
        "INSERT INTO idempotent_requests (digest, request, held_until, expires_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (digest) DO UPDATE SET request = excluded.request, held_until = excluded.held_until,
           expires_at = excluded.expires_at, answer = NULL
         WHERE idempotent_requests.expires_at <= $4
         RETURNING digest";
    /// What was asked with a key, and the answer once there is one.
    pub FIND: (Digest,) => (Digest, Option<String>) =
        "SELECT request, answer FROM idempotent_requests WHERE digest = $1";
    /// Keeps the answer, if the key is still held by who says so: the key, until when they hold it, the answer, until when it
    /// is kept.
    pub KEEP: (Digest, Instant, String, Instant) => () =
        "UPDATE idempotent_requests SET answer = $3, expires_at = $4
         WHERE digest = $1 AND held_until = $2 AND answer IS NULL";
    /// Lets a key go that led to nothing.
    pub RELEASE: (Digest, Instant) => () =
        "DELETE FROM idempotent_requests WHERE digest = $1 AND held_until = $2 AND answer IS NULL";
    /// Deletes answers whose time was over at an instant, so many at most. No row: none was left.
    pub DELETE_PAST: (Instant, i64) => (Digest,) =
        "DELETE FROM idempotent_requests
         WHERE digest IN (SELECT digest FROM idempotent_requests WHERE expires_at <= $1 LIMIT $2)
         RETURNING digest";
}
