//! `postern user add --role`, `user role`, `user enable`: the first admin, and that there is always an owner.

use super::founded;

const PASSWORD: &str = "quite another one\n";

#[tokio::test]
async fn the_first_admin_is_made_at_the_command_line_and_the_last_owner_stays() {
    let (_folder, shell) = founded().await;
    let add = [
        "user",
        "add",
        "alice@example.com",
        "--role",
        "owner",
        "--password-stdin",
        "--json",
    ];
    let alice = shell.run_with_input(&add, PASSWORD).await.json();
    assert_eq!(alice["role"], "owner");
    let said = shell
        .run(&["user", "role", "alice@example.com", "none"])
        .await
        .refused(1);
    assert!(
        said.contains("this is the last owner: make somebody else one first"),
        "{said}"
    );
    let said = shell
        .run(&["user", "disable", "alice@example.com"])
        .await
        .refused(1);
    assert!(said.contains("this is the last owner"), "{said}");
    let said = shell
        .run(&["user", "role", "alice@example.com", "root"])
        .await
        .refused(2);
    assert!(
        said.contains("write owner, admin, support, auditor or developer, or none"),
        "{said}"
    );

    let add = ["user", "add", "bob@example.com", "--password-stdin"];
    shell.run_with_input(&add, PASSWORD).await.done();
    shell
        .run(&["user", "role", "bob@example.com", "owner"])
        .await
        .done();
    let list = shell.run(&["user", "list"]).await.done();
    assert_eq!(list.matches(" owner").count(), 2, "{list}");
    shell.run(&["user", "disable", "alice@example.com"]).await.done();
    let said = shell.run(&["user", "enable", "alice@example.com"]).await.done();
    assert!(said.contains("alice@example.com may sign in again"), "{said}");
    let said = shell
        .run(&["user", "role", "alice@example.com", "none"])
        .await
        .done();
    assert!(said.contains("alice@example.com is no admin now"), "{said}");
}
