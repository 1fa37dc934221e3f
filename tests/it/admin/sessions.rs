//! Sessions that match, ends of all of them, and waiting until every API knows.

use postern::{
    base::time::Clock,
    domain::role::Permission,
    flows::{confirm::MOST, mass_end},
};
use serde_json::{Value, json};

use super::{Machine, Postern, private, problem, start};
use crate::harness::{ALICE, Answer, BOB, Follower};

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let page = answer.json();
    let items = page["items"].as_array().expect("items").iter();
    items
        .map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn every_part_of_a_filter_is_a_parameter_and_the_search_says_how_far_it_looked() {
    let postern = start().await;
    let admin = Machine::with(&postern, [Permission::ReadSessions]).await;
    let mut sids = Vec::new();
    for email in [ALICE, BOB, ALICE] {
        let tokens = postern.phone().signed_in(&mut postern.browser(), email).await;
        sids.insert(0, tokens.sid());
        postern.advance("1m");
    }
    let bob = postern.user(BOB).await.id;
    let all = admin.get("/sessions").await;
    assert_eq!(
        (ids(&all), all.json()["looked_at"].as_i64()),
        (sids.clone(), Some(3))
    );
    let at = |ago: &str| {
        postern
            .clock
            .now()
            .minus(ago.parse().expect("a time"))
            .to_rfc3339()
    };
    let (old, new) = (at("150s"), at("90s"));
    for (query, expected) in [
        (format!("user={bob}"), &sids[1..2]),
        ("client=notes".to_owned(), &sids[..]),
        ("client=other".to_owned(), &[]),
        ("app_version=9.9".to_owned(), &[]),
        ("device=nokia".to_owned(), &[]),
        ("address=192.0.3.0%2F24".to_owned(), &[]),
        (format!("used_before={old}"), &sids[2..]),
        (format!("used_since={old}"), &sids[..2]),
        (format!("opened_before={new}"), &sids[1..]),
        (format!("opened_since={new}&client=notes"), &sids[..1]),
        ("life=with_browser".to_owned(), &[]),
        ("life=own&limit=1000".to_owned(), &sids[..]),
    ] {
        assert_eq!(
            ids(&admin.get(&format!("/sessions?{query}")).await),
            expected,
            "{query}"
        );
    }
    let first = admin.get("/sessions?limit=2").await;
    let next = first.json()["next"].as_str().expect("more").to_owned();
    assert_eq!(
        ids(&admin.get(&format!("/sessions?limit=2&cursor={next}")).await),
        sids[2..]
    );
    let wrong = admin.get("/sessions?life=own&user=bob").await;
    assert_eq!(problem(&wrong), "invalid-parameter");
    assert!(
        wrong.json()["detail"]
            .as_str()
            .expect("a detail")
            .starts_with("user: ")
    );
    let unknown = admin.get("/sessions?usr=1").await;
    assert_eq!(problem(&unknown), "unknown-parameter");
    assert!(admin.get("/app-versions?client=notes").await.json()["items"].is_array());
}

#[tokio::test]
async fn all_that_match_are_counted_ended_followed_and_each_end_names_who_and_why() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    let alice = postern.user(ALICE).await.id;
    for email in [ALICE, BOB, ALICE] {
        postern.phone().signed_in(&mut postern.browser(), email).await;
    }
    for wrong in [
        json!({}),
        json!({ "filter": {} }),
        json!({ "filter": { "usr": alice } }),
        json!({ "filter": { "user": alice }, "now": true }),
        json!({ "filter": { "user": alice }, "reason": "two\nlines" }),
    ] {
        let answer = admin.post("/session-ends", wrong.clone()).await;
        assert_eq!(problem(&answer), "invalid-body", "{wrong}");
    }
    let filter = json!({ "user": alice });
    let dry = json!({ "filter": filter, "dry_run": true });
    let counted = admin.post("/session-ends", dry).await.json();
    assert_eq!(counted["would_end"]["found"], 2);
    assert_eq!(
        ids(&admin.get("/session-ends").await),
        [""; 0],
        "nothing was begun"
    );

    let body = json!({ "filter": filter, "reason": "lost phones" });
    let key = [("idempotency-key", "e1")];
    let begun = admin
        .send("POST", "/session-ends", Some(body.clone()), &key)
        .await
        .json();
    let again = admin
        .send("POST", "/session-ends", Some(body.clone()), &key)
        .await
        .json();
    assert_eq!(begun, again, "it is done once");
    let id = begun["end"]["id"].as_str().expect("an id").to_owned();
    let path = format!("/session-ends/{id}");
    let under_way = admin.get(&path).await.json();
    assert!(under_way["done_at"].is_null() && under_way.get("confirmation").is_none());
    mass_end::work(postern.provider()).await.expect("worked off");
    let done = admin.get(&format!("{path}?wait=1s")).await.json();
    assert_eq!(
        (&done["ended"], &done["note"]),
        (&json!(2), &json!("lost phones"))
    );
    assert_eq!(
        done["confirmation"],
        json!({ "instances": 0, "confirmed": 0, "missing": [] })
    );
    assert_eq!(problem(&admin.tell(&format!("{path}/cancel")).await), "not-now");
    let second = admin.post("/session-ends", body).await.json();
    let second = second["end"]["id"].as_str().expect("an id").to_owned();
    let cancelled = admin.tell(&format!("/session-ends/{second}/cancel")).await.json();
    assert!(cancelled["cancelled_at"].is_i64(), "{cancelled}");
    assert_eq!(ids(&admin.get("/session-ends?limit=1").await), [second]);
    assert_eq!(
        problem(
            &admin
                .get("/session-ends/men_0197a000000070008000000000000000")
                .await
        ),
        "not-found"
    );

    let events = admin.get("/events?kind=session.ended").await.json();
    let event = &events["items"][0];
    assert_eq!(event["actor"]["kind"], "client", "{event}");
    for kind in ["mass_end.begun", "session.ended"] {
        let client = event["actor"]["id"].as_str().expect("an id");
        let by = admin
            .get(&format!("/events?kind={kind}&actor=client:{client}"))
            .await;
        assert!(!ids(&by).is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn an_end_waits_until_every_api_refuses_what_ended_or_says_which_does_not() {
    let postern = Postern::start_at(Clock::system(), None, private).await;
    let admin = Machine::with(&postern, [Permission::EndSessions]).await;
    let mut browser = postern.browser();
    let tokens = postern.phone().signed_in(&mut browser, ALICE).await;
    let follower = Follower::new(&postern, "api").await;
    let mut stream = follower.followed().await;
    let path = format!("/sessions/{}/end?wait=20s", tokens.sid());
    let because = Some(json!({ "reason": "asked for by phone" }));
    let ended = tokio::select! {
        ended = admin.send("POST", &path, because, &[]) => ended.json(),
        () = follower.goes_on(&mut stream) => unreachable!("it goes on"),
    };
    let whole = json!({ "instances": 1, "confirmed": 1, "missing": [] });
    assert_eq!(
        ended,
        json!({ "browsers": 0, "devices": 1, "confirmation": whole })
    );

    // Nobody acknowledges any more.
    let alice = postern.user(ALICE).await.id;
    let late = admin
        .tell(&format!("/users/{alice}/end-sessions?wait=50ms"))
        .await
        .json();
    assert_eq!(
        (&late["browsers"], &late["confirmation"]["confirmed"]),
        (&json!(1), &json!(0))
    );
    let missing: &Value = &late["confirmation"]["missing"][0];
    assert!(
        missing["client"] == "api" && missing["refuses_by"].is_i64(),
        "{missing}"
    );
    for wrong in ["wait=x", "wait=1", "wait=1s&wait=2s"] {
        let answer = admin.tell(&format!("/users/{alice}/end-sessions?{wrong}")).await;
        assert_eq!(problem(&answer), "invalid-parameter", "{wrong}");
    }
    assert_eq!(problem(&admin.get("/sessions").await), "not-permitted");
}

#[tokio::test]
async fn the_end_of_a_browser_names_its_person_and_one_that_never_was_is_not_found() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    let alice = postern.user(ALICE).await.id;
    let browsers = admin.get(&format!("/users/{alice}/browser-sessions")).await;
    let path = format!("/browser-sessions/{}/end", ids(&browsers)[0]);
    let unknown = "/browser-sessions/bse_01890a5dac96774bbcceb302099a8057/end";
    let refused = admin.tell(unknown).await;
    assert_eq!(
        (refused.status.as_u16(), problem(&refused)),
        (404, "not-found".to_owned())
    );
    // Twice: the second answer is that of who got no first one.
    for left in [1, 0] {
        assert_eq!(
            admin.tell(&path).await.json(),
            json!({ "browsers": left, "devices": 0 })
        );
    }
    let events = admin.get("/events?kind=session.ended").await.json();
    assert_eq!(events["items"].as_array().map(Vec::len), Some(1), "{events}");
    assert_eq!(events["items"][0]["subject"]["user"], json!(alice));
}

#[tokio::test]
async fn only_so_many_wait_at_once_and_who_finds_no_place_has_ended_nothing() {
    let postern = Postern::start_at(Clock::system(), None, private).await;
    let admin = Machine::with(&postern, [Permission::EndSessions]).await;
    let tokens = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    let mute = Follower::new(&postern, "mute").await;
    let _stream = mute.followed().await;
    let bob = postern.user(BOB).await.id;
    let path = format!("/users/{bob}/end-sessions?wait=20s");
    let all = futures_util::future::join_all((0..MOST).map(|_| admin.tell(&path)));
    let free = || postern.provider().waiting.free();
    let too_many = async {
        while free() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let path = format!("/sessions/{}/end", tokens.sid());
        (
            admin.tell(&format!("{path}?wait=20s")).await,
            admin.tell(&format!("{path}?wait=x")).await,
        )
    };
    let (refused, wrong) = tokio::select! {
        refused = too_many => refused,
        _ = all => unreachable!("they wait"),
    };
    assert_eq!(problem(&refused), "busy");
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after")),
        (503, "2")
    );
    let detail = refused.json()["detail"].as_str().expect("a detail").to_owned();
    assert!(detail.contains("nothing was done. Ask again"), "{detail}");
    assert_eq!(problem(&wrong), "invalid-parameter");
    assert_eq!(postern.count_events("session.ended").await, 0);

    // They have gone away, and their places with them.
    assert_eq!(free(), MOST);
    let path = format!("/sessions/{}/end?wait=10ms", tokens.sid());
    assert_eq!(admin.tell(&path).await.json()["devices"], 1);
    assert_eq!(free(), MOST);
}

#[tokio::test]
async fn who_only_looks_leaves_places_for_those_who_end() {
    let postern = Postern::start_at(Clock::system(), None, private).await;
    let admin = Machine::with(&postern, [Permission::EndSessions]).await;
    let reader = Machine::with(&postern, [Permission::ReadSessions]).await;
    let tokens = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    let mute = Follower::new(&postern, "mute").await;
    let _stream = mute.followed().await;
    let body = json!({ "filter": { "user": postern.user(BOB).await.id } });
    let begun = admin.post("/session-ends", body).await.json();
    while mass_end::work(postern.provider()).await.expect("worked off") {}
    let path = format!(
        "/session-ends/{}?wait=20s",
        begun["end"]["id"].as_str().expect("an id")
    );
    let all = futures_util::future::join_all((0..MOST / 2).map(|_| reader.get(&path)));
    let ended = async {
        while postern.provider().waiting.free() > MOST / 2 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let end = format!("/sessions/{}/end?wait=10ms", tokens.sid());
        (reader.get(&path).await, admin.tell(&end).await)
    };
    let (refused, ended) = tokio::select! {
        both = ended => both,
        _ = all => unreachable!("they wait"),
    };
    assert_eq!(problem(&refused), "busy");
    assert_eq!(ended.json()["devices"], 1, "{ended:?}");
}
