//! Requests that are sent again.

use postern::{
    domain::role::{Permission, Role},
    flows::admin::idempotency::{self, Judged},
};
use serde_json::{Value, json};

use super::{Admin, Machine, SAME_ORIGIN, give_role, granted, machine, private, problem, scope_of, start};
use crate::harness::{ALICE, Answer, BOB, Postern};

fn new() -> Value {
    json!({ "id": "robot", "name": "Robot", "kind": "service", "scope": "read" })
}

async fn add(admin: &Machine<'_>, key: &str, body: Value) -> Answer {
    admin
        .send("POST", "/clients", Some(body), &[("idempotency-key", key)])
        .await
}

#[tokio::test]
async fn who_got_no_answer_gets_the_same_one_and_it_is_done_once() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    let first = add(&admin, "k1", new()).await;
    assert_eq!(first.status, 201, "{first:?}");
    let again = add(&admin, "k1", new()).await;
    assert_eq!(
        (again.status, &again.body),
        (first.status, &first.body),
        "with its secret"
    );
    assert_eq!(
        (
            first.header("idempotency-replayed"),
            again.header("idempotency-replayed")
        ),
        ("", "true")
    );
    assert_eq!(
        problem(&add(&admin, "k2", new()).await),
        "taken",
        "another key is another request"
    );
    let other = json!({ "id": "other", "name": "Robot", "kind": "service", "scope": "read" });
    assert_eq!(
        problem(&add(&admin, "k1", other.clone()).await),
        "idempotency-key-reused"
    );
    // The secret is not there to be read.
    let kept = postern.texts("SELECT answer FROM idempotent_requests").await;
    assert_eq!(kept.len(), 1, "what was refused is not kept: {kept:?}");
    assert!(!kept[0].contains("pst_cs_") && !kept[0].contains("robot"));
    // The keys of one are not those of another.
    let somebody = Machine::mighty(&postern).await;
    assert_eq!(add(&somebody, "k1", other).await.status, 201);
}

#[tokio::test]
async fn an_answer_is_for_who_asked_with_the_same_permissions_and_for_a_day() {
    let postern = start().await;
    let (id, secret) = machine(&postern, &scope_of(Permission::ALL.iter().copied()), |_| {}).await;
    let with = async |scope: Option<&str>| Machine {
        postern: &postern,
        token: granted(&postern, &id, &secret, scope).await,
    };
    let first = add(&with(None).await, "k1", new()).await;
    assert_eq!(first.status, 201, "{first:?}");
    // The same client with fewer: the answer has a secret that it could not ask for.
    for fewer in [
        vec![Permission::ReadClients],
        vec![Permission::ReadClients, Permission::WriteClients],
    ] {
        let fewer = with(Some(&scope_of(fewer))).await;
        assert_eq!(problem(&add(&fewer, "k1", new()).await), "idempotency-key-reused");
    }
    for (wait, replayed) in [("0s", true), ("23h", true), ("1h", false)] {
        postern.advance(wait);
        let again = add(&with(None).await, "k1", new()).await;
        if replayed {
            assert_eq!((again.status, &again.body), (first.status, &first.body), "{wait}");
        } else {
            assert_eq!(problem(&again), "taken", "it is carried out once more");
        }
    }
}

#[tokio::test]
async fn keys_are_short_and_plain_and_for_posts() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    for key in ["", " ", &"x".repeat(129), "a b"] {
        assert_eq!(
            problem(&add(&admin, key, new()).await),
            "idempotency-key-invalid",
            "{key:?}"
        );
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let answer = admin.send("POST", "/clients", Some(new()), &twice).await;
    assert_eq!(problem(&answer), "idempotency-key-invalid");
    for _ in 0..2 {
        let read = admin
            .send("GET", "/users", None, &[("idempotency-key", "a")])
            .await;
        assert_eq!(
            (read.status.as_u16(), read.header("idempotency-replayed")),
            (200, "")
        );
    }
    assert!(
        postern
            .texts("SELECT answer FROM idempotent_requests")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_key_does_not_help_who_may_not() {
    let postern = start().await;
    let reader = Machine::with(&postern, [Permission::ReadClients]).await;
    for _ in 0..2 {
        assert_eq!(problem(&add(&reader, "k", new()).await), "not-permitted");
    }
}

#[tokio::test]
async fn an_answer_of_before_is_for_who_may_do_it_now() {
    let postern = start().await;
    give_role(&postern, ALICE, Some(Role::Owner)).await;
    let bob = postern.user(BOB).await.id;
    let path = format!("/users/{bob}/disable");
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    let key = ("idempotency-key", "k1");
    let first = admin.api("POST", &path, &[SAME_ORIGIN, key]).await;
    assert_eq!(first.status, 200, "{first:?}");
    let again = admin.api("POST", &path, &[SAME_ORIGIN, key]).await;
    assert_eq!(again.header("idempotency-replayed"), "true", "{again:?}");
    assert_eq!(again.body, first.body);
    // Another site asks in vain, and so does who found the browser open.
    let elsewhere = admin
        .api("POST", &path, &[("sec-fetch-site", "cross-site"), key])
        .await;
    assert_eq!(problem(&elsewhere), "cross-site");
    postern.advance("5m");
    postern.advance("1s");
    let late = admin.api("POST", &path, &[SAME_ORIGIN, key]).await;
    assert_eq!(problem(&late), "confirmation-needed");
    admin.cookies.clear();
    let nobody = admin.api("POST", &path, &[SAME_ORIGIN, key]).await;
    assert_eq!(problem(&nobody), "not-authenticated");
}

#[tokio::test]
async fn of_many_at_once_one_is_carried_out() {
    for database in [None, crate::harness::postgres::database().await] {
        let clock =
            postern::base::time::Clock::manual(postern::base::time::Instant::from_millis(1_790_000_000_000));
        let postern = Postern::start_at(clock, database, private).await;
        let admin = Machine::mighty(&postern).await;
        let all = (0..12).map(|_| add(&admin, "k", new()));
        let answers = futures_util::future::join_all(all).await;
        let done: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert!(!done.is_empty());
        for answer in &answers {
            match answer.status.as_u16() {
                201 => assert_eq!(answer.body, done[0].body),
                _ => assert_eq!(problem(answer), "idempotency-key-under-way"),
            }
        }
        assert_eq!(add(&admin, "k", new()).await.body, done[0].body);
        assert_eq!(
            postern
                .number("SELECT COUNT(*) FROM client_secrets WHERE client_id = 'robot'")
                .await,
            1
        );
    }
}

#[tokio::test]
async fn who_died_holds_a_key_for_a_quarter_of_an_hour() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    assert_eq!(add(&admin, "k", new()).await.status, 201);
    // As it was before the answer.
    postern
        .tamper("UPDATE idempotent_requests SET answer = NULL, expires_at = held_until")
        .await;
    assert_eq!(
        problem(&add(&admin, "k", new()).await),
        "idempotency-key-under-way"
    );
    postern
        .tamper("UPDATE idempotent_requests SET held_until = 0, expires_at = 0")
        .await;
    assert_eq!(
        problem(&add(&admin, "k", new()).await),
        "taken",
        "it is tried again"
    );
}

#[tokio::test]
async fn what_was_asked_and_never_answered_is_gone_with_its_hold() {
    let postern = start().await;
    let provider = postern.provider();
    let by = postern::flows::admin::By::operator();
    let judged = idempotency::judge(provider, &by, "k", &[b"a body with a password"]).await;
    let Ok(Judged::First(held)) = judged else {
        panic!("{judged:?}");
    };
    let rows = async |wait: &str| {
        postern.advance(wait);
        postern::flows::sweep::sweep(provider).await.expect("swept");
        postern.number("SELECT COUNT(*) FROM idempotent_requests").await
    };
    assert_eq!(rows("899s").await, 1);
    assert_eq!(rows("1s").await, 0, "nobody can hold it any more");
    // Who was only slow keeps nothing.
    let answer = idempotency::Answer {
        status: 201,
        body: String::new(),
    };
    held.keep(provider, &answer).await.expect("answered");
    assert_eq!(rows("0s").await, 0);
}
