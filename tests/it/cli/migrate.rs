//! `postern migrate`, on an embedded database and on PostgreSQL.

use std::fs;

use super::Shell;
use crate::harness::postgres;

#[tokio::test]
async fn a_plan_prints_what_would_run_and_a_second_run_has_nothing_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(folder.path());
    let refused = shell.run(&["migrate", "--plan"]).await.refused(1);
    assert!(refused.contains("postern init"), "{refused}");
    fs::write(folder.path().join("postern.db"), "").expect("an empty database");

    let plan = shell.run(&["migrate", "--plan"]).await.done();
    assert!(plan.starts_with("-- would run: 1 core\n"), "{plan}");
    assert!(plan.contains("-- would run: 2 expand nodes\n") && plan.contains("CREATE TABLE device_sessions"));
    assert!(plan.contains("-- would run: 3 expand protocol\n"), "{plan}");
    assert!(plan.contains("-- would run: 4 expand stream\n"), "{plan}");
    let ran = shell.run(&["migrate"]).await.done();
    let pending = plan.matches("-- would run: ").count();
    assert!(ran.contains(&format!("{pending} migrations were run")), "{ran}");
    let again = shell.run(&["migrate"]).await.done();
    assert!(again.contains("nothing was to do"), "{again}");
    let plan = shell.run(&["migrate", "--plan", "--json"]).await.json();
    let migrations = plan["migrations"].as_array().expect("a list");
    assert!(migrations.len() >= 2);
    assert!(
        migrations
            .iter()
            .all(|step| step["progress"] == "applied" && step["kind"] == "expand")
    );
}

#[tokio::test]
async fn a_node_of_the_version_before_serves_one_expansion_and_refuses_a_contraction_of_postgresql() {
    let Some(database) = postgres::database().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(folder.path()).with("POSTERN__DATABASE__URL", &database.url());
    let from_the_future = |name: &str| {
        database.psql(&format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             SELECT MAX(version) + 1, '{name}', true, '', 1 FROM _sqlx_migrations"
        ))
    };
    from_the_future("expand logout");
    let served = shell.run(&["migrate"]).await.done();
    assert!(served.contains("nothing was to do"), "{served}");
    from_the_future("contract logout");
    let refused = shell.run(&["migrate"]).await.refused(1);
    assert!(refused.contains("(contract logout)"), "{refused}");
}
