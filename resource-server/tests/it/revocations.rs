//! The revocation stream over a real socket: what is refused when, what is acknowledged, and what a stream that is down does.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use postern_resource_server::{DiscoverError, Follow, Postern, Rejection, StreamHealth, WhenDown};
use serde_json::{Value, json};

use crate::harness::teller::{CLIENT, SECRET, Teller, event, revocation, snapshot};
use crate::harness::{AUDIENCE, Issuer, Signer, lasting_claims};

/// When every token of these tests was issued.
const ISSUED: u64 = 1_700_000_000;
/// The database's clock.
const POLLED: u64 = 1_800_000_000_000;

struct World {
    signer: Signer,
    teller: Teller,
    postern: Postern,
}

fn follow() -> Follow {
    Follow::as_client(CLIENT, SECRET)
}

impl World {
    /// Which says nothing yet.
    async fn silent(follow: Follow) -> Self {
        let signer = Signer::new("k1");
        let teller = Teller::start(&signer).await;
        let postern = Postern::discover(&teller.url(), AUDIENCE).follow(follow);
        let postern = postern.await.unwrap();
        Self {
            signer,
            teller,
            postern,
        }
    }

    /// Whose stream is up, with a snapshot.
    async fn with(follow: Follow, revocations: &[Value]) -> Self {
        let world = Self::silent(follow).await;
        world.greet(revocations, POLLED);
        world
            .until(|health| matches!(health, StreamHealth::Up { .. }))
            .await;
        world
    }

    /// Now and from now on.
    fn greet(&self, revocations: &[Value], polled_at: u64) {
        let events = snapshot(revocations, polled_at);
        self.teller.greet(&events);
        self.teller.say(&events.concat());
    }

    async fn until(&self, condition: impl Fn(StreamHealth) -> bool) {
        until(|| condition(self.postern.health().revocations)).await;
    }

    /// An addition, and how the API has said that it has it.
    async fn end(&self, kind: &str, id: &str, polled_at: u64) {
        let revocations = [revocation(kind, id, ISSUED)];
        self.teller
            .say(&event("revoked", &json!({ "revocations": revocations })));
        let poll = json!({ "polled_at": polled_at, "acknowledge": true });
        self.teller.say(&event("heartbeat", &poll));
        self.acknowledged(polled_at).await;
    }

    async fn acknowledged(&self, polled_at: u64) {
        until(|| {
            self.teller
                .heard()
                .acknowledged
                .last()
                .is_some_and(|(_, at)| *at == polled_at)
        })
        .await;
    }

    fn token(&self, name: &str, value: impl Into<Value>) -> String {
        let mut claims = lasting_claims(&self.teller.url());
        claims[name] = value.into();
        self.signer.token(&claims)
    }

    async fn call(&self, token: &str) -> Result<(), Rejection> {
        let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
        let uri = Uri::from_static("/");
        let answer = self.postern.authenticate(&Method::GET, &uri, &headers).await;
        answer.map(|_| ())
    }
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("it never happened");
}

#[tokio::test]
async fn nobody_is_let_in_before_the_first_snapshot_is_whole() {
    let world = World::silent(follow().when_down(WhenDown::Accept, Duration::from_secs(6))).await;
    let token = world.token("sid", "ds_1");
    until(|| !world.teller.heard().streams.is_empty()).await;
    assert_eq!(world.call(&token).await, Err(Rejection::RevocationsUnavailable));
    let events = snapshot(&[], POLLED);
    let (complete, begun) = events.split_last().unwrap();
    // Heartbeats of a set that is not whole say nothing.
    world.teller.say(&begun.concat());
    world
        .teller
        .say(&event("heartbeat", &json!({ "polled_at": POLLED })));
    world.teller.say("event: of a later version\ndata: {}\n\n");
    assert_eq!(world.call(&token).await, Err(Rejection::RevocationsUnavailable));
    assert_eq!(world.postern.health().revocations, StreamHealth::Starting);
    assert!(!world.postern.health().ready);
    world.teller.say(complete);
    world.acknowledged(POLLED).await;
    assert!(world.postern.health().ready);
    assert_eq!(world.call(&token).await, Ok(()));
    // Another mistake is told as ever.
    assert_eq!(world.call("x.y.z").await, Err(Rejection::Malformed));
}

#[tokio::test]
async fn each_kind_means_its_own() {
    let of_client = |world: &World| {
        let mut claims = lasting_claims(&world.teller.url());
        claims["client_id"] = "batch".into();
        claims.as_object_mut().unwrap().remove("sid");
        world.signer.token(&claims)
    };
    let world = World::with(
        follow(),
        &[
            revocation("session", "ds_over", ISSUED),
            revocation("session", "ds_before", ISSUED - 1),
            revocation("token", "at_over", ISSUED),
            revocation("client", "notes-app", ISSUED),
            json!({ "kind": "of a later version", "x": 1 }),
        ],
    )
    .await;
    for (name, value, answer) in [
        ("sid", "ds_over", Err(Rejection::Revoked)),
        ("jti", "at_over", Err(Rejection::Revoked)),
        // Issued after the end.
        ("sid", "ds_before", Ok(())),
        // Of a person; the client's own are meant.
        ("sid", "ds_1", Ok(())),
        // Another kind of the same name.
        ("sid", "at_over", Ok(())),
        ("jti", "ds_over", Ok(())),
    ] {
        assert_eq!(
            world.call(&world.token(name, value)).await,
            answer,
            "{name} {value}"
        );
    }
    let batch = of_client(&world);
    assert_eq!(world.call(&batch).await, Ok(()));
    world.end("client", "batch", POLLED + 1).await;
    assert_eq!(world.call(&batch).await, Err(Rejection::Revoked));
    // A key ends whatever was signed with it, whatever time stands in it.
    world.teller.say(&event(
        "revoked",
        &json!({ "revocations": [revocation("key", "k1", 0)] }),
    ));
    world.teller.say(&event(
        "heartbeat",
        &json!({ "polled_at": POLLED + 2, "acknowledge": true }),
    ));
    world.acknowledged(POLLED + 2).await;
    assert_eq!(
        world.call(&world.token("sid", "ds_1")).await,
        Err(Rejection::Revoked)
    );
}

/// What was verified before is not good for ever, and an acknowledgement is a promise.
#[tokio::test]
async fn a_token_that_was_good_a_moment_ago() {
    let world = World::with(follow(), &[]).await;
    for n in 1..=50 {
        let sid = format!("ds_{n}");
        let token = world.token("sid", sid.as_str());
        assert_eq!(world.call(&token).await, Ok(()));
        world.end("session", &sid, POLLED + n).await;
        assert_eq!(world.call(&token).await, Err(Rejection::Revoked));
    }
    let heard = world.teller.heard();
    let (query, own) = &heard.streams[0];
    assert_eq!(
        (query["down"].as_str(), query["down_after"].as_str()),
        ("introspect", "30")
    );
    let instance = &query["instance"];
    assert_eq!(instance.len(), 22);
    assert!(heard.acknowledged.iter().all(|(by, _)| by == instance));
    assert_eq!((own.as_str(), heard.tokens.len()), ("own-1", 1));
    assert_eq!(heard.tokens[0]["grant_type"], "client_credentials");
    assert_eq!(heard.tokens[0]["scope"], "revocations");
    // Not before anybody waits.
    world.teller.say(&event(
        "heartbeat",
        &json!({ "polled_at": POLLED + 100, "acknowledge": false }),
    ));
    world.end("token", "x", POLLED + 101).await;
    assert!(
        !world
            .teller
            .heard()
            .acknowledged
            .iter()
            .any(|(_, at)| *at == POLLED + 100)
    );
}

#[tokio::test]
async fn a_stream_that_is_cut_comes_back_with_a_snapshot_and_nothing_ended_comes_back() {
    let world = World::with(follow(), &[revocation("session", "ds_old", ISSUED)]).await;
    world.end("session", "ds_added", POLLED + 1).await;
    world.teller.greet(&snapshot(
        &[revocation("session", "ds_missed", ISSUED)],
        POLLED + 5,
    ));
    world.teller.cut();
    // Nobody is refused while it is only cut.
    assert_eq!(world.call(&world.token("sid", "ds_1")).await, Ok(()));
    world.acknowledged(POLLED + 5).await;
    for sid in ["ds_old", "ds_added", "ds_missed"] {
        assert_eq!(
            world.call(&world.token("sid", sid)).await,
            Err(Rejection::Revoked),
            "{sid}"
        );
    }
    assert_eq!(world.call(&world.token("sid", "ds_1")).await, Ok(()));
    let streams = world.teller.heard().streams;
    assert_eq!(streams[0].0["instance"], streams[1].0["instance"]);
    assert_eq!(streams[0].1, streams[1].1, "the token is good yet");
}

/// Three that take six seconds each, so at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_choice_when_it_is_down() {
    let down_as = async |choice: WhenDown| {
        let world = World::with(
            follow().when_down(choice, Duration::ZERO),
            &[revocation("session", "ds_over", ISSUED)],
        )
        .await;
        let (good, over) = (world.token("sid", "ds_1"), world.token("sid", "ds_over"));
        assert_eq!(world.call(&good).await, Ok(()));
        // The node lives, and sends what it had; its database is gone.
        world.teller.say(&event(
            "heartbeat",
            &json!({ "polled_at": POLLED, "acknowledge": false }),
        ));
        world.teller.introspection(Some(true));
        let down = |health| matches!(health, StreamHealth::Down { choice: Some(taken), ended: 1, .. } if taken == choice);
        world.until(down).await;
        assert_eq!(world.call(&over).await, Err(Rejection::Revoked), "{choice:?}");
        (world, good)
    };
    let introspects = async {
        let (world, good) = down_as(WhenDown::Introspect).await;
        let streams = world.teller.heard().streams;
        assert_eq!(streams[0].0["down_after"], "6", "not less than it takes to know");
        assert_eq!(world.call(&good).await, Ok(()));
        world.teller.introspection(Some(false));
        assert_eq!(world.call(&good).await, Err(Rejection::Revoked));
        world.teller.introspection(None);
        assert_eq!(world.call(&good).await, Err(Rejection::RevocationsUnavailable));
        // Those who come with it do not queue up.
        let asked = world.teller.heard().introspected;
        assert_eq!(world.call(&good).await, Err(Rejection::RevocationsUnavailable));
        assert_eq!((asked, world.teller.heard().introspected), (3, 3));
        // And it is good again with the first newer poll.
        world.greet(&[], POLLED + 60_000);
        world
            .until(|health| matches!(health, StreamHealth::Up { ended: 1, .. }))
            .await;
        assert_eq!(world.call(&good).await, Ok(()));
    };
    let refuses = async {
        let (world, good) = down_as(WhenDown::Refuse).await;
        assert!(!world.postern.health().ready);
        assert_eq!(world.call(&good).await, Err(Rejection::RevocationsUnavailable));
        world.teller.die();
        assert_eq!(world.call(&good).await, Err(Rejection::RevocationsUnavailable));
    };
    let accepts = async {
        let (world, good) = down_as(WhenDown::Accept).await;
        assert!(world.postern.health().ready);
        world.teller.die();
        assert_eq!(world.call(&good).await, Ok(()));
    };
    tokio::join!(introspects, refuses, accepts);
}

/// It asks for the next token in time, and changes over without a gap.
#[tokio::test]
async fn its_own_token_ends() {
    let world = World::silent(follow()).await;
    until(|| !world.teller.heard().streams.is_empty()).await;
    world.teller.give_tokens_for(2);
    world.greet(&[], POLLED);
    world.acknowledged(POLLED).await;
    // Which the issuer does not know any more.
    world.teller.refuse(Some(StatusCode::UNAUTHORIZED));
    world.teller.cut();
    until(|| world.teller.heard().streams.len() > 2).await;
    world.teller.refuse(None);
    until(|| {
        world
            .teller
            .heard()
            .streams
            .last()
            .is_some_and(|(_, own)| own == "own-4")
    })
    .await;
    assert_eq!(world.call(&world.token("sid", "ds_1")).await, Ok(()));
    let heard = world.teller.heard();
    assert!(
        heard
            .streams
            .iter()
            .all(|(query, _)| query["instance"] == heard.streams[0].0["instance"])
    );
}

#[tokio::test]
async fn what_is_no_stream_is_not_believed() {
    let world = World::silent(follow()).await;
    until(|| world.teller.heard().streams.len() == 1).await;
    let revocations = [revocation("session", "ds_1", ISSUED)];
    let too_long = format!("data: {}", "x".repeat(1 << 20));
    let wrong = [
        "event: complete\ndata: {\"polled_at\":1}\n\n".to_owned(),
        event("revoked", &json!({ "revocations": revocations })),
        "event: snapshot\ndata: {\n\n".to_owned(),
        "event: snapshot\ndata: {\"count\":-1}\n\n".to_owned(),
        event("snapshot", &json!({ "count": 0 }))
            + "event: revoked\ndata: {\"revocations\":[{\"kind\":\"session\"}]}\n\n",
        too_long,
    ];
    for (n, wrong) in wrong.iter().enumerate() {
        until(|| world.teller.heard().streams.len() > n).await;
        world.teller.say(wrong);
        world.teller.cut();
    }
    assert_eq!(world.postern.health().revocations, StreamHealth::Starting);
    world.greet(&[], POLLED);
    world
        .until(|health| matches!(health, StreamHealth::Up { .. }))
        .await;
}

#[tokio::test]
async fn who_stops_says_so() {
    let world = World::with(follow(), &[]).await;
    world.postern.stop().await;
    let heard = world.teller.heard();
    assert_eq!(heard.left, [heard.streams[0].0["instance"].clone()]);
}

#[tokio::test]
async fn an_api_that_is_gone_asks_no_more() {
    let World { teller, postern, .. } = World::with(follow(), &[]).await;
    drop(postern);
    teller.cut();
    // Long enough for the first pause, of at most a quarter of a second.
    let came_back = tokio::time::timeout(
        Duration::from_millis(600),
        until(|| teller.heard().streams.len() > 1),
    );
    assert!(came_back.await.is_err());
}

#[tokio::test]
async fn an_issuer_without_a_stream_cannot_be_followed_and_is_good_without() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(&[&signer]).await;
    issuer.set_metadata("token_endpoint", &format!("{}/token", issuer.url()));
    let discover = || Postern::discover(&issuer.url(), AUDIENCE);
    let refuse = follow().when_down(WhenDown::Refuse, Duration::from_secs(30));
    for (follow, missing) in [
        (follow(), "introspection_endpoint"),
        (refuse, "revocation_stream_endpoint"),
    ] {
        let error = discover().follow(follow).await.unwrap_err();
        assert!(
            matches!(error, DiscoverError::Missing(name) if name == missing),
            "{error:?}"
        );
    }
    issuer.set_metadata("introspection_endpoint", "http://192.0.2.1/introspect");
    let error = discover().follow(follow()).await.unwrap_err();
    assert!(matches!(error, DiscoverError::Missing("introspection_endpoint")));
    let postern = discover().await.unwrap();
    assert_eq!(postern.health().revocations, StreamHealth::NotFollowed);
}

#[test]
fn the_secret_is_not_printed() {
    assert!(!format!("{:?}", follow()).contains("pst_cs"));
}
