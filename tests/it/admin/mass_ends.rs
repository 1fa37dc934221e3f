//! Ends of all that match: so far as who begins them reaches, and no farther.

use postern::{
    domain::{
        actor::Actor,
        role::{Permission, Role},
    },
    flows::{account, admin::By, mass_end},
};
use serde_json::{Value, json};

use super::{Admin, Machine, Postern, SAME_ORIGIN, give_role, granted, machine, problem, scope_of, start};
use crate::harness::{ALICE, Answer, BOB};

const ROOT: &str = "root@example.com";
/// A filter that fits everything.
const EVERYTHING: i64 = 1;

async fn with_owner() -> Postern {
    let postern = start().await;
    postern.add_user(ROOT).await;
    give_role(&postern, ROOT, Some(Role::Owner)).await;
    postern
}

async fn helper(postern: &Postern) -> Machine<'_> {
    Machine::with(postern, [Permission::ReadSessions, Permission::EndSessions]).await
}

async fn begin(machine: &Machine<'_>, filter: Value) -> String {
    let begun = machine.post("/session-ends", json!({ "filter": filter })).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    begun.json()["end"]["id"].as_str().expect("an id").to_owned()
}

async fn work(postern: &Postern) {
    while mass_end::work(postern.provider()).await.expect("worked") {}
}

async fn is_signed_in(admin: &mut Admin<'_>) -> bool {
    admin.open("/console").await.status == 200
}

#[tokio::test]
async fn a_filter_reaches_no_admin_who_may_do_more_than_who_begins_it() {
    let postern = with_owner().await;
    give_role(&postern, ALICE, Some(Role::Admin)).await;
    let mut root = Admin::signed_in(&postern, ROOT).await;
    let mut alice = Admin::signed_in(&postern, ALICE).await;
    let app = postern.phone();
    let of_root = app.signed_in(&mut postern.browser(), ROOT).await;
    let of_bob = app.signed_in(&mut postern.browser(), BOB).await;
    postern.advance("1s");

    let helper = helper(&postern).await;
    let all = json!({ "opened_since": EVERYTHING });
    let dry = json!({ "filter": all, "dry_run": true });
    let counted = helper.post("/session-ends", dry.clone()).await.json();
    assert_eq!(counted["would_end"]["found"], 1, "{counted}");
    begin(&helper, all.clone()).await;
    work(&postern).await;
    assert_eq!(app.refresh(&of_bob.refresh).await.error(), "invalid_grant");
    let of_root = app.refresh(&of_root.refresh).await;
    assert_eq!(of_root.status, 200);
    assert!(is_signed_in(&mut root).await && is_signed_in(&mut alice).await);

    // Who may do all that an admin may, and does not say who is one, ends an admin and no owner.
    let other = Machine::with(&postern, Role::Admin.permissions().iter()).await;
    begin(&other, all.clone()).await;
    work(&postern).await;
    assert!(is_signed_in(&mut root).await && !is_signed_in(&mut alice).await);

    // And who may do everything ends everybody.
    let mighty = Machine::mighty(&postern).await;
    let counted = mighty.post("/session-ends", dry).await.json();
    assert_eq!(counted["would_end"]["found"], 2, "{counted}");
    begin(&mighty, all).await;
    work(&postern).await;
    assert!(!is_signed_in(&mut root).await);
}

#[tokio::test]
async fn who_names_the_console_or_an_admin_out_of_reach_is_refused() {
    let postern = with_owner().await;
    let mut root = Admin::signed_in(&postern, ROOT).await;
    postern.advance("1s");
    let helper = helper(&postern).await;
    let other = Machine::with(&postern, Role::Admin.permissions().iter()).await;
    let id = postern.user(ROOT).await.id;
    for filter in [json!({ "client": "postern-console" }), json!({ "user": id })] {
        for machine in [&helper, &other] {
            for dry_run in [true, false] {
                let body = json!({ "filter": filter, "dry_run": dry_run });
                let refused = machine.post("/session-ends", body).await;
                assert_eq!(problem(&refused), "beyond-own-permissions", "{filter}");
            }
        }
    }
    assert_eq!(postern.count_events("mass_end.begun").await, 0);
    let empty = json!({ "filter": {}, "dry_run": true });
    assert_eq!(
        problem(&helper.post("/session-ends", empty).await),
        "invalid-body"
    );

    // The same on the console's pages.
    give_role(&postern, ALICE, Some(Role::Admin)).await;
    let mut alice = Admin::signed_in(&postern, ALICE).await;
    let csrf = Admin::csrf(&alice.open("/console").await);
    for query in ["client=postern-console", "person=root%40example.com"] {
        let path = format!("/console/sessions/end?{query}");
        let asked = alice.open(&path).await;
        let sent = alice.post(&path, &[("csrf", &csrf)], &[SAME_ORIGIN]).await;
        for answer in [asked, sent] {
            assert_eq!(answer.status, 403, "{query}: {answer:?}");
            assert!(answer.body.contains("needs a higher role"), "{answer:?}");
        }
    }
    let mighty = Machine::mighty(&postern).await;
    begin(&mighty, json!({ "client": "postern-console" })).await;
    work(&postern).await;
    assert!(!is_signed_in(&mut root).await && !is_signed_in(&mut alice).await);
}

#[tokio::test]
async fn who_becomes_an_owner_meanwhile_is_out_of_reach_from_then_on() {
    let postern = with_owner().await;
    let app = postern.phone();
    let tokens = app.signed_in(&mut postern.browser(), BOB).await;
    postern.advance("1s");
    begin(&helper(&postern).await, json!({ "client": "notes" })).await;
    give_role(&postern, BOB, Some(Role::Owner)).await;
    work(&postern).await;
    assert_eq!(app.refresh(&tokens.refresh).await.status, 200);
}

/// An end of everything in the app, begun by a person as the admin that they are.
async fn begin_as(postern: &Postern, email: &str, role: Role) {
    let by = By {
        actor: Actor::Person {
            id: postern.user(email).await.id,
        },
        address: None,
        permissions: role.permissions(),
    };
    let filter = serde_json::from_value(json!({ "client": "notes" })).expect("a filter");
    let begun = mass_end::begin(postern.provider(), &by, &filter, None).await;
    begun.expect("begun");
}

/// How the ends of many have stopped, by whom and why.
async fn stopped(postern: &Postern) -> Vec<Value> {
    let events = postern.events().await;
    let done = events.into_iter().filter(|(kind, _)| kind == "mass_end.done");
    done.map(|(_, event)| json!([event["cancelled"], event["lost_permission"], event["ended"]]))
        .collect()
}

#[tokio::test]
async fn an_end_stops_when_who_began_it_may_not_end_sessions_any_more() {
    let postern = with_owner().await;
    let app = postern.phone();
    let tokens = app.signed_in(&mut postern.browser(), BOB).await;
    postern.advance("1s");

    // A person whose role was taken away, or became less; and one who was disabled.
    for after in [None, Some(Role::Auditor)] {
        give_role(&postern, ALICE, Some(Role::Support)).await;
        begin_as(&postern, ALICE, Role::Support).await;
        give_role(&postern, ALICE, after).await;
        work(&postern).await;
    }
    give_role(&postern, ALICE, Some(Role::Support)).await;
    begin_as(&postern, ALICE, Role::Support).await;
    let alice = postern.user(ALICE).await.id;
    let disabled = account::disable(postern.provider(), alice, Actor::Operator).await;
    disabled.expect("disabled");
    work(&postern).await;

    // A machine whose scope was taken away.
    let (id, secret) = machine(&postern, &scope_of([Permission::EndSessions]), |_| {}).await;
    let token = granted(&postern, &id, &secret, None).await;
    let machine = Machine {
        postern: &postern,
        token,
    };
    begin(&machine, json!({ "client": "notes" })).await;
    postern
        .set_client(&id, |settings| {
            settings.scope = "admin:users.read".parse().expect("a scope");
        })
        .await;
    work(&postern).await;

    assert_eq!(stopped(&postern).await, vec![json!([true, true, 0]); 4]);
    // It is told from what somebody cancelled wherever it is shown.
    let ends = Machine::mighty(&postern).await.get("/session-ends").await.json();
    let ends = ends["items"].as_array().expect("ends").clone();
    assert_eq!(ends.len(), 4);
    for end in &ends {
        assert!(
            end["stopped_at"].is_i64() && end["stopped_at"] == end["done_at"],
            "{end}"
        );
        assert!(end["cancelled_at"].is_null(), "{end}");
    }
    let mut root = Admin::signed_in(&postern, ROOT).await;
    let shown = root.open("/console/ends").await.body;
    assert_eq!(shown.matches("Stopped, since who began it").count(), 4, "{shown}");
    assert!(!shown.contains("Cancelled"), "{shown}");
    let by_the_server = "SELECT actor FROM events WHERE kind = 'mass_end.done'";
    for actor in postern.texts(by_the_server).await {
        assert_eq!(actor, r#"{"kind":"system"}"#);
    }
    assert_eq!(app.refresh(&tokens.refresh).await.status, 200);
}

#[tokio::test]
async fn an_end_reaches_no_farther_than_who_began_it_does_by_now() {
    let postern = with_owner().await;
    give_role(&postern, ALICE, Some(Role::Admin)).await;
    give_role(&postern, BOB, Some(Role::Admin)).await;
    let app = postern.phone();
    let of_bob = app.signed_in(&mut postern.browser(), BOB).await;
    let of_alice = app.signed_in(&mut postern.browser(), ALICE).await;
    postern.advance("1s");
    begin_as(&postern, ALICE, Role::Admin).await;
    give_role(&postern, ALICE, Some(Role::Support)).await;
    work(&postern).await;
    assert_eq!(stopped(&postern).await, [json!([false, null, 1])]);
    assert_eq!(app.refresh(&of_bob.refresh).await.status, 200);
    assert_eq!(app.refresh(&of_alice.refresh).await.error(), "invalid_grant");

    // Nor does one who gets more meanwhile reach farther than they did when they began.
    begin_as(&postern, ALICE, Role::Support).await;
    give_role(&postern, ALICE, Some(Role::Owner)).await;
    work(&postern).await;
    assert_eq!(app.refresh(&of_bob.refresh).await.status, 200);
}

#[tokio::test]
async fn permissions_that_a_newer_version_wrote_grant_nothing_and_stop_nothing() {
    let postern = with_owner().await;
    let app = postern.phone();
    let [of_root, of_bob] = [ROOT, BOB].map(|email| (email, postern.browser()));
    let mut tokens = Vec::new();
    for (email, mut browser) in [of_root, of_bob] {
        tokens.push(app.signed_in(&mut browser, email).await.refresh);
    }
    postern.advance("1s");
    begin(&helper(&postern).await, json!({ "client": "notes" })).await;
    postern
        .tamper("UPDATE mass_ends SET permissions = 'moons.end ' || permissions || ' stars.read'")
        .await;
    let mighty = Machine::mighty(&postern).await;
    let listed = mighty.get("/session-ends").await;
    assert_eq!(
        listed.json()["items"].as_array().map(Vec::len),
        Some(1),
        "{listed:?}"
    );
    work(&postern).await;
    assert_eq!(app.refresh(&tokens[0]).await.status, 200, "an owner's");
    assert_eq!(app.refresh(&tokens[1]).await.error(), "invalid_grant");
}

#[tokio::test]
async fn nobody_has_more_than_twenty_ends_under_way() {
    let postern = with_owner().await;
    let (one, other) = (helper(&postern).await, helper(&postern).await);
    let filter = json!({ "client": "notes" });
    for _ in 0..20 {
        begin(&one, filter.clone()).await;
    }
    let refused = one.post("/session-ends", json!({ "filter": filter })).await;
    assert_eq!(problem(&refused), "not-now");
    assert_eq!(postern.count_events("mass_end.begun").await, 20);
    begin(&other, filter.clone()).await;
    work(&postern).await;
    begin(&one, filter).await;
}

#[tokio::test]
async fn the_console_keeps_what_was_typed_while_twenty_ends_are_under_way() {
    let postern = with_owner().await;
    let mut root = Admin::signed_in(&postern, ROOT).await;
    for _ in 0..20 {
        begin_as(&postern, ROOT, Role::Owner).await;
    }
    let path = "/console/sessions/end?client=notes";
    let csrf = Admin::csrf(&root.open(path).await);
    let form = [("csrf", csrf.as_str()), ("reason", "a \"lost\" phone")];
    let refused = root.post(path, &form, &[SAME_ORIGIN]).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(
        refused.body.contains("20 ends of many sessions that you began"),
        "{refused:?}"
    );
    let typed = "value=\"a &quot;lost&quot; phone\"";
    assert!(refused.body.contains(typed), "{refused:?}");
    work(&postern).await;
    let sent = root.post(path, &form, &[SAME_ORIGIN]).await;
    assert_eq!(sent.status, 303, "{sent:?}");
}

#[tokio::test]
async fn only_who_began_an_end_or_may_do_all_that_this_one_might_stops_it() {
    let postern = with_owner().await;
    let filter = json!({ "client": "notes" });
    let (helper, mighty) = (helper(&postern).await, Machine::mighty(&postern).await);
    let cancel = async |machine: &Machine<'_>, id: &str| -> Answer {
        machine.tell(&format!("/session-ends/{id}/cancel")).await
    };
    let by_mighty = begin(&mighty, filter.clone()).await;
    let by_helper = begin(&helper, filter.clone()).await;
    assert_eq!(
        problem(&cancel(&helper, &by_mighty).await),
        "beyond-own-permissions"
    );
    assert_eq!(cancel(&helper, &by_helper).await.status, 200, "its own");
    let by_helper = begin(&helper, filter).await;
    assert_eq!(cancel(&mighty, &by_helper).await.status, 200);

    // The same on the console's pages, which offer it to nobody else.
    give_role(&postern, ALICE, Some(Role::Support)).await;
    let mut alice = Admin::signed_in(&postern, ALICE).await;
    let mut root = Admin::signed_in(&postern, ROOT).await;
    let (page, stop) = (
        format!("/console/ends/{by_mighty}"),
        format!("/console/ends/{by_mighty}/cancel"),
    );
    let offers = |answer: &Answer| answer.body.replace("&#x2f;", "/").contains(&stop);
    let seen = alice.open(&page).await;
    assert!(seen.status == 200 && !offers(&seen), "{seen:?}");
    assert!(offers(&root.open(&page).await));
    let csrf = Admin::csrf(&seen);
    assert_eq!(alice.open(&stop).await.status, 403);
    let sent = alice.post(&stop, &[("csrf", &csrf)], &[SAME_ORIGIN]).await;
    assert_eq!(sent.status, 403, "{sent:?}");
    let csrf = Admin::csrf(&root.open(&stop).await);
    let sent = root.post(&stop, &[("csrf", &csrf)], &[SAME_ORIGIN]).await;
    assert_eq!(sent.status, 303, "{sent:?}");
    assert_eq!(postern.count_events("mass_end.done").await, 3);
}
