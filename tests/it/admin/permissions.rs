//! Every permission, for each role and for each scope; the table in the docs is the code's.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use postern::{
    domain::role::{Permission, Role},
    web::private::{Operation, PROBLEMS, operations},
};
use serde_json::json;

use super::{Admin, Machine, SAME_ORIGIN, give_role, problem, send, start};
use crate::harness::{ALICE, Answer};

const NOBODY: &str = "0197a000000070008000000000000000";

/// The path of a route, of something that is not there.
fn path(route: &Operation) -> String {
    let id = match route.path.split('/').nth(1).expect("a noun") {
        "users" => format!("usr_{NOBODY}"),
        "sessions" => format!("dse_{NOBODY}"),
        "session-ends" => format!("men_{NOBODY}"),
        "browser-sessions" => format!("bse_{NOBODY}"),
        _ => "nobody".to_owned(),
    };
    let path = route.path.replace("{id}", &id);
    path.replace("{secret}", &format!("csc_{NOBODY}"))
}

fn is_permitted(answer: &Answer) -> bool {
    !matches!(answer.status.as_u16(), 401 | 403) || {
        let kind = problem(answer);
        assert_eq!(kind, "not-permitted", "{answer:?}");
        false
    }
}

#[tokio::test]
async fn a_machine_may_do_what_its_scope_says_and_nothing_else() {
    let postern = start().await;
    let mut by_permission = BTreeMap::new();
    for permission in Permission::ALL {
        by_permission.insert(*permission, Machine::with(&postern, [*permission]).await);
    }
    let mut used = Vec::new();
    for route in operations() {
        for (permission, machine) in &by_permission {
            let body = (route.method != "GET").then(|| json!({}));
            let answer = machine.send(route.method, &path(&route), body, &[]).await;
            let expected = *permission == route.permission;
            assert_eq!(
                is_permitted(&answer),
                expected,
                "{} by {}: {answer:?}",
                route.id,
                permission.scope()
            );
            if !expected {
                let challenge = answer.header("www-authenticate");
                let scope = "error=\"insufficient_scope\"";
                assert!(
                    challenge.contains(scope) && challenge.contains(route.permission.scope()),
                    "{challenge}"
                );
            }
        }
        used.push(route.permission);
    }
    for permission in Permission::ALL {
        assert!(used.contains(permission), "{permission:?} is for nothing");
    }
}

#[tokio::test]
async fn a_person_may_do_what_their_role_says_and_nothing_else() {
    let postern = start().await;
    postern.add_user("root@example.com").await;
    give_role(&postern, "root@example.com", Some(Role::Owner)).await;
    for role in Role::ALL {
        give_role(&postern, ALICE, Some(role)).await;
        let mut admin = Admin::signed_in(&postern, ALICE).await;
        for route in operations() {
            let answer = admin.api(route.method, &path(&route), &[SAME_ORIGIN]).await;
            assert_eq!(
                is_permitted(&answer),
                role.permits(route.permission),
                "{} by {role}: {answer:?}",
                route.id
            );
        }
    }
}

#[tokio::test]
async fn a_dangerous_act_wants_the_password_again_and_only_of_people() {
    let postern = start().await;
    give_role(&postern, ALICE, Some(Role::Owner)).await;
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    postern.advance("5m");
    for route in operations() {
        let answer = admin.api(route.method, &path(&route), &[SAME_ORIGIN]).await;
        assert_ne!(answer.status, 403, "{}: five minutes are not over", route.id);
    }
    postern.advance("1s");
    for route in operations() {
        let answer = admin.api(route.method, &path(&route), &[SAME_ORIGIN]).await;
        let wanted = answer.status == 403 && problem(&answer) == "confirmation-needed";
        assert_eq!(wanted, route.confirmed, "{}: {answer:?}", route.id);
    }
}

#[tokio::test]
async fn nobody_without_a_token_or_a_session_learns_anything() {
    let postern = start().await;
    for route in operations() {
        let asked = axum::http::Request::builder()
            .method(route.method)
            .uri(format!("/api/v1{}", path(&route)));
        let answer = send(
            &postern,
            asked.body(axum::body::Body::empty()).expect("a request"),
        )
        .await;
        assert_eq!(
            (answer.status.as_u16(), problem(&answer).as_str()),
            (401, "not-authenticated"),
            "{}",
            route.id
        );
        assert!(
            answer.header("www-authenticate").starts_with("Bearer"),
            "{answer:?}"
        );
    }
}

#[test]
fn the_tables_in_the_docs_are_the_codes() {
    let docs = fs::read_to_string("docs/admin.md").expect("docs/admin.md");
    let roles: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let mut table = format!("| permission | {} |\n", roles.join(" | "));
    let _ = writeln!(table, "| --- |{}", " --- |".repeat(roles.len()));
    for permission in Permission::ALL {
        let cells = Role::ALL
            .iter()
            .map(|role| if role.permits(*permission) { "yes" } else { "" });
        let cells: Vec<_> = cells
            .map(|cell| format!(" {cell} |").replace("  |", " |"))
            .collect();
        let _ = writeln!(table, "| `{}` |{}", permission.as_str(), cells.concat());
    }
    assert!(docs.contains(&table), "docs/admin.md should have\n{table}");
    let mut problems =
        "| type `urn:postern:problem:` | status | it means |\n| --- | --- | --- |\n".to_owned();
    for (slug, status, title) in PROBLEMS {
        let _ = writeln!(problems, "| `{slug}` | {status} | {title} |");
    }
    assert!(docs.contains(&problems), "docs/admin.md should have\n{problems}");
    let mut routes = "| route | permission | password again | what |\n| --- | --- | --- | --- |\n".to_owned();
    for route in operations() {
        let again = if route.confirmed { " yes" } else { "" };
        let (method, path, summary) = (route.method, route.path, route.summary);
        let _ = writeln!(
            routes,
            "| `{method} {path}` | `{}` |{again} | {summary} |",
            route.permission.as_str()
        );
    }
    assert!(docs.contains(&routes), "docs/admin.md should have\n{routes}");
}
