//! Pages of the console: who sees which, and what their forms do.

use postern::{
    base::id::EventId,
    domain::{
        actor::Actor,
        event::{Event, EventLine, Subject},
        event_filter::EventFilter,
        role::Role,
    },
    flows::{events, mass_end, sessions},
    web::private::{ConsolePage, console_pages},
};

use super::{Admin, SAME_ORIGIN, give_role, start};
use crate::harness::{ALICE, Answer, BOB, Postern};

const NOBODY: &str = "0197a000000070008000000000000000";

/// The address of a page about somebody, or something, that is not there.
fn of_nobody(place: &ConsolePage) -> String {
    let id = match place.path.split('/').nth(2).unwrap_or_default() {
        "users" => format!("usr_{NOBODY}"),
        "sessions" => format!("dse_{NOBODY}"),
        "ends" => format!("men_{NOBODY}"),
        _ => "nobody".to_owned(),
    };
    let path = place
        .path
        .replace("{id}", &id)
        .replace("{browser}", &format!("bse_{NOBODY}"));
    match place.path {
        "/console/sessions/end" => format!("{path}?app_version=0.0.0"),
        "/console/keys/rotate" => format!("{path}?ring=none"),
        _ => path,
    }
}

fn is_refused(answer: &Answer) -> bool {
    answer.status == 403 && answer.body.contains("Your role may not do this")
}

/// A page with its slashes as they are.
fn plain(page: &Answer) -> String {
    page.body.replace("&#x2f;", "/")
}

async fn with_roles() -> Postern {
    let postern = start().await;
    postern.add_user("root@example.com").await;
    give_role(&postern, "root@example.com", Some(Role::Owner)).await;
    postern
}

#[tokio::test]
async fn each_role_sees_and_does_what_it_may_and_nothing_else() {
    let postern = with_roles().await;
    for role in Role::ALL {
        give_role(&postern, ALICE, Some(role)).await;
        let mut admin = Admin::signed_in(&postern, ALICE).await;
        let home = admin.open("/console").await;
        let csrf = Admin::csrf(&home);
        for place in console_pages() {
            let path = of_nobody(&place);
            let may = place.permission.is_none_or(|permission| role.permits(permission));
            let page = admin.open(&path).await;
            assert_eq!(is_refused(&page), !may, "{path} by {role}: {page:?}");
            let linked = plain(&home).contains(&format!("href=\"{}\"", place.path));
            assert!(may || !linked, "{role} is led to {path}");
            assert!(
                linked || place.acts || place.path.contains('{') || !may,
                "{role} is not led to {path}"
            );
            if place.acts {
                let done = admin.post(&path, &[("csrf", &csrf)], &[SAME_ORIGIN]).await;
                assert_eq!(is_refused(&done), !may, "{path} by {role}: {done:?}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_sees_a_page_without_signing_in() {
    let postern = with_roles().await;
    let mut stranger = Admin::new(&postern);
    for place in console_pages() {
        let path = of_nobody(&place);
        let to: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        assert_eq!(
            stranger.open(&path).await.location(),
            format!("/console/sign-in?to={to}")
        );
        if place.acts {
            let answer = stranger.post(&path, &[("csrf", "x")], &[SAME_ORIGIN]).await;
            assert_eq!(answer.status, 303, "{answer:?}");
        }
    }
}

/// What each act is about in a test, with the kind of event that it leaves.
async fn acts(postern: &Postern) -> Vec<(&'static str, String, &'static str)> {
    let bob = postern.user(BOB).await.id;
    let tokens = postern.phone().signed_in(&mut postern.browser(), BOB).await;
    postern.phone().signed_in(&mut postern.browser(), BOB).await;
    let browser = sessions::browsers::of_user(postern.provider(), bob)
        .await
        .expect("browsers")[0]
        .id;
    vec![
        (
            "/console/sessions/{id}/end",
            format!("/console/sessions/{}/end", tokens.sid()),
            "session.ended",
        ),
        (
            "/console/sessions/{id}/end",
            format!("/console/sessions/{browser}/end"),
            "session.ended",
        ),
        (
            "/console/users/{id}/end",
            format!("/console/users/{bob}/end"),
            "session.ended",
        ),
        (
            "/console/users/{id}/disable",
            format!("/console/users/{bob}/disable"),
            "user.disabled",
        ),
        (
            "/console/users/{id}/enable",
            format!("/console/users/{bob}/enable"),
            "user.enabled",
        ),
        (
            "/console/sessions/end",
            "/console/sessions/end?person=bob%40example.com".to_owned(),
            "mass_end.begun",
        ),
        ("/console/ends/{id}/cancel", String::new(), "mass_end.done"),
        (
            "/console/keys/rotate",
            "/console/keys/rotate?ring=mac".to_owned(),
            "key.activated",
        ),
    ]
}

async fn newest(postern: &Postern, kind: &str) -> Option<EventLine> {
    let filter = EventFilter {
        kind: Some(kind.parse().expect("a kind")),
        ..EventFilter::default()
    };
    let page = events::list(postern.provider(), &filter, None, 1)
        .await
        .expect("events");
    page.items.into_iter().next()
}

#[tokio::test]
async fn every_act_asks_first_and_leaves_its_event_with_who_did_it() {
    let postern = with_roles().await;
    give_role(&postern, ALICE, Some(Role::Owner)).await;
    let alice = postern.user(ALICE).await.id;
    // The next keys have been published for long enough.
    postern.advance("3d");
    let acts = acts(&postern).await;
    let listed: Vec<_> = console_pages()
        .iter()
        .filter(|place| place.acts)
        .map(|place| place.path)
        .collect();
    let mut known: Vec<_> = acts.iter().map(|(path, ..)| *path).collect();
    // The first ends sessions of both kinds.
    known.dedup();
    assert_eq!(known, listed);
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    for (name, path, kind) in acts {
        let path = match name {
            "/console/ends/{id}/cancel" => {
                let ends = mass_end::list(postern.provider(), None, 1).await.expect("ends");
                format!("/console/ends/{}/cancel", ends.items[0].id)
            }
            _ => path,
        };
        let before = newest(&postern, kind).await.map(|line| line.id);
        // The newest event is the one that is told apart by its time.
        postern.advance("1s");
        let page = admin.open(&path).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        assert_eq!(
            newest(&postern, kind).await.map(|line| line.id),
            before,
            "{path}: asked, and not done"
        );
        let csrf = Admin::csrf(&page);
        let form = [("csrf", csrf.as_str()), ("reason", "a lost phone")];
        let done = admin.post(&path, &form, &[SAME_ORIGIN]).await;
        assert_eq!(done.status, 303, "{path}: {done:?}");
        let line = newest(&postern, kind).await.expect("an event");
        assert_ne!(Some(line.id), before, "{path}");
        assert_eq!(line.actor, Some(Actor::Person { id: alice }), "{path}: {line:?}");
        if page.body.contains("name=\"reason\"") {
            assert_eq!(line.data["note"], "a lost phone", "{path}: {line:?}");
        }
        let said = admin.open(done.location()).await;
        assert_eq!(said.status, 200, "{path}: {said:?}");
    }
}

#[tokio::test]
async fn a_session_that_has_ended_is_said_to_have_and_nobody_is_asked_to_end_it() {
    let postern = with_roles().await;
    give_role(&postern, ALICE, Some(Role::Support)).await;
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    assert_eq!(admin.open("/").await.location(), "/console");
    let bob = postern.user(BOB).await.id;
    for (kind, path, _) in acts(&postern).await.into_iter().take(2) {
        let asked = admin.open(&path).await;
        assert!(
            asked.status == 200 && asked.body.contains("End session"),
            "{kind}: {asked:?}"
        );
        let csrf = Admin::csrf(&asked);
        // The button twice, then the page.
        for _ in 0..2 {
            let done = admin.post(&path, &[("csrf", &csrf)], &[SAME_ORIGIN]).await;
            assert_eq!(
                done.location(),
                format!("/console/users/{bob}?done=ended"),
                "{kind}"
            );
        }
        let again = admin.open(&path).await;
        assert_eq!(
            again.location(),
            format!("/console/users/{bob}?done=ended"),
            "{kind}"
        );
        let page = admin.open(again.location()).await;
        assert!(page.body.contains("The session has ended."), "{kind}: {page:?}");
    }
}

#[tokio::test]
async fn no_form_is_taken_that_is_not_of_the_page_and_the_session() {
    let postern = with_roles().await;
    give_role(&postern, ALICE, Some(Role::Owner)).await;
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    let mut other = Admin::signed_in(&postern, ALICE).await;
    let own = Admin::csrf(&admin.open("/console").await);
    let foreign = Admin::csrf(&other.open("/console").await);
    for (_, path, kind) in acts(&postern).await {
        if path.is_empty() {
            continue;
        }
        let before = newest(&postern, kind).await.map(|line| line.id);
        for (csrf, header) in [
            (own.as_str(), ("sec-fetch-site", "cross-site")),
            (own.as_str(), ("sec-fetch-site", "same-site")),
            (own.as_str(), ("origin", "https://evil.example")),
            (foreign.as_str(), SAME_ORIGIN),
            ("", SAME_ORIGIN),
        ] {
            let answer = admin.post(&path, &[("csrf", csrf)], &[header]).await;
            assert_eq!(answer.status, 403, "{path} {header:?}: {answer:?}");
            assert!(answer.body.contains("not sent from our page"), "{path}");
        }
        assert_eq!(newest(&postern, kind).await.map(|line| line.id), before, "{path}");
    }
}

#[tokio::test]
async fn dangerous_acts_want_the_password_again_and_come_back_to_their_page() {
    let postern = with_roles().await;
    give_role(&postern, ALICE, Some(Role::Owner)).await;
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    postern.advance("6m");
    let csrf = Admin::csrf(&admin.open("/console").await);
    for place in console_pages() {
        let path = of_nobody(&place);
        let to: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        let confirm = format!("/console/confirm?to={to}");
        let page = admin.open(&path).await;
        assert_eq!(page.status == 303, place.confirmed, "{path}: {page:?}");
        if place.confirmed {
            assert_eq!(page.location(), confirm);
            let answer = admin.post(&path, &[("csrf", &csrf)], &[SAME_ORIGIN]).await;
            assert_eq!(answer.location(), confirm, "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn nothing_ends_by_a_filter_that_names_nothing_or_does_not_read() {
    let postern = with_roles().await;
    give_role(&postern, ALICE, Some(Role::Owner)).await;
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    let csrf = Admin::csrf(&admin.open("/console").await);
    for query in [
        "",
        "?x=1",
        "?person=nobody%40example.com",
        "?address=everywhere",
        "?unused_days=-1",
        "?client=%20",
    ] {
        let path = format!("/console/sessions/end{query}");
        let answer = admin.post(&path, &[("csrf", &csrf)], &[SAME_ORIGIN]).await;
        assert_eq!(answer.status, 409, "{query}: {answer:?}");
    }
    assert_eq!(postern.count_events("mass_end.begun").await, 0);
    let list = admin.open("/console/sessions?address=everywhere").await;
    assert_eq!(list.status, 422, "{list:?}");
    assert!(
        list.body.contains("Address: ") && !list.body.contains("end-matching"),
        "{list:?}"
    );
}

#[tokio::test]
async fn who_is_signed_in_is_found_by_person_and_version_and_a_secret_is_shown_to_nobody() {
    let postern = with_roles().await;
    give_role(&postern, ALICE, Some(Role::Auditor)).await;
    postern.phone().signed_in(&mut postern.browser(), BOB).await;
    let secret = super::token_of(&postern, "admin:users.read", |_| {}).await;
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    let found = admin.open("/console/sessions?person=bob%40example.com").await;
    assert!(
        found.body.contains(BOB) && found.body.contains("in Notes"),
        "{found:?}"
    );
    assert!(!found.body.contains(">End<"), "an auditor ends nothing");
    let none = admin
        .open("/console/sessions?person=bob%40example.com&app_version=9.9")
        .await;
    assert!(none.body.contains("No session matches."), "{none:?}");
    let people = admin.open("/console/users?begins=BO").await;
    assert!(
        people.body.contains(BOB) && !people.body.contains("root@example.com</a>"),
        "{people:?}"
    );
    let person = admin
        .open(&format!("/console/users/{}", postern.user(BOB).await.id))
        .await;
    for text in ["Signed in", "An app was signed in", "Notes"] {
        assert!(person.body.contains(text), "{text}: {person:?}");
    }
    let apps = plain(&admin.open("/console/clients").await);
    let id = apps
        .split("/console/clients/machine-")
        .nth(1)
        .expect("a machine")
        .split('"')
        .next()
        .expect("an id");
    let machine = admin.open(&format!("/console/clients/machine-{id}")).await;
    assert!(
        machine.body.contains("cse_")
            && machine.body.contains("never used") | machine.body.contains("last used"),
        "{machine:?}"
    );
    assert!(
        !machine.body.contains("pst_") && !machine.body.contains(&secret),
        "{machine:?}"
    );
    let keys = admin.open("/console/keys").await;
    assert!(
        plain(&keys).contains("In use") && !plain(&keys).contains("/console/keys/rotate"),
        "{keys:?}"
    );
}

#[tokio::test]
async fn events_are_watched_live_and_the_chart_counts_them() {
    let postern = with_roles().await;
    give_role(&postern, ALICE, Some(Role::Owner)).await;
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    let still = admin.open("/console/events?kind=user.signed_in").await;
    assert!(
        !still.headers.contains_key("refresh") && still.body.contains("Watch live"),
        "{still:?}"
    );
    let live = admin.open("/console/events?kind=user.signed_in&live=yes").await;
    let next = |page: &Answer| {
        let next = page
            .header("refresh")
            .strip_prefix("3; url=")
            .expect("the next page");
        next.to_owned()
    };
    assert!(live.body.contains(ALICE) && !live.body.contains(BOB), "{live:?}");
    // More than a page has come before it comes again; the first of them was begun long ago, and committed late.
    let mut late = postern
        .provider()
        .event(postern.clock.now(), Subject::default(), Event::ClientDisabled);
    late.id = EventId::first_at(postern.clock.now().minus("1h".parse().expect("a length of time")));
    late.subject.address = Some("203.0.113.99".to_owned());
    let all = admin.open("/console/events?live=yes").await;
    postern.record(late).await;
    for number in 0..40 {
        postern.add_user(&format!("new{number}@example.com")).await;
    }
    postern.phone().signed_in(&mut postern.browser(), BOB).await;
    postern.chains().await;
    let all = admin.open(&next(&all)).await;
    assert!(
        all.body.contains("203.0.113.99") && all.body.contains("new0@example.com"),
        "{all:?}"
    );
    let live = admin.open(&next(&live)).await;
    assert!(
        live.body.contains(BOB) && !live.body.contains("new0@example.com"),
        "{live:?}"
    );
    // Of another trail, or of none: it begins anew.
    for cursor in ["1.AAAAAAAAAAAA", "x", "-1"] {
        let page = admin
            .open(&format!("/console/events?live=yes&cursor={cursor}"))
            .await;
        assert!(page.status == 200 && page.body.contains(BOB), "{page:?}");
    }
    let unknown = admin.open("/console/events?kind=session.end").await;
    assert!(unknown.body.contains("session.ended"), "{unknown:?}");
    let home = admin.open("/console").await;
    assert!(home.body.contains("2 sign-ins, 0 failed."), "{home:?}");
    assert!(home.body.contains("<rect class=\"good\""), "{home:?}");
}

#[tokio::test]
async fn an_end_of_many_is_counted_begun_and_watched() {
    let postern = with_roles().await;
    give_role(&postern, ALICE, Some(Role::Support)).await;
    for _ in 0..3 {
        postern.phone().signed_in(&mut postern.browser(), BOB).await;
    }
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    let path = "/console/sessions/end?client=notes";
    let page = admin.open(path).await;
    assert!(
        page.body.contains("<dt>Would end</dt><dd>3 sessions</dd>"),
        "{page:?}"
    );
    let csrf = Admin::csrf(&page);
    let long = "x".repeat(201);
    let again = admin
        .post(path, &[("csrf", &csrf), ("reason", &long)], &[SAME_ORIGIN])
        .await;
    assert_eq!(again.status, 422, "{again:?}");
    let begun = admin
        .post(
            path,
            &[("csrf", &csrf), ("reason", "version 1 is unsafe")],
            &[SAME_ORIGIN],
        )
        .await;
    let watched = admin.open(begun.location()).await;
    assert_eq!(watched.header("refresh"), "1");
    assert!(
        watched.body.contains("Under way") && watched.body.contains("version 1 is unsafe"),
        "{watched:?}"
    );
    while mass_end::work(postern.provider()).await.expect("worked") {}
    let done = admin.open(begun.location()).await;
    assert!(!done.headers.contains_key("refresh"), "{done:?}");
    assert!(
        done.body.contains("Done") && done.body.contains("3 ended, 3 looked at."),
        "{done:?}"
    );
    let all = admin.open("/console/ends").await;
    assert!(
        all.body.contains("Done: 3 ended") && all.body.contains(ALICE),
        "{all:?}"
    );
}
