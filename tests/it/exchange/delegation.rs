//! An API passes a request on: what the next API learns, and until when.

use serde_json::json;

use super::{ACCESS_TOKEN, Api, MAIL, ORDERS, STOCK, app, claims, refused, token_of, world};
use crate::harness::{ALICE, Phone, Postern, ProofKey, Tokens};

#[tokio::test]
async fn the_next_api_learns_of_whom_the_token_speaks_and_who_acts() {
    let postern = Postern::start().await;
    let (phone, tokens, orders) = world(&postern).await;
    let events = postern.events().await.len();

    let (statements, answer) = postern.statements(orders.exchange(&tokens.access, &[])).await;

    let json = answer.json();
    let members: Vec<&String> = json.as_object().expect("an object").keys().collect();
    assert_eq!(
        members,
        [
            "access_token",
            "expires_in",
            "issued_token_type",
            "scope",
            "token_type"
        ],
        "no refresh token, no ID token"
    );
    assert_eq!(json["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(
        (&json["token_type"], &json["expires_in"]),
        (&json!("Bearer"), &json!(300))
    );
    assert_eq!(json["scope"], "mail:send stock:read");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(statements, 1, "that the session lives");
    assert_eq!(postern.events().await.len(), events, "as with a refresh");

    let (new, old) = (claims(&token_of(&answer)), tokens.claims());
    for same in ["iss", "sub", "sid", "auth_time", "acr", "amr"] {
        assert_eq!(new[same], old[same], "{same}");
    }
    assert_ne!(new["jti"], old["jti"]);
    assert_eq!(
        (&new["client_id"], &new["aud"], &new["act"]),
        (&json!("orders"), &json!(STOCK), &json!({ "sub": "orders" }))
    );
    let token = token_of(&answer);
    assert!(phone.api_accepts(&token, STOCK).await);
    for elsewhere in [ORDERS, MAIL, postern.issuer()] {
        assert!(!phone.api_accepts(&token, elsewhere).await, "{elsewhere}");
    }
    // It is for the next API, and tells the server nothing of the person.
    assert_eq!(phone.userinfo(&token).await.status, 401);

    let stock = Api::register(&postern, "stock", (STOCK, &[]), |_| {}).await;
    let told = stock.introspect(&token).await;
    assert_eq!(
        (&told["active"], &told["act"]),
        (&json!(true), &json!({ "sub": "orders" }))
    );
    assert_eq!(orders.introspect(&tokens.access).await.get("act"), None);
}

#[tokio::test]
async fn who_acted_before_is_in_the_token_and_four_are_enough() {
    let postern = Postern::start().await;
    let (_, tokens, orders) = world(&postern).await;
    let mut token = orders.exchanged(&tokens.access, &[]).await;
    let addresses: Vec<String> = (1..=5).map(|n| format!("https://api{n}.example")).collect();
    let mut audience = STOCK;
    let mut act = json!({ "sub": "orders" });
    for (n, next) in addresses.iter().enumerate() {
        let id = format!("api{n}");
        let api = Api::register(&postern, &id, (audience, &[next]), |_| {}).await;
        let answer = api.exchange(&token, &[]).await;
        if n == 3 {
            refused(&answer, "invalid_request");
            break;
        }
        token = token_of(&answer);
        act = json!({ "sub": id, "act": act });
        let new = claims(&token);
        assert_eq!(new["act"], act);
        assert_eq!(new["sid"], tokens.claims()["sid"]);
        audience = next;
    }
}

#[tokio::test]
async fn it_never_outlives_the_token_that_it_was_exchanged_for() {
    let postern = Postern::start().await;
    let (_, tokens, orders) = world(&postern).await;
    // An API whose own tokens live for less gets less.
    let brief = Api::register(&postern, "brief", (ORDERS, &[MAIL]), |settings| {
        settings.lifetimes.access_token = Some("2m".parse().expect("a life"));
    })
    .await;
    assert_eq!(
        brief.exchange(&tokens.access, &[]).await.json()["expires_in"],
        120
    );

    postern.advance("4m");
    let answer = orders.exchange(&tokens.access, &[]).await;
    assert_eq!(answer.json()["expires_in"], 60);
    assert_eq!(claims(&token_of(&answer))["exp"], tokens.claims()["exp"]);

    // What is tolerated of clocks that differ makes no new token.
    postern.advance("62s");
    refused(&orders.exchange(&tokens.access, &[]).await, "invalid_request");
    postern.advance("1m");
    refused(&orders.exchange(&tokens.access, &[]).await, "invalid_request");
}

#[tokio::test]
async fn it_narrows_and_never_widens() {
    let postern = Postern::start().await;
    let (_, tokens, orders) = world(&postern).await;
    let scope = |token: String| claims(&token)["scope"].clone();
    assert_eq!(
        scope(orders.exchanged(&tokens.access, &[("scope", "stock:read")]).await),
        "stock:read"
    );
    // Not its own, not the person's, not both.
    for wide in [
        "orders:write",
        "openid",
        "stock:read orders:write",
        "stock:write",
        "\"",
        " ",
    ] {
        refused(
            &orders.exchange(&tokens.access, &[("scope", wide)]).await,
            "invalid_scope",
        );
    }
    let stranger = Api::register(&postern, "stranger", (ORDERS, &[STOCK]), |settings| {
        settings.scope = "nothing:here".parse().expect("valid");
    })
    .await;
    refused(&stranger.exchange(&tokens.access, &[]).await, "invalid_scope");
    // A narrow token stays narrow.
    let stock = Api::register(&postern, "stock", (STOCK, &[MAIL]), |_| {}).await;
    let narrow = orders.exchanged(&tokens.access, &[("scope", "stock:read")]).await;
    assert_eq!(scope(stock.exchanged(&narrow, &[]).await), "stock:read");
    refused(
        &stock.exchange(&narrow, &[("scope", "mail:send")]).await,
        "invalid_scope",
    );
}

#[tokio::test]
async fn it_is_for_one_api_that_the_asking_one_is_registered_for() {
    let postern = Postern::start().await;
    let (_, tokens, orders) = world(&postern).await;
    let token = &tokens.access;
    for named in [
        &[("resource", MAIL)][..],
        &[("audience", MAIL)],
        &[("resource", MAIL), ("audience", MAIL)],
    ] {
        assert_eq!(
            claims(&orders.exchanged(token, named).await)["aud"],
            MAIL,
            "{named:?}"
        );
    }
    for named in [
        &[("resource", "https://elsewhere.example")][..],
        &[("audience", "https://elsewhere.example")],
        &[("resource", ORDERS)],
        &[("audience", postern.issuer())],
        &[("resource", STOCK), ("resource", MAIL)],
        &[("audience", STOCK), ("audience", MAIL)],
        &[("resource", STOCK), ("audience", MAIL)],
        &[("resource", "nonsense")],
    ] {
        refused(&orders.exchange(token, named).await, "invalid_target");
    }
    // A token for the server itself is none that an API gets by passing on.
    let last = Api::register(&postern, "last", (ORDERS, &[]), |_| {}).await;
    refused(&last.exchange(token, &[]).await, "invalid_target");
}

#[tokio::test]
async fn it_is_bound_to_the_key_of_the_api_that_exchanged() {
    let postern = Postern::start().await;
    let shop = app(&postern).await;
    let mut orders = Api::register(&postern, "orders", (ORDERS, &[STOCK]), |_| {}).await;
    let mut phone = Phone::with_key(&postern, "shop");
    phone.scope = shop.scope;
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    assert_eq!(tokens.answer["token_type"], "DPoP");

    // The API was shown the app's proof and cannot show it again; it is the audience, and authenticates.
    let answer = orders.exchange(&tokens.access, &[]).await;
    assert_eq!(answer.json()["token_type"], "Bearer");
    assert_eq!(
        claims(&token_of(&answer)).get("cnf"),
        None,
        "nobody has that key but the app"
    );

    let key = ProofKey::new();
    let jkt = key.jkt();
    orders.key = Some(key);
    let answer = orders.exchange(&tokens.access, &[]).await;
    assert_eq!(answer.json()["token_type"], "DPoP");
    assert_eq!(claims(&token_of(&answer))["cnf"], json!({ "jkt": jkt }));

    // An API that has to prove its key does.
    let strict = Api::register(&postern, "strict", (ORDERS, &[STOCK]), |settings| {
        settings.dpop = postern::domain::client::DpopPolicy::Required;
    })
    .await;
    refused(&strict.exchange(&tokens.access, &[]).await, "invalid_dpop_proof");
}

#[tokio::test]
async fn an_actor_is_the_api_itself_and_nobody_else() {
    let postern = Postern::start().await;
    let (_, tokens, orders) = world(&postern).await;
    let stock = Api::register(&postern, "stock", (STOCK, &[MAIL]), |_| {}).await;
    let own = orders.own_token().await;
    let with = |token| [("actor_token", token), ("actor_token_type", ACCESS_TOKEN)];

    let (statements, answer) = postern
        .statements(orders.exchange(&tokens.access, &with(&own)))
        .await;
    assert_eq!(statements, 2, "one for each token");
    let exchanged = token_of(&answer);
    assert_eq!(claims(&exchanged)["act"], json!({ "sub": "orders" }));

    let bobs = postern
        .phone()
        .signed_in(&mut postern.browser(), crate::harness::BOB)
        .await;
    let foreign = stock.own_token().await;
    for actor in [
        foreign.as_str(),
        &bobs.access,
        &tokens.access,
        &exchanged,
        "x",
        "a.b.c",
    ] {
        refused(
            &orders.exchange(&tokens.access, &with(actor)).await,
            "invalid_request",
        );
    }
    // One that was given back is none.
    assert_eq!(orders.post("/revoke", &[("token", &own)]).await.status, 200);
    refused(
        &orders.exchange(&tokens.access, &with(&own)).await,
        "invalid_request",
    );
}

#[tokio::test]
async fn an_end_of_the_session_reaches_it() {
    let postern = Postern::start().await;
    let (phone, tokens, orders) = world(&postern).await;
    let stock = Api::register(&postern, "stock", (STOCK, &[MAIL]), |_| {}).await;
    let exchanged = orders.exchanged(&tokens.access, &[]).await;
    let active = async |token: &str| stock.introspect(token).await["active"] == true;
    assert!(active(&exchanged).await);

    // A single token that is given back is not exchanged any more; what was, lives for its minutes.
    let newer = Tokens::of(&phone.refresh(&tokens.refresh).await);
    assert_eq!(phone.revoke(&tokens.access).await.status, 200);
    refused(&orders.exchange(&tokens.access, &[]).await, "invalid_request");
    assert!(active(&exchanged).await);
    let again = orders.exchanged(&newer.access, &[]).await;

    assert_eq!(phone.revoke(&newer.refresh).await.status, 200);
    for token in [&exchanged, &again] {
        assert!(!active(token).await);
        refused(&stock.exchange(token, &[]).await, "invalid_request");
    }
    refused(&orders.exchange(&newer.access, &[]).await, "invalid_request");
    let sid = postern.revocations().await;
    assert!(
        sid.iter().any(|(kind, _)| kind == "session"),
        "APIs refuse it by its sid"
    );
}

#[tokio::test]
async fn a_database_that_went_back_revives_nothing() {
    let postern = Postern::start().await;
    let (_, tokens, orders) = world(&postern).await;
    postern.end_everything_of(ALICE).await;
    postern
        .tamper("UPDATE device_sessions SET state = 'active', ended_at = NULL")
        .await;
    refused(&orders.exchange(&tokens.access, &[]).await, "invalid_request");
}

#[tokio::test]
async fn an_api_that_gives_back_what_it_exchanged_signs_nobody_out() {
    let postern = Postern::start().await;
    let (phone, tokens, orders) = world(&postern).await;
    for _ in 0..20 {
        let exchanged = orders.exchanged(&tokens.access, &[]).await;
        let given_back = orders.post("/revoke", &[("token", &exchanged)]).await;
        assert_eq!(given_back.status, 200);
    }
    assert_eq!(phone.refresh(&tokens.refresh).await.status, 200);
}
