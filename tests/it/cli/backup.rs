//! `postern backup`: whole, checked, for its owner only, and without the root secret.

use std::{fs, path::Path};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use futures_util::future::join;
use postern::{
    base::time::{Instant, Lifetime},
    store::backup::check,
};
use sqlx::{Connection, SqliteConnection};

use super::Shell;
use crate::harness::{ALICE, Postern, Tokens};

fn shell_of(postern: &Postern) -> Shell {
    Shell::in_folder(postern.folder())
}

async fn number(path: &Path, sql: &'static str) -> i64 {
    let url = format!("sqlite:{}?mode=ro", path.display());
    let mut connection = SqliteConnection::connect(&url).await.expect("opened");
    sqlx::query_scalar(sql)
        .fetch_one(&mut connection)
        .await
        .expect(sql)
}

#[tokio::test]
async fn a_backup_beside_a_server_that_writes_is_of_one_moment_and_checked() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let mut tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let file = postern.folder().join("backup.db");
    let name = file.to_str().expect("text");
    let words = ["backup", name, "--json"];
    let shell = shell_of(&postern);
    let writing = async {
        for _ in 0..50 {
            tokens = Tokens::of(&phone.refresh(&tokens.refresh).await);
        }
        tokens
    };
    let (made, tokens) = join(shell.run(&words), writing).await;
    let made = made.json();
    assert_eq!(made["file"], name);
    assert_eq!(made["bytes"], fs::metadata(&file).expect("a file").len());
    assert_eq!(
        made["root_secret_fingerprint"],
        check(&file).await.expect("a sound copy")
    );
    assert_eq!(
        number(
            &file,
            "SELECT COUNT(*) FROM device_sessions WHERE state = 'active'"
        )
        .await,
        1
    );
    assert_eq!(
        phone.refresh(&tokens.refresh).await.status,
        200,
        "the server was not disturbed"
    );
    // Nothing else was left.
    let left = fs::read_dir(postern.folder()).expect("a folder");
    let left = left.filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        name.to_string_lossy().starts_with("backup")
    });
    assert_eq!(left.count(), 1);
}

/// A change has the time at which it was asked for, and is durable later: an export that begins when the backup was made
/// could miss what was under way.
#[tokio::test]
async fn ends_are_exported_from_before_the_backup() {
    let postern = Postern::start().await;
    let mut shell = shell_of(&postern);
    shell.clock = postern.clock.clone();
    let file = |name: &str| postern.folder().join(name).to_str().expect("text").to_owned();
    let made = shell.run(&["backup", &file("one.db"), "--json"]).await.json();
    let at: Instant = serde_json::from_value(made["at"].clone()).expect("a time");
    assert_eq!(postern.clock.now().since(at), Lifetime::from_secs(600));
    let said = shell.run(&["backup", &file("two.db")]).await.done();
    let since = format!("postern events export --since {}", at.to_rfc3339());
    assert!(said.contains(&since), "{said}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_a_backup() {
    use std::os::unix::fs::PermissionsExt;
    let postern = Postern::start().await;
    let file = postern.folder().join("backup.db");
    shell_of(&postern)
        .run(&["backup", file.to_str().expect("text")])
        .await
        .done();
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_file_that_is_there_is_not_touched() {
    let postern = Postern::start().await;
    let file = postern.folder().join("backup.db");
    let words = ["backup", file.to_str().expect("text")];
    fs::write(&file, "something else").expect("written");
    let said = shell_of(&postern).run(&words).await.refused(1);
    assert!(said.contains("choose another name"), "{said}");
    assert_eq!(fs::read_to_string(&file).expect("text"), "something else");

    fs::remove_file(&file).expect("deleted");
    let unfinished = file.with_file_name("backup.db.unfinished");
    fs::write(&unfinished, "another one at work").expect("written");
    let said = shell_of(&postern).run(&words).await.refused(1);
    assert!(said.contains("another backup") && !file.exists(), "{said}");
    assert_eq!(
        fs::read_to_string(&unfinished).expect("text"),
        "another one at work"
    );

    let nowhere = postern.folder().join("nowhere/backup.db");
    let said = shell_of(&postern)
        .run(&["backup", nowhere.to_str().expect("text")])
        .await
        .refused(1);
    assert!(said.contains("choose a folder"), "{said}");
}

#[tokio::test]
async fn a_copy_of_a_damaged_database_is_not_called_a_backup() {
    let postern = Postern::start().await;
    postern.tamper("DELETE FROM facts").await;
    let file = postern.folder().join("backup.db");
    let said = shell_of(&postern)
        .run(&["backup", file.to_str().expect("text")])
        .await
        .refused(1);
    assert!(said.contains("it holds no keys"), "{said}");
    assert!(!file.exists() && !file.with_file_name("backup.db.unfinished").exists());
}

#[tokio::test]
async fn the_root_secret_is_in_no_backup_in_any_form() {
    let postern = Postern::start().await;
    postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    let file = postern.folder().join("backup.db");
    shell_of(&postern)
        .run(&["backup", file.to_str().expect("text")])
        .await
        .done();
    let root = fs::read_to_string(postern.folder().join("root.secret")).expect("text");
    let encoded = root.trim().trim_start_matches("pst_root_");
    let bytes = Base64UrlUnpadded::decode_vec(encoded).expect("base64url");
    let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    let backup = fs::read(&file).expect("a file");
    let holds = |needle: &[u8]| backup.windows(needle.len()).any(|window| window == needle);
    assert!(holds(ALICE.as_bytes()), "what is in it is found");
    let forms = [
        bytes.clone(),
        encoded.as_bytes().to_vec(),
        Base64::encode_string(&bytes).into_bytes(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
    ];
    for form in forms {
        // Halves too: pages are cut somewhere.
        let (first, second) = form.split_at(form.len() / 2);
        assert!(!holds(first) && !holds(second));
    }
}
