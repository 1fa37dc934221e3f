//! `postern dev seed`: what it leaves behind on both back ends, and what it refuses.

use postern::{
    app::{App, Surroundings},
    base::{entropy::Entropy, time::Clock},
    config::{Config, Overrides},
    domain::password::Password,
    flows::seed::{self, Stage, Wish},
    ports::hasher::QueuePlace,
    store::{db::Statement, device_sessions, ending::MANY, seed::Loader, users},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Shell;
use crate::harness::{ALICE, PASSWORD, postgres};

const INDEXES: [&str; 2] = [
    "SELECT name FROM sqlite_schema WHERE type IN ('index', 'table') AND name NOT LIKE 'sqlite_stat%' ORDER BY name",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL
     SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' UNION ALL
     SELECT CAST(tablename AS text) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
];

/// A founded database, and the shell of its developer.
struct Desk {
    _folder: TempDir,
    _database: Option<postgres::Database>,
    shell: Shell,
    indexes: Statement<(), (String,)>,
}

impl Desk {
    async fn sqlite() -> Self {
        Self::with(None).await
    }

    async fn postgres() -> Option<Self> {
        Some(Self::with(Some(postgres::database().await?)).await)
    }

    async fn with(database: Option<postgres::Database>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut shell = Shell::in_folder(folder.path());
        if let Some(database) = &database {
            shell = shell.with("POSTERN__DATABASE__URL", &database.cluster.url(&database.name));
        }
        shell.run(&["init"]).await.done();
        Self {
            indexes: Statement::new(INDEXES[usize::from(database.is_some())]),
            _folder: folder,
            _database: database,
            shell,
        }
    }

    fn config(&self) -> Config {
        let variables = self.shell.variables.iter().cloned();
        Config::load(&self.shell.data, None, variables, &Overrides::default()).expect("a configuration")
    }

    async fn app(&self) -> App {
        let surroundings = Surroundings {
            clock: Clock::system(),
            entropy: Entropy::system().into(),
            environment: |_| None,
        };
        App::open(&self.config(), surroundings).await.expect("opened")
    }

    async fn seed(&self, users: &str, sessions: &str) -> Value {
        let command = [
            "dev",
            "seed",
            "--users",
            users,
            "--sessions",
            sessions,
            "--password-stdin",
            "--json",
        ];
        self.shell.run_with_input(&command, PASSWORD).await.json()
    }

    /// The tables, indexes and foreign keys.
    async fn schema(&self) -> Vec<(String,)> {
        let app = self.app().await;
        let schema = app.provider.db.read_all(self.indexes, ()).await.expect("read");
        app.provider.db.clone().close().await;
        assert!(schema.len() > 20, "{schema:?}");
        schema
    }
}

async fn count(app: &App, sql: &'static str) -> i64 {
    let counted = app.provider.db.read(Statement::<(), (i64,)>::new(sql), ()).await;
    counted.expect("read").expect("a row").0
}

/// Ben fills a database, looks at it, and fills it once more.
async fn a_database_is_filled_and_filled_again(desk: Desk) {
    let before = desk.schema().await;
    let seeded = desk.seed("50", "3000").await;
    assert_eq!(
        (
            &seeded["users"],
            &seeded["sessions"],
            &seeded["interrupted"],
            &seeded["password"]
        ),
        (&json!(50), &json!(3000), &json!(false), &Value::Null)
    );
    assert_eq!(seeded["last"], "user0000050@example.com");
    let again = desk.seed("5", "100").await;
    assert_eq!(
        (&again["first"], &again["last"]),
        (
            &json!("user0000051@example.com"),
            &json!("user0000055@example.com")
        )
    );
    assert_eq!(desk.schema().await, before, "as the migrations made it");

    let app = desk.app().await;
    let total =
        |name: &str| seeded[name].as_i64().expect("a number") + again[name].as_i64().expect("a number");
    for (name, sql) in [
        (
            "users",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM users u JOIN passwords p ON p.user_id = u.id",
        ),
        (
            "consents",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM consents c JOIN users u ON u.id = c.user_id",
        ),
        (
            "browser_sessions",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM browser_sessions b JOIN users u ON u.id = b.user_id",
        ),
        (
            "sessions",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM device_sessions d JOIN users u ON u.id = d.user_id
            JOIN clients c ON c.id = d.client_id",
        ),
        (
            "events",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM events e JOIN device_sessions d ON d.id = e.session_id",
        ),
    ] {
        assert_eq!(count(&app, sql).await, total(name), "{name}");
        assert!(total(name) > 0, "{name}");
    }
    let of_state =
        "SELECT state, CAST(COUNT(*) AS BIGINT) FROM device_sessions GROUP BY state ORDER BY state";
    let states = Statement::<(), (String, i64)>::new(of_state);
    let states = app.provider.db.read_all(states, ()).await.expect("read");
    let states: Vec<_> = states.iter().map(|(state, _)| state.as_str()).collect();
    assert_eq!(states, ["active", "ended", "granted"]);
    let strange = "SELECT CAST(COUNT(*) AS BIGINT) FROM device_sessions
        WHERE rotated_at < granted_at OR expires_at <= granted_at OR ended_at < rotated_at
          OR (state = 'active') <> (activated_at IS NOT NULL AND ended_at IS NULL)";
    assert_eq!(count(&app, strange).await, 0);

    // Every row reads as what it should be.
    let ids = device_sessions::over::after(
        &app.provider.db,
        postern::base::id::DeviceSessionId::from_bytes([0; 16]),
        5000,
    );
    for row in ids.await.expect("read") {
        let found = device_sessions::find(&app.provider.db, row.id)
            .await
            .expect("it reads");
        assert!(found.is_some());
    }
    let (_, _, hash, _) = app
        .provider
        .db
        .read(users::FIND_FOR_SIGN_IN, ("user0000055@example.com".to_owned(),))
        .await
        .expect("read")
        .expect("she is there");
    let typed = Password::presented(PASSWORD.to_owned()).expect("short enough");
    let verified = app
        .provider
        .hasher
        .verify(typed, Some(hash), QueuePlace::Stranger)
        .await;
    assert!(verified.expect("compared").right);
}

/// A client with more sessions than one change ends.
async fn a_client_of_thousands_is_removed(desk: Desk) {
    desk.seed("400", "9000").await;
    let living = "SELECT CAST(COUNT(*) AS BIGINT) FROM device_sessions WHERE client_id = 'dev-notes' AND ended_at IS NULL";
    let app = desk.app().await;
    let before = count(&app, living).await;
    assert!(before > MANY, "{before}");
    let all = "SELECT CAST(COUNT(*) AS BIGINT) FROM device_sessions WHERE ended_at IS NULL";
    let others = count(&app, all).await - before;

    let said = desk
        .shell
        .run(&["client", "remove", "dev-notes", "--json"])
        .await
        .json();
    assert_eq!(said["ended"]["devices"], before);
    assert_eq!((count(&app, living).await, count(&app, all).await), (0, others));
    desk.shell.run(&["client", "show", "dev-notes"]).await.refused(1);
    let told = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE kind = 'client.removed'";
    assert_eq!(count(&app, told).await, 1);
    desk.shell
        .run(&["client", "remove", "dev-notes"])
        .await
        .refused(1);
}

#[tokio::test]
async fn a_client_of_thousands_is_removed_embedded() {
    a_client_of_thousands_is_removed(Desk::sqlite().await).await;
}

#[tokio::test]
async fn a_client_of_thousands_is_removed_on_postgres() {
    let Some(desk) = Desk::postgres().await else {
        return;
    };
    a_client_of_thousands_is_removed(desk).await;
}

#[tokio::test]
async fn a_database_is_filled_and_filled_again_embedded() {
    a_database_is_filled_and_filled_again(Desk::sqlite().await).await;
}

#[tokio::test]
async fn a_database_is_filled_and_filled_again_on_postgres() {
    let Some(desk) = Desk::postgres().await else {
        return;
    };
    a_database_is_filled_and_filled_again(desk).await;
}

/// Ben presses Ctrl-C; another time his machine falls asleep for ever.
async fn an_interruption_leaves_a_database_that_can_be_used(desk: Desk) {
    let before = desk.schema().await;
    let app = desk.app().await;
    let wish = Wish {
        users: 30,
        sessions: 30_000,
        password: Password::presented(PASSWORD.to_owned()).expect("short enough"),
        among_others: false,
    };
    let location = desk.config().database.location;
    let go_on = |progress: seed::Progress| progress.stage != Stage::Sessions;
    let seeded = seed::seed(&app.provider, &location, wish, go_on)
        .await
        .expect("made");
    assert!(seeded.interrupted && seeded.users == 30);
    assert!((1..30_000).contains(&seeded.sessions), "{seeded:?}");
    assert_eq!(desk.schema().await, before);

    let mut killed = Loader::open(&location)
        .await
        .expect("asked")
        .expect("nobody else");
    killed.put_aside().await.expect("put aside");
    assert!(killed.aside().await.expect("read") > 5);
    drop(killed);
    while Loader::open(&location).await.expect("asked").is_none() {
        tokio::task::yield_now().await;
    }
    assert_ne!(desk.schema().await, before, "it was killed in between");
    desk.seed("1", "10").await;
    assert_eq!(desk.schema().await, before, "the next run made them again");
}

#[tokio::test]
async fn an_interruption_leaves_a_database_that_can_be_used_embedded() {
    an_interruption_leaves_a_database_that_can_be_used(Desk::sqlite().await).await;
}

#[tokio::test]
async fn an_interruption_leaves_a_database_that_can_be_used_on_postgres() {
    let Some(desk) = Desk::postgres().await else {
        return;
    };
    an_interruption_leaves_a_database_that_can_be_used(desk).await;
}

#[tokio::test]
async fn a_database_that_people_use_is_not_filled() {
    let desk = Desk::sqlite().await;
    let add = ["user", "add", ALICE, "--password-stdin"];
    desk.shell.run_with_input(&add, PASSWORD).await.done();
    let command = ["dev", "seed", "--users", "3", "--sessions", "10"];
    let said = desk.shell.run(&command).await.refused(1);
    assert!(
        said.contains("people whom `postern dev seed` did not make") && said.contains("--force"),
        "{said}"
    );
    assert!(
        desk.shell
            .run(&["client", "list"])
            .await
            .done()
            .starts_with("No app yet"),
        "nothing was changed"
    );
    let forced = desk
        .shell
        .run(&[&command[..], &["--force"]].concat())
        .await
        .done();
    assert!(
        forced.contains(
            "They sign in as user0000001@example.com to user0000003@example.com,\nall with the password "
        ),
        "{forced}"
    );
}

#[tokio::test]
async fn nobody_else_is_at_the_file_meanwhile() {
    let desk = Desk::sqlite().await;
    let server = desk.app().await;
    let command = ["dev", "seed", "--users", "3", "--sessions", "10"];
    let said = desk.shell.run(&command).await.refused(1);
    assert!(said.contains("stop `postern serve`"), "{said}");
    server.provider.db.clone().close().await;
    desk.shell.run(&command).await.done();
}

#[tokio::test]
async fn what_does_not_fit_on_the_disk_is_not_begun() {
    let desk = Desk::sqlite().await;
    let command = ["dev", "seed", "--users", "3", "--sessions", "1000000000"];
    let said = desk.shell.run(&command).await.refused(1);
    assert!(
        said.contains("this needs about 1100.0 GB in ") && said.contains("nothing was changed"),
        "{said}"
    );
}
