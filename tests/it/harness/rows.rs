//! What the database holds, asked for by the test itself and not by the code that it tests.

use postern::store::db::Statement;

use super::Postern;

/// Every table, with how many rows it has.
const TABLES: [(&str, &str); 29] = [
    ("admin_sessions", "SELECT COUNT(*) FROM admin_sessions"),
    ("idempotent_requests", "SELECT COUNT(*) FROM idempotent_requests"),
    ("legacy_uses", "SELECT COUNT(*) FROM legacy_uses"),
    ("users", "SELECT COUNT(*) FROM users"),
    ("passwords", "SELECT COUNT(*) FROM passwords"),
    ("clients", "SELECT COUNT(*) FROM clients"),
    ("registrations", "SELECT COUNT(*) FROM registrations"),
    ("registration_tokens", "SELECT COUNT(*) FROM registration_tokens"),
    ("client_secrets", "SELECT COUNT(*) FROM client_secrets"),
    ("used_assertions", "SELECT COUNT(*) FROM used_assertions"),
    ("versions", "SELECT COUNT(*) FROM versions"),
    ("facts", "SELECT COUNT(*) FROM facts"),
    ("consents", "SELECT COUNT(*) FROM consents"),
    ("browser_sessions", "SELECT COUNT(*) FROM browser_sessions"),
    ("device_codes", "SELECT COUNT(*) FROM device_codes"),
    ("pushed_requests", "SELECT COUNT(*) FROM pushed_requests"),
    ("device_sessions", "SELECT COUNT(*) FROM device_sessions"),
    ("events", "SELECT COUNT(*) FROM events"),
    ("event_counts", "SELECT COUNT(*) FROM event_counts"),
    ("audit_heads", "SELECT COUNT(*) FROM audit_heads"),
    ("audit_checkpoints", "SELECT COUNT(*) FROM audit_checkpoints"),
    ("sign_in_failures", "SELECT COUNT(*) FROM sign_in_failures"),
    ("instances", "SELECT COUNT(*) FROM instances"),
    ("jobs", "SELECT COUNT(*) FROM jobs"),
    ("revocations", "SELECT COUNT(*) FROM revocations"),
    ("app_versions", "SELECT COUNT(*) FROM app_versions"),
    ("mass_ends", "SELECT COUNT(*) FROM mass_ends"),
    ("outbox", "SELECT COUNT(*) FROM outbox"),
    ("attempts", "SELECT COUNT(*) FROM attempts"),
];

impl Postern {
    /// The rows of every table; `keys` is the only one that is left out.
    pub(crate) async fn rows(&self) -> Vec<(&'static str, i64)> {
        let all = match self.database {
            None => {
                "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name <> 'keys' AND name NOT LIKE '\\_%' ESCAPE '\\'"
            }
            Some(_) => {
                "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'keys' AND tablename NOT LIKE '\\_%'"
            }
        };
        let tables = i64::try_from(TABLES.len()).expect("a few");
        assert_eq!(
            self.number(all).await,
            tables,
            "a new table is missing in this list"
        );
        let mut rows = Vec::new();
        for (table, sql) in TABLES {
            rows.push((table, self.number(sql).await));
        }
        rows
    }

    /// One number that a statement gives.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        let row: Option<(i64,)> = self
            .provider()
            .db
            .read(Statement::new(sql), ())
            .await
            .expect("the database answers");
        row.expect("a number").0
    }

    /// All texts that a statement gives.
    pub(crate) async fn texts(&self, sql: &'static str) -> Vec<String> {
        let rows: Vec<(String,)> = self
            .provider()
            .db
            .read_all(Statement::new(sql), ())
            .await
            .expect("the database answers");
        rows.into_iter().map(|(text,)| text).collect()
    }

    /// Changes something behind the server's back.
    pub(crate) async fn tamper(&self, sql: &'static str) {
        let _: Option<()> = self
            .provider()
            .db
            .execute(Statement::<(), ()>::new(sql), ())
            .await
            .expect("the database answers");
    }
}
