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
async fn browsers_are_listed_over_all_people_a_page_at_a_time_and_each_says_how_it_stands() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    for email in [ALICE, BOB, ALICE] {
        postern.phone().signed_in(&mut postern.browser(), email).await;
        postern.advance("1m");
    }
    let (alice, bob) = (postern.user(ALICE).await.id, postern.user(BOB).await.id);
    let all = admin.get("/browser-sessions").await;
    assert_eq!(all.json()["looked_at"], 3, "{all:?}");
    let all = ids(&all);
    let ago = |ago: &str| {
        postern
            .clock
            .now()
            .minus(ago.parse().expect("a time"))
            .to_rfc3339()
    };
    for (query, expected) in [
        (format!("user={bob}"), &all[1..2]),
        ("device=nokia".to_owned(), &[]),
        (format!("used_before={}", ago("150s")), &all[2..]),
        (format!("used_since={}", ago("150s")), &all[..2]),
        (format!("opened_before={}", ago("90s")), &all[1..]),
        (format!("opened_since={}&limit=1000", ago("90s")), &all[..1]),
    ] {
        let found = admin.get(&format!("/browser-sessions?{query}")).await;
        assert_eq!(ids(&found), expected, "{query}");
    }
    for (list, last) in [
        ("/browser-sessions".to_owned(), 2),
        (format!("/users/{alice}/browser-sessions"), 2),
    ] {
        let first = admin.get(&format!("{list}?limit=1")).await;
        assert_eq!(ids(&first), all[..1]);
        let (mut page, mut seen) = (first.json(), 1);
        while let Some(next) = page["next"].as_str() {
            page = admin.get(&format!("{list}?limit=1&cursor={next}")).await.json();
            seen += page["items"].as_array().map_or(0, Vec::len);
            assert!(seen < 4, "{page}");
            if page["next"].is_null() {
                assert_eq!(page["items"][0]["id"], json!(all[last]), "{list}");
            }
        }
    }
    assert_eq!(
        problem(&admin.get("/browser-sessions?client=notes").await),
        "unknown-parameter"
    );

    let path = format!("/browser-sessions/{}", all[0]);
    let one = admin.get(&path).await.json();
    assert_eq!((&one["state"], &one["user"]), (&json!("active"), &json!(alice)));
    assert_eq!(admin.tell(&format!("{path}/end")).await.status, 200);
    let one = admin.get(&path).await.json();
    assert_eq!(
        (&one["state"], &one["end_reason"]),
        (&json!("ended"), &json!("ended_by_operator"))
    );
    assert_eq!(ids(&admin.get("/browser-sessions").await), all[1..]);
    postern.advance("8d");
    let reader = Machine::with(&postern, [Permission::ReadSessions]).await;
    let one = reader.get(&format!("/browser-sessions/{}", all[1])).await.json();
    assert_eq!(one["state"], "expired", "{one}");
    assert_eq!(ids(&reader.get("/browser-sessions").await), [""; 0]);
    let unknown = reader
        .get("/browser-sessions/bse_01890a5dac96774bbcceb302099a8057")
        .await;
    assert_eq!(problem(&unknown), "not-found");
}

#[tokio::test]
async fn a_search_among_many_browsers_looks_at_so_many_and_says_where_to_go_on() {
    let postern = start().await;
    let admin = Machine::with(&postern, [Permission::ReadSessions]).await;
    postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    let (id, digest) = if postern.database.is_some() {
        let id =
            "CAST(substr(CAST(id AS TEXT), 1, 13) || substr(CAST(gen_random_uuid() AS TEXT), 14) AS UUID)";
        (id, "uuid_send(gen_random_uuid())")
    } else {
        (
            "CAST(substr(id, 1, 6) || randomblob(10) AS BLOB)",
            "randomblob(32)",
        )
    };
    let columns = "user_id, auth_time, acr, amr, label, created_at, last_seen_at, expires_at";
    let sql = format!(
        "INSERT INTO browser_sessions (id, digest, {columns})
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         SELECT {id}, {digest}, {columns} FROM browser_sessions, n"
    );
    postern.tamper(Box::leak(sql.into_boxed_str())).await;
    let alice = postern.user(ALICE).await.id;
    for query in ["device=nokia".to_owned(), format!("device=nokia&user={alice}")] {
        let path = format!("/browser-sessions?limit=1&{query}");
        let (statements, first) = postern.statements(admin.get(&path)).await;
        let first = first.json();
        let looked_at = first["looked_at"].as_i64().expect("a number");
        assert!((4000..5000).contains(&looked_at), "{looked_at}");
        assert!(statements < 12, "{statements}");
        let next = first["next"].as_str().expect("more").to_owned();
        let rest = admin
            .get(&format!("/browser-sessions?{query}&cursor={next}"))
            .await
            .json();
        assert_eq!(rest["looked_at"].as_i64(), Some(5001 - looked_at));
        assert!(rest["next"].is_null(), "{rest}");
    }
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
