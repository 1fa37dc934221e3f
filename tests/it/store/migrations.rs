//! The tables as the migrations make them, and the files that they are in.

use std::{fs, path::Path};

use postern::store::{
    db::Location,
    error::StoreError,
    migrate::{self, Kind, MigrateError, Progress},
};
use sqlx::SqliteConnection;

use super::scratch::connect;

/// Every column with its type; `?` where it may be empty. What is here is on disks out there: change it only together
/// with a new migration.
const COLUMNS: &str = "
    admin_sessions.id:BLOB admin_sessions.digest:BLOB admin_sessions.auth_time:INTEGER
    admin_sessions.last_seen_at:INTEGER admin_sessions.expires_at:INTEGER
    app_versions.client_id:TEXT app_versions.app_version:TEXT app_versions.sessions:INTEGER app_versions.so_far:INTEGER
    app_versions.counted_at:INTEGER
    attempts.bucket:BLOB attempts.empty_at:INTEGER
    audit_checkpoints.seq:INTEGER audit_checkpoints.hash:BLOB audit_checkpoints.latest:INTEGER
    audit_checkpoints.signed:TEXT
    audit_heads.name:TEXT audit_heads.seq:INTEGER audit_heads.hash:BLOB audit_heads.latest:INTEGER
    browser_sessions.id:BLOB browser_sessions.digest:BLOB browser_sessions.user_id:BLOB
    browser_sessions.auth_time:INTEGER browser_sessions.acr:TEXT browser_sessions.amr:TEXT
    browser_sessions.label:TEXT browser_sessions.created_at:INTEGER browser_sessions.last_seen_at:INTEGER
    browser_sessions.expires_at:INTEGER browser_sessions.ended_at:INTEGER? browser_sessions.end_reason:TEXT?
    browser_sessions.end_event:BLOB?
    client_secrets.id:BLOB client_secrets.client_id:TEXT client_secrets.digest:BLOB
    client_secrets.created_at:INTEGER client_secrets.last_used_at:INTEGER? client_secrets.expires_at:INTEGER?
    client_secrets.warned_at:INTEGER?
    clients.id:TEXT clients.name:TEXT clients.settings:TEXT clients.created_at:INTEGER
    clients.disabled_at:INTEGER? clients.last_used_at:INTEGER? clients.hears_logout:INTEGER clients.spared_until:INTEGER?
    consents.user_id:BLOB consents.client_id:TEXT consents.scope:TEXT consents.updated_at:INTEGER
    device_codes.id:BLOB device_codes.code_digest:BLOB device_codes.user_code:BLOB device_codes.client_id:TEXT
    device_codes.request:TEXT device_codes.expires_at:INTEGER device_codes.user_id:BLOB?
    device_codes.denied_at:INTEGER? device_codes.unchecked:INTEGER
    device_sessions.id:BLOB device_sessions.user_id:BLOB device_sessions.client_id:TEXT
    device_sessions.browser_session_id:BLOB? device_sessions.parent_id:BLOB? device_sessions.life:TEXT
    device_sessions.state:TEXT device_sessions.generation:INTEGER device_sessions.rotated_at:INTEGER
    device_sessions.retries:INTEGER device_sessions.handle_digest:BLOB? device_sessions.jkt:BLOB?
    device_sessions.grant_json:TEXT device_sessions.code_digest:BLOB device_sessions.code_expires_at:INTEGER
    device_sessions.redirect_uri:TEXT device_sessions.challenge:BLOB device_sessions.device:TEXT
    device_sessions.granted_at:INTEGER device_sessions.activated_at:INTEGER?
    device_sessions.expires_at:INTEGER device_sessions.ended_at:INTEGER? device_sessions.end_reason:TEXT?
    device_sessions.end_event:BLOB? device_sessions.pushed_request:BLOB?
    device_sessions.device_secret:BLOB? device_sessions.app_version:TEXT? device_sessions.address:TEXT?
    event_counts.hour:INTEGER event_counts.kind:TEXT event_counts.count:INTEGER
    events.id:BLOB events.at:INTEGER events.kind:TEXT events.user_id:BLOB? events.client_id:TEXT?
    events.session_id:BLOB? events.address:TEXT? events.data:TEXT events.actor:TEXT?
    events.seq:INTEGER? events.hash:BLOB?
    facts.name:TEXT facts.value:BLOB
    idempotent_requests.digest:BLOB idempotent_requests.request:BLOB idempotent_requests.held_until:INTEGER
    idempotent_requests.expires_at:INTEGER idempotent_requests.answer:TEXT?
    instances.client_id:TEXT instances.name:TEXT instances.down:TEXT instances.down_after:INTEGER
    instances.opened_at:INTEGER instances.seen_at:INTEGER instances.acknowledged_at:INTEGER?
    jobs.name:TEXT jobs.holder:TEXT jobs.held_until:INTEGER jobs.cursor:BLOB?
    keys.id:TEXT keys.ring:TEXT keys.state:TEXT keys.state_since:INTEGER? keys.sealed:BLOB keys.public:TEXT?
    keys.created_at:INTEGER keys.longest_life:INTEGER keys.withdrawn_at:INTEGER?
    legacy_uses.route:TEXT legacy_uses.caller:TEXT legacy_uses.uses:INTEGER legacy_uses.first_at:INTEGER
    legacy_uses.last_at:INTEGER
    mass_ends.id:BLOB mass_ends.filter:TEXT mass_ends.note:TEXT? mass_ends.actor:TEXT mass_ends.permissions:TEXT
    mass_ends.begun_at:INTEGER mass_ends.before_id:BLOB mass_ends.looked_at:INTEGER mass_ends.found:INTEGER mass_ends.ended:INTEGER
    mass_ends.done_at:INTEGER? mass_ends.cancelled_at:INTEGER? mass_ends.stopped_at:INTEGER?
    outbox.recipient:TEXT outbox.kind:TEXT outbox.about_id:BLOB outbox.user_id:BLOB outbox.created_at:INTEGER
    outbox.due_at:INTEGER outbox.attempts:INTEGER
    passwords.user_id:BLOB passwords.hash:TEXT passwords.version:INTEGER passwords.changed_at:INTEGER
    pushed_requests.id:BLOB pushed_requests.client_id:TEXT pushed_requests.request:TEXT
    pushed_requests.kept_until:INTEGER
    registration_tokens.id:BLOB registration_tokens.digest:BLOB registration_tokens.scope:TEXT?
    registration_tokens.uses_left:INTEGER? registration_tokens.created_at:INTEGER registration_tokens.expires_at:INTEGER?
    registrations.client_id:TEXT registrations.digest:BLOB registrations.token_id:BLOB? registrations.metadata:TEXT
    registrations.unused_until:INTEGER?
    revocations.kind:TEXT revocations.id:BLOB revocations.session_id:BLOB? revocations.issued_before:INTEGER
    revocations.until:INTEGER revocations.recorded_at:INTEGER
    sign_in_failures.minute:INTEGER sign_in_failures.account:TEXT sign_in_failures.block:TEXT
    sign_in_failures.count:INTEGER
    used_assertions.digest:BLOB used_assertions.expires_at:INTEGER used_assertions.unchecked:INTEGER
    users.id:BLOB users.email:TEXT users.email_key:TEXT users.name:TEXT? users.created_at:INTEGER
    users.updated_at:INTEGER users.disabled_at:INTEGER? users.role:TEXT?
    versions.name:TEXT versions.value:INTEGER
";

async fn migrated(path: &Path) -> SqliteConnection {
    migrate::run(&Location::Sqlite(path.to_owned()), true)
        .await
        .expect("migrated");
    connect(path).await
}

async fn texts(connection: &mut SqliteConnection, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(connection).await.expect(sql)
}

#[tokio::test]
async fn the_columns_are_these() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut connection = migrated(&folder.path().join("postern.db")).await;
    let columns =
        "SELECT m.name || '.' || c.name || ':' || c.type || CASE WHEN c.\"notnull\" THEN '' ELSE '?' END
         FROM sqlite_schema m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' ORDER BY m.name, c.cid";
    let columns = texts(&mut connection, columns).await;
    let expected: Vec<&str> = COLUMNS.split_whitespace().collect();
    assert_eq!(columns, expected, "\n{}", columns.join("\n"));
}

/// The names that PostgreSQL gives to SQLite's types; an id of 16 bytes is a UUID there.
fn on_postgres(column: &str) -> String {
    let (name, kind) = column.split_once(':').expect("a type");
    let (kind, may_be_empty) = kind.strip_suffix('?').map_or((kind, ""), |kind| (kind, "?"));
    let (_, column) = name.split_once('.').expect("a table");
    let is_id = column == "id" || column.ends_with("_id") || column == "end_event";
    let kind = match kind {
        "INTEGER" => "bigint",
        "TEXT" => "text",
        "BLOB" if is_id && name != "revocations.id" => "uuid",
        _ => "bytea",
    };
    format!("{name}:{kind}{may_be_empty}")
}

#[tokio::test]
async fn the_columns_are_the_same_on_both_back_ends() {
    let Some(database) = crate::harness::postgres::database().await else {
        return;
    };
    let columns = database.psql(
        "SELECT table_name || '.' || column_name || ':' || data_type || CASE WHEN is_nullable = 'NO' THEN '' ELSE '?' END
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%' ORDER BY table_name COLLATE \"C\", ordinal_position",
    );
    let columns: Vec<&str> = columns.lines().collect();
    let expected: Vec<String> = COLUMNS.split_whitespace().map(on_postgres).collect();
    assert_eq!(columns, expected, "\n{}", columns.join("\n"));
}

/// An index as both back ends write it: without spaces, quotes, and the words that only one of them has.
fn plain(index: &str) -> String {
    let text = index
        .to_lowercase()
        .replace("using btree", "")
        .replace("public.", "")
        .replace("::text", "")
        // The order of bytes has another name on each.
        .replace("collate binary", "")
        .replace("collate \"c\"", "");
    text.chars()
        .filter(|c| !c.is_whitespace() && !"()\"".contains(*c))
        .collect()
}

#[tokio::test]
async fn the_indexes_are_the_same_on_both_back_ends() {
    let Some(database) = crate::harness::postgres::database().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut sqlite = migrated(&folder.path().join("postern.db")).await;
    let indexes = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    let indexes = texts(&mut sqlite, indexes).await;
    let mut on_sqlite: Vec<String> = indexes.iter().map(|index| plain(index)).collect();
    let indexes = database.psql(
        "SELECT indexdef FROM pg_indexes i WHERE schemaname = 'public'
         AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)",
    );
    let mut on_postgres: Vec<String> = indexes.lines().map(plain).collect();
    on_sqlite.sort();
    on_postgres.sort();
    assert!(on_sqlite.len() > 10);
    assert_eq!(on_sqlite, on_postgres);
}

#[test]
fn the_files_have_the_same_names_on_both_back_ends() {
    let names = |folder: &str| {
        let entries = fs::read_dir(folder).expect("a folder");
        entries
            .map(|entry| entry.expect("an entry").file_name())
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names("migrations/sqlite"), names("migrations/postgres"));
}

#[tokio::test]
async fn every_table_is_strict_and_every_key_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut connection = migrated(&folder.path().join("postern.db")).await;
    let loose = "SELECT name FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_sqlx%' ESCAPE '\\'";
    assert!(texts(&mut connection, loose).await.is_empty());
    let without_key =
        "SELECT m.name FROM sqlite_schema m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'
         AND NOT EXISTS (SELECT 1 FROM pragma_table_info(m.name) c WHERE c.pk > 0)";
    assert!(texts(&mut connection, without_key).await.is_empty());
}

#[tokio::test]
async fn no_index_has_a_column_that_a_refresh_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut connection = migrated(&folder.path().join("postern.db")).await;
    let indexes = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'device_sessions' AND sql IS NOT NULL";
    let indexes = texts(&mut connection, indexes).await;
    assert!(!indexes.is_empty());
    for index in indexes {
        for column in ["generation", "rotated_at", "retries", "app_version", "address"] {
            assert!(!index.contains(column), "{index}");
        }
    }
}

#[tokio::test]
async fn migrated_tables_are_those_of_the_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut migrated = migrated(&folder.path().join("migrated.db")).await;
    fs::write(folder.path().join("plain.db"), "").expect("an empty database");
    let mut plain = connect(&folder.path().join("plain.db")).await;
    let mut files: Vec<_> = fs::read_dir("migrations/sqlite")
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).expect("text");
        sqlx::raw_sql(sqlx::AssertSqlSafe(text))
            .execute(&mut plain)
            .await
            .expect("runs");
    }
    let schema = "SELECT COALESCE(sql, name) FROM sqlite_schema
         WHERE tbl_name NOT LIKE '\\_sqlx%' ESCAPE '\\' ORDER BY type, name";
    assert_eq!(
        texts(&mut migrated, schema).await,
        texts(&mut plain, schema).await
    );
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("postern.db");
    let mut connection = migrated(&path).await;
    sqlx::query("INSERT INTO facts (name, value) VALUES ('kept', x'01')")
        .execute(&mut connection)
        .await
        .expect("written");
    let schema = "SELECT COALESCE(sql, name) FROM sqlite_schema ORDER BY type, name";
    let before = texts(&mut connection, schema).await;
    for create in [true, false] {
        migrate::run(&Location::Sqlite(path.clone()), create)
            .await
            .expect("run again");
    }
    assert_eq!(texts(&mut connection, schema).await, before);
    assert_eq!(texts(&mut connection, "SELECT name FROM facts").await, ["kept"]);
}

#[tokio::test]
async fn a_database_that_is_not_there_is_made_only_on_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("postern.db");
    let refused = migrate::run(&Location::Sqlite(path.clone()), false).await;
    assert!(
        matches!(refused, Err(MigrateError::Store(StoreError::Unavailable(_)))),
        "{refused:?}"
    );
    assert!(!path.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_the_database_and_the_files_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = super::scratch::Scratch::start().await;
    scratch.add(1).await.expect("added");
    for file in ["postern.db", "postern.db-wal", "postern.db-shm"] {
        let mode = fs::metadata(scratch.path.with_file_name(file))
            .expect(file)
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

/// Puts a migration of a newer version into the database.
async fn from_the_future(connection: &mut SqliteConnection, name: &str) {
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         SELECT MAX(version) + 1, $1, 1, x'00', 1 FROM _sqlx_migrations",
    )
    .bind(name)
    .execute(connection)
    .await
    .expect("written");
}

#[tokio::test]
async fn one_expansion_ahead_is_served_and_a_contraction_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("postern.db");
    let mut connection = migrated(&path).await;
    let location = Location::Sqlite(path);
    from_the_future(&mut connection, "expand logout").await;
    migrate::run(&location, false).await.expect("served");
    let plan = migrate::plan(&location).await.expect("a plan");
    let last = plan.last().expect("steps");
    assert_eq!(
        (last.kind, last.progress, last.name.as_str()),
        (Kind::Expand, Progress::Ahead, "expand logout")
    );

    from_the_future(&mut connection, "contract logout").await;
    let refused = migrate::run(&location, false)
        .await
        .expect_err("refused")
        .to_string();
    assert!(
        refused.contains("(contract logout)") && refused.contains("newer"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_plan_has_the_texts_that_would_run_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("postern.db");
    fs::write(&path, "").expect("an empty database");
    let location = Location::Sqlite(path.clone());
    let plan = migrate::plan(&location).await.expect("a plan");
    assert!(plan.iter().all(|step| step.progress == Progress::Pending));
    for (step, file) in plan.iter().zip(["0001_core.sql", "0002_expand_nodes.sql"]) {
        let text = fs::read_to_string(Path::new("migrations/sqlite").join(file)).expect("text");
        assert_eq!(step.sql.as_deref(), Some(text.as_str()));
    }
    assert_eq!(fs::read(&path).expect("the file").len(), 0);
    migrate::run(&location, false).await.expect("run");
    let plan = migrate::plan(&location).await.expect("a plan");
    assert!(
        plan.iter()
            .all(|step| step.progress == Progress::Applied && step.sql.is_none())
    );
}

#[tokio::test]
async fn two_processes_that_migrate_at_once_both_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("postern.db");
    let at_once = (0..8).map(|_| {
        let location = Location::Sqlite(path.clone());
        async move { migrate::run(&location, true).await }
    });
    for started in futures_util::future::join_all(at_once).await {
        started.expect("started");
    }
}

/// What a migration may be called and hold: a rolling restart relies on it.
#[test]
fn a_migration_expands_or_contracts_and_fills_nothing() {
    for back_end in ["sqlite", "postgres"] {
        let entries = fs::read_dir(Path::new("migrations").join(back_end)).expect("a folder");
        for file in entries.map(|entry| entry.expect("an entry").path()) {
            let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
            let kind = name.split('_').nth(1).expect("a kind");
            assert!(["core", "expand", "contract"].contains(&kind), "{name}");
            let text = fs::read_to_string(&file).expect("text").to_uppercase();
            for statement in text.split(';').map(str::trim) {
                let first = statement
                    .lines()
                    .find(|line| !line.starts_with("--"))
                    .unwrap_or_default();
                assert!(
                    !first.starts_with("UPDATE") && !first.starts_with("DELETE"),
                    "{name}: {first}"
                );
                let takes_away = ["DROP ", "RENAME ", "ALTER COLUMN", "SET NOT NULL"];
                let expands = kind == "contract" || takes_away.iter().all(|word| !statement.contains(word));
                assert!(expands, "{name}: {statement}");
            }
        }
    }
}
