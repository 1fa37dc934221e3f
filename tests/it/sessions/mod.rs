//! Lists of sessions with filters, and ends of all that match.

mod filters;
mod mass_end;
mod versions;

use postern::{
    base::{id::DeviceSessionId, page::MAX_PAGE},
    domain::session_filter::SessionFilter,
    flows::sessions,
};

use crate::harness::Postern;

/// A filter, as JSON.
fn filter(parts: serde_json::Value) -> SessionFilter {
    serde_json::from_value(parts).expect("a filter")
}

/// What fits, newest first.
async fn found(postern: &Postern, filter: &SessionFilter) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), None::<DeviceSessionId>);
    loop {
        let page = sessions::list(postern.provider(), filter, after, MAX_PAGE).await;
        let page = page.expect("answered").page;
        ids.extend(page.items.iter().map(|session| session.id.to_string()));
        match page.next {
            Some(next) => after = Some(next.parse().expect("an id")),
            None => return ids,
        }
    }
}

/// So many more rows like the only device session that there is, with other ids of the same time.
async fn more_like_it(postern: &Postern, many: usize) {
    let columns = "user_id, client_id, life, state, generation, rotated_at, retries, handle_digest, grant_json, code_digest,
                   code_expires_at, redirect_uri, challenge, device, granted_at, activated_at, expires_at";
    let id = if postern.database.is_some() {
        "CAST(substr(CAST(id AS TEXT), 1, 13) || substr(CAST(gen_random_uuid() AS TEXT), 14) AS UUID)"
    } else {
        "CAST(substr(id, 1, 6) || randomblob(10) AS BLOB)"
    };
    let sql = format!(
        "INSERT INTO device_sessions (id, {columns})
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many})
         SELECT {id}, {columns} FROM device_sessions, n"
    );
    postern.tamper(Box::leak(sql.into_boxed_str())).await;
}
