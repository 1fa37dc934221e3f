//! What `postern restore` refuses, before anything is changed.

use std::fs;

use postern::{app::AppError, base::entropy::Entropy, ports::lock::DatabaseLock, ports::secrets::RootSecret};
use sqlx::{Connection, SqliteConnection};

use super::Shell;
use crate::harness::{ALICE, Postern, Stopped, Tokens};

/// A stopped server with a backup, and a session that was opened after it: it is there as long as nothing is restored.
struct Unchanged {
    shell: Shell,
    stopped: Stopped,
    tokens: Tokens,
}

impl Unchanged {
    async fn start() -> Self {
        let postern = Postern::start().await;
        let shell = Shell::in_folder(postern.folder());
        let backup = postern.folder().join("backup.db");
        shell
            .run(&["backup", backup.to_str().expect("text")])
            .await
            .done();
        let tokens = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
        Self {
            shell,
            stopped: postern.stop().await,
            tokens,
        }
    }

    fn file(&self, name: &str) -> String {
        let path = self.stopped.folder().join(name);
        path.to_str().expect("text").to_owned()
    }

    async fn refused(&self, words: &[&str]) -> String {
        self.shell.run(&[&["restore"], words].concat()).await.refused(1)
    }

    /// Nothing was changed, and nothing was left.
    async fn holds(self) {
        let left = fs::read_dir(self.stopped.folder()).expect("a folder");
        for entry in left {
            let name = entry.expect("an entry").file_name();
            let name = name.to_string_lossy();
            assert!(
                !name.contains("restoring") && !name.contains("replaced"),
                "{name}"
            );
        }
        let postern = self.stopped.start().await;
        assert_eq!(postern.phone().refresh(&self.tokens.refresh).await.status, 200);
    }
}

#[tokio::test]
async fn a_server_that_runs_keeps_its_database() {
    let postern = Postern::start().await;
    let shell = Shell::in_folder(postern.folder());
    let backup = postern.folder().join("backup.db");
    let backup = backup.to_str().expect("text");
    shell.run(&["backup", backup]).await.done();
    let tokens = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    let said = shell.run(&["restore", backup, "--none"]).await.refused(1);
    assert!(said.contains("is in use: stop the server"), "{said}");
    assert_eq!(postern.phone().refresh(&tokens.refresh).await.status, 200);
    // Commands go on beside the server.
    shell.run(&["user", "list"]).await.done();
}

#[tokio::test]
async fn nobody_opens_a_database_that_is_being_replaced() {
    let unchanged = Unchanged::start().await;
    let restoring = DatabaseLock::exclusive(unchanged.stopped.database_file()).expect("free");
    let refused = unchanged.stopped.try_start().await.expect_err("locked");
    assert!(matches!(refused, AppError::Lock(_)), "{refused}");
    let said = unchanged.shell.run(&["user", "list"]).await.refused(1);
    assert!(said.contains("is being replaced by `postern restore`"), "{said}");
    let backup = unchanged.file("backup.db");
    let said = unchanged.refused(&[&backup, "--none"]).await;
    assert!(said.contains("is in use"), "{said}");
    drop(restoring);
    unchanged.holds().await;
}

#[tokio::test]
async fn a_database_in_use_is_no_backup() {
    let unchanged = Unchanged::start().await;
    let backup = unchanged.file("backup.db");
    fs::write(format!("{backup}-wal"), "what a copy of the one file would lose").expect("written");
    let said = unchanged.refused(&[&backup, "--none"]).await;
    assert!(said.contains("is a database in use, not a backup"), "{said}");
    assert!(said.contains("postern backup"), "{said}");
    unchanged.holds().await;
}

#[tokio::test]
async fn whether_ends_are_known_has_to_be_said() {
    let unchanged = Unchanged::start().await;
    let backup = unchanged.file("backup.db");
    let said = unchanged.shell.run(&["restore", &backup]).await.refused(2);
    assert!(said.contains("--ends") && said.contains("--none"), "{said}");
    unchanged
        .shell
        .run(&["restore", &backup, "--none", "--ends", &backup])
        .await
        .refused(2);
    unchanged.holds().await;
}

#[tokio::test]
async fn another_root_secret_is_named_by_its_fingerprint_and_a_missing_one_by_its_place() {
    let unchanged = Unchanged::start().await;
    let (backup, secret) = (unchanged.file("backup.db"), unchanged.file("root.secret"));
    let right = fs::read_to_string(&secret).expect("text");
    let other = RootSecret::new(&Entropy::seeded(99));
    fs::write(&secret, other.expose().expose()).expect("written");
    let said = unchanged.refused(&[&backup, "--none"]).await;
    let expected = RootSecret::parse(&right).expect("a secret").fingerprint();
    assert!(
        said.contains(&expected) && said.contains(&other.fingerprint()),
        "{said}"
    );
    assert!(said.contains("nothing was changed"), "{said}");
    assert!(
        !said.contains(right.trim()) && !said.contains(other.expose().expose().as_str()),
        "{said}"
    );
    // The server refuses it as well.
    let started = unchanged
        .stopped
        .try_start()
        .await
        .expect_err("another secret")
        .to_string();
    assert!(started.contains(&expected), "{started}");

    fs::remove_file(&secret).expect("deleted");
    let said = unchanged.refused(&[&backup, "--none"]).await;
    assert!(
        said.contains("root.secret") && said.contains("cannot be read"),
        "{said}"
    );
    unchanged.stopped.try_start().await.expect_err("no secret");
    fs::write(&secret, right).expect("written");
    unchanged.holds().await;
}

#[tokio::test]
async fn what_is_no_sound_backup_is_not_restored() {
    let unchanged = Unchanged::start().await;
    let backup = unchanged.file("backup.db");
    let sound = fs::read(&backup).expect("a file");
    let broken = unchanged.file("broken.db");

    let said = unchanged
        .refused(&[&unchanged.file("nowhere.db"), "--none"])
        .await;
    assert!(said.contains("nowhere.db cannot be copied"), "{said}");
    fs::write(
        &broken,
        "a letter to a friend, which is long enough to be taken for something else",
    )
    .expect("written");
    let said = unchanged.refused(&[&broken, "--none"]).await;
    assert!(said.contains("cannot be read as a database"), "{said}");
    // A page in the middle, as a failing disk leaves it.
    let mut damaged = sound.clone();
    damaged[4096 * 5..4096 * 6].fill(0xa5);
    fs::write(&broken, damaged).expect("written");
    let said = unchanged.refused(&[&broken, "--none"]).await;
    assert!(said.contains("damaged") || said.contains("malformed"), "{said}");
    fs::write(&broken, &sound[..sound.len() / 2]).expect("written");
    unchanged.refused(&[&broken, "--none"]).await;
    // The file of a database that was in use: what its log holds would be lost.
    fs::write(&broken, &sound).expect("written");
    fs::write(format!("{broken}-wal"), "frames").expect("written");
    let said = unchanged.refused(&[&broken, "--none"]).await;
    assert!(said.contains("a database in use, not a backup"), "{said}");
    unchanged.holds().await;
}

#[tokio::test]
async fn a_backup_of_a_newer_version_is_not_restored() {
    let unchanged = Unchanged::start().await;
    let backup = unchanged.file("backup.db");
    let mut connection = SqliteConnection::connect(&format!("sqlite:{backup}"))
        .await
        .expect("opened");
    let newer =
        "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time)
         VALUES (9999, 'contract of tomorrow', '2030-01-01', true, x'00', 0)";
    sqlx::query(newer)
        .execute(&mut connection)
        .await
        .expect("written");
    connection.close().await.expect("closed");
    let said = unchanged.refused(&[&backup, "--none"]).await;
    assert!(
        said.contains("9999") && said.contains("nothing was changed"),
        "{said}"
    );
    unchanged.holds().await;
}

#[tokio::test]
async fn a_line_that_cannot_be_used_is_named_by_its_number() {
    let unchanged = Unchanged::start().await;
    let (backup, ends) = (unchanged.file("backup.db"), unchanged.file("ends.jsonl"));
    let all = unchanged
        .shell
        .run(&["events", "export", "--since", "3650d"])
        .await
        .done();
    let first = all.lines().next().expect("an event").to_owned();
    let line = |kind: &str, subject: &str, data: &str| {
        format!(
            r#"{{"id":"evt_019a0000000070008000000000000000","at":1790000000000,"kind":"{kind}","subject":{{{subject}}},"data":{data}}}"#
        )
    };
    let long = line("client.added", "", &format!("\"{}\"", "x".repeat(70_000)));
    let bad = [
        "not JSON".to_owned(),
        "{}".to_owned(),
        String::new(),
        first.replace("evt_", "usr_"),
        first.replace("\"at\"", "\"when\""),
        line("session.ended", "", r#"{"node":"device","reason":"revoked"}"#),
        line(
            "session.ended",
            "",
            r#"{"node":"planet","id":"x","reason":"revoked"}"#,
        ),
        line(
            "session.ended",
            "",
            r#"{"node":"client","id":"notes","reason":"no such reason"}"#,
        ),
        line("session.opened", "", r#"{"scope":"openid","device":"Firefox"}"#),
        line(
            "session.opened",
            r#""session":"dse_019a0000000070008000000000000000""#,
            "{}",
        ),
        line("client.added", "", "[]"),
        line("user.disabled", "", "{}"),
        line("user.password_changed", r#""user":"usr_1""#, "{}"),
        line("client.removed", "", "{}"),
        line(
            "token.revoked",
            r#""session":"dse_019a0000000070008000000000000000""#,
            r#"{"jti":"%"}"#,
        ),
        long,
    ];
    for bad in bad {
        fs::write(&ends, format!("{first}\n{first}\n{bad}\n{first}\n")).expect("written");
        let said = unchanged.refused(&[&backup, "--ends", &ends]).await;
        assert!(
            said.contains("line 3 of") && said.contains("nothing was changed"),
            "{bad:.100}: {said}"
        );
    }
    // The last line of a file that was cut off.
    fs::write(&ends, format!("{first}\n{first}")).expect("written");
    let said = unchanged.refused(&[&backup, "--ends", &ends]).await;
    assert!(said.contains("line 2 of") && said.contains("cut off"), "{said}");
    let said = unchanged
        .refused(&[&backup, "--ends", &unchanged.file("nowhere")])
        .await;
    assert!(said.contains("nowhere cannot be read"), "{said}");
    unchanged.holds().await;
}

#[tokio::test]
async fn kinds_of_another_version_are_kept() {
    let unchanged = Unchanged::start().await;
    let (backup, ends) = (unchanged.file("backup.db"), unchanged.file("ends.jsonl"));
    let line = r#"{"id":"evt_01a0c4b0000070008000000000000000","at":1790000001000,"kind":"comet.seen","subject":{},"data":{"tail":1}}"#;
    fs::write(&ends, format!("{line}\n")).expect("written");
    unchanged
        .shell
        .run(&["restore", &backup, "--ends", &ends])
        .await
        .done();
    let postern = unchanged.stopped.start().await;
    assert_eq!(postern.count_events("comet.seen").await, 1);
}
