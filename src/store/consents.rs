//! What people have allowed apps.

use crate::{
    base::{
        id::{ClientId, UserId},
        time::Instant,
    },
    store::db::statements,
};

statements! {
    /// What a person has allowed a client.
    pub FIND: (UserId, ClientId) => (String,) =
        "SELECT scope FROM consents WHERE user_id = $1 AND client_id = $2";
    /// Remembers what is allowed now.
    pub UPSERT: (UserId, ClientId, String, Instant) => () =
        "INSERT INTO consents (user_id, client_id, scope, updated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, client_id) DO UPDATE SET scope = excluded.scope, updated_at = excluded.updated_at";
    /// Forgets what a client was allowed.
    pub DELETE_OF_CLIENT: (ClientId,) => () =
        "DELETE FROM consents WHERE client_id = $1";
}
