//! How PostgreSQL finds the rows of each statement: by an index, however large the table is.

use std::fmt::Write as _;

use postern::store::{self, db::Declared};

use crate::harness::postgres;

/// What reads a whole table because it is small, or because that is what it is for.
const WHOLE: &[&str] = &[
    "ALL_CLIENTS",
    "ALL_SECRETS",
    "UNUSED",
    "ALL_KEYS",
    "ACCEPTED",
    "LONGEST_TOKEN",
    "RETIRE",
    "ACTIVATE",
    "OUTLIVE",
    "VERSIONS",
    "ALL_TOKENS",
    "KEEP_USED",
    "BEGIN_COUNT",
    "FINISH_COUNT",
    "FORGET_COUNTED",
    "COUNTS",
    "ADMINS",
];

/// Tables that are large enough for the planner to mind.
const FILL: &str = "
    INSERT INTO users (id, email, email_key, created_at, updated_at)
      SELECT gen_random_uuid(), n, n, n, n FROM generate_series(1, 3000) n;
    INSERT INTO passwords (user_id, hash, version, changed_at) SELECT id, '', 1, 1 FROM users;
    INSERT INTO browser_sessions (id, digest, user_id, auth_time, acr, amr, label, created_at, last_seen_at, expires_at)
      SELECT gen_random_uuid(), uuid_send(id), id, n, '', '', '', n, n, n
      FROM (SELECT id, created_at n FROM users) users;
    INSERT INTO device_sessions (id, user_id, client_id, browser_session_id, parent_id, life, state, generation, rotated_at,
        retries, grant_json, code_digest, code_expires_at, redirect_uri, challenge, device, granted_at, expires_at,
        ended_at, end_event)
      SELECT gen_random_uuid(), user_id, 'app' || created_at % 9, id, gen_random_uuid(), 'own', 'active', 1, 1, 0, '', '',
        1, '', '', '', 1, created_at, created_at, gen_random_uuid()
      FROM browser_sessions;
    INSERT INTO events (id, at, kind, user_id, data)
      SELECT gen_random_uuid(), created_at, '', user_id, '' FROM browser_sessions;
    UPDATE events SET client_id = 'app' || at % 9, session_id = id, actor = '', address = 'a' || at % 99, seq = at
      WHERE at % 3 > 0;
    INSERT INTO audit_checkpoints (seq, hash, latest, signed) SELECT at, '', at, '' FROM events;
    INSERT INTO event_counts (hour, kind, count) SELECT at, '', 1 FROM events;
    INSERT INTO sign_in_failures (minute, account, block, count) SELECT at, '', '', 1 FROM events;
    INSERT INTO revocations (kind, id, session_id, issued_before, until, recorded_at)
      SELECT 'token', uuid_send(id), id, 1, created_at, created_at FROM browser_sessions;
    INSERT INTO consents (user_id, client_id, scope, updated_at) SELECT id, 'app' || created_at % 9, '', 1 FROM users;
    INSERT INTO clients (id, name, settings, created_at) SELECT 'app' || created_at, '', '', 1 FROM users;
    INSERT INTO client_secrets (id, client_id, digest, created_at, expires_at)
      SELECT id, 'app' || created_at, '', 1, created_at FROM users;
    INSERT INTO registrations (client_id, digest, metadata, unused_until)
      SELECT 'app' || created_at, '', '', created_at FROM users;
    INSERT INTO registration_tokens (id, digest, created_at, expires_at)
      SELECT id, uuid_send(id), 1, created_at FROM users;
    INSERT INTO pushed_requests (id, client_id, request, kept_until)
      SELECT id, 'app' || created_at % 9, '', created_at FROM users;
    INSERT INTO device_codes (id, code_digest, user_code, client_id, request, expires_at, unchecked)
      SELECT id, '', uuid_send(id), 'app' || created_at % 9, '', created_at, created_at % 9 / 8 FROM users;
    INSERT INTO used_assertions (digest, expires_at, unchecked)
      SELECT uuid_send(id), created_at, created_at % 9 / 8 FROM users;
    INSERT INTO instances (client_id, name, down, down_after, opened_at, seen_at)
      SELECT 'app' || created_at % 9, 'i' || created_at, '', 1, 1, created_at FROM users;
    INSERT INTO outbox (recipient, kind, about_id, user_id, created_at, due_at, attempts)
      SELECT 'app' || created_at % 9, '', id, id, 1, created_at, 0 FROM users;
    INSERT INTO admin_sessions (id, digest, auth_time, last_seen_at, expires_at)
      SELECT id, uuid_send(id), 1, created_at, created_at FROM users;
    INSERT INTO idempotent_requests (digest, request, held_until, expires_at)
      SELECT uuid_send(id), uuid_send(id), 1, created_at FROM users;
    INSERT INTO attempts (bucket, empty_at) SELECT uuid_send(id), created_at FROM users;";

/// Explains every statement for values that are not known yet, on tables that would be read by an index wherever there
/// is one.
fn script(statements: &[Declared]) -> String {
    let mut script = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; ".to_owned();
    for (number, statement) in statements.iter().enumerate() {
        let types: Vec<String> = (statement.types)().iter().map(ToString::to_string).collect();
        let nulls = vec!["NULL"; types.len()].join(", ");
        let (mut declared, mut given) = (String::new(), String::new());
        if !types.is_empty() {
            declared = format!("({})", types.join(", "));
            given = format!("({nulls})");
        }
        let _ = write!(
            script,
            "SELECT '== {}'; PREPARE s{number} {declared} AS {}; EXPLAIN EXECUTE s{number} {given}; ",
            statement.name, statement.sql.postgres
        );
    }
    script
}

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let Some(database) = postgres::database().await else {
        return;
    };
    database.psql(FILL);
    database.psql("ANALYZE");
    let statements = store::statements();
    let printed = database.psql(&script(&statements));
    let plans: Vec<&str> = printed.split("== ").skip(1).collect();
    assert_eq!(plans.len(), statements.len());
    let mut found = Vec::new();
    for (plan, statement) in plans.iter().zip(&statements) {
        let (name, plan) = plan.split_once('\n').expect("a name and a plan");
        assert_eq!(name, statement.name);
        if WHOLE.contains(&name) {
            continue;
        }
        // A list goes along its key and stops at its limit.
        let is_list = plan.starts_with("Limit") || plan.contains("->  Limit");
        let lines: Vec<&str> = plan.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let whole = line.contains("Seq Scan")
                || line.contains("Index Scan")
                    && !is_list
                    && !lines.get(at + 1).is_some_and(|next| next.contains("Index Cond"));
            if whole {
                found.push(format!("{} {name}: {}\n{plan}", statement.file, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}
