//! `init`, and the root secret without which nothing opens.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use postern::base::file::write_once;

use super::Shell;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[tokio::test]
async fn init_makes_a_folder_that_only_its_owner_may_look_into() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(&folder.path().join("deep/data"));
    let said = shell
        .run(&["init", "--public-url", "https://id.example.com"])
        .await
        .done();
    assert_eq!(mode(&shell.data), 0o700);
    assert_eq!(mode(&shell.data.join("root.secret")), 0o600);
    for file in ["postern.db", "postern.toml"] {
        assert_eq!(mode(&shell.data.join(file)), 0o600, "{file}");
        assert!(said.contains(file), "{said}");
    }
    assert!(
        said.contains("\n  public URL     https://id.example.com\n"),
        "{said}"
    );
    let secret = fs::read_to_string(shell.data.join("root.secret")).expect("text");
    assert!(
        secret.starts_with("pst_root_") && !said.contains("pst_root_"),
        "{said}"
    );
    let shown = shell.run(&["config", "show"]).await.done();
    assert!(
        shown.contains("server.public_url = \"https://id.example.com\""),
        "{shown}"
    );
    // Everything that the message tells to do next works.
    assert!(said.contains("postern serve --data "), "{said}");
}

#[tokio::test]
async fn init_refuses_a_database_that_is_there_and_overwrites_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(folder.path());
    let file = folder.path().join("postern.toml");
    fs::write(&file, "# mine\n").expect("written");
    let made = shell.run(&["init", "--json"]).await.json();
    assert_eq!(fs::read_to_string(&file).expect("text"), "# mine\n");
    assert_eq!(made["new_root_secret"], true);
    assert_eq!(made["fingerprint"].as_str().map(str::len), Some(8));

    let before = fs::read(folder.path().join("root.secret")).expect("bytes");
    let said = shell.run(&["init"]).await.refused(1);
    assert!(
        said.contains("already") && said.contains("it was not touched"),
        "{said}"
    );
    assert!(said.contains("postern serve --data"), "{said}");
    assert_eq!(
        fs::read(folder.path().join("root.secret")).expect("bytes"),
        before
    );

    let other = ["init", "--public-url", "https://other.example"];
    let said = shell.run(&other).await.refused(1);
    assert!(
        said.contains("server.public_url is http://localhost:8080"),
        "{said}"
    );
}

#[tokio::test]
async fn an_interrupted_init_is_run_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(folder.path());
    let first = shell.run(&["init", "--json"]).await.json();
    // Between the secret and the database.
    for entry in fs::read_dir(folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.to_string_lossy().contains("postern.db") {
            fs::remove_file(path).expect("removed");
        }
    }
    let again = shell.run(&["init", "--json"]).await.json();
    assert_eq!(again["new_root_secret"], false);
    assert_eq!(again["fingerprint"], first["fingerprint"]);
    // Between the tables and the first keys.
    for file in ["postern.db", "postern.db-wal", "postern.db-shm"] {
        fs::remove_file(folder.path().join(file)).ok();
    }
    fs::write(folder.path().join("postern.db"), "").expect("written");
    shell.run(&["init"]).await.done();
    shell.run(&["keys", "list"]).await.done();
}

#[tokio::test]
async fn without_the_right_root_secret_nothing_starts_and_the_provider_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(folder.path());
    let made = shell.run(&["init", "--json"]).await.json();
    let expected = made["fingerprint"].as_str().expect("text");
    let secret = folder.path().join("root.secret");

    let other = tempfile::tempdir().expect("a folder");
    Shell::in_folder(other.path()).run(&["init"]).await.done();
    fs::copy(other.path().join("root.secret"), &secret).expect("copied");
    let said = shell
        .run(&["serve", "--listen", "127.0.0.1:0", "--log-level", "off"])
        .await
        .refused(1);
    assert!(said.contains(&format!("(fingerprint {expected})")), "{said}");

    fs::write(&secret, "hunter2hunter2").expect("written");
    let said = shell.run(&["keys", "list"]).await.refused(1);
    assert!(
        said.contains("root.secret does not look like one") && !said.contains("hunter2"),
        "{said}"
    );

    fs::remove_file(&secret).expect("removed");
    let said = shell.run(&["keys", "list"]).await.refused(1);
    assert!(said.contains("root.secret, which cannot be read"), "{said}");
    let said = shell.run(&["init"]).await.refused(1);
    assert!(said.contains("already") && !secret.exists(), "{said}");

    let shell = shell.with("POSTERN__SECRETS__ROOT", "env:MY_SECRET");
    let said = shell.run(&["keys", "list"]).await.refused(1);
    assert!(
        said.contains("environment variable MY_SECRET, which is not set"),
        "{said}"
    );
}

#[tokio::test]
async fn before_init_every_command_says_that_it_is_due() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(folder.path());
    for command in [
        ["user", "list"],
        ["client", "list"],
        ["session", "list"],
        ["keys", "list"],
    ] {
        let said = shell.run(&command).await.refused(1);
        assert!(said.contains("run `postern init --data "), "{said}");
    }
    assert_eq!(
        fs::read_dir(folder.path()).expect("a folder").count(),
        0,
        "nothing was made"
    );
}

#[tokio::test]
async fn half_a_file_that_a_crash_left_is_in_nobodys_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(folder.path());
    let drafts = ["root.secret.draft", "postern.toml.draft"].map(|name| folder.path().join(name));
    for draft in &drafts {
        fs::write(draft, "pst_ro").expect("written");
    }
    shell.run(&["init"]).await.done();
    for draft in &drafts {
        assert!(!draft.exists(), "{}", draft.display());
    }
    let secret = folder.path().join("root.secret");
    let text = fs::read_to_string(&secret).expect("text");
    assert!(text.starts_with("pst_root_"));

    let error = write_once(&secret, b"another").expect_err("it is there");
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&secret).expect("text"), text);
    assert!(!drafts[0].exists(), "nothing is left of the other secret");
}
