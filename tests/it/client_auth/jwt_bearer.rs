//! Somebody else vouches for a person (RFC 7523 section 2.1): what an assertion opens, and what is none.

use futures_util::future::join_all;
use postern::domain::client::{AssertionIssuer, AssertionSubject, ClientKind, ClientSettings, GrantType};
use serde_json::{Value, json};

use super::{Key, Site, b64, publish, refused};
use crate::harness::{ALICE, Answer, BOB, Place, Postern, Tokens};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const PARTNER: &str = "https://partner.example";
const ALIVE: &str = "SELECT COUNT(*) FROM device_sessions WHERE state <> 'ended'";

/// Another system with its key.
struct Partner<'a> {
    postern: &'a Postern,
    key: Key,
}

impl<'a> Partner<'a> {
    fn new(postern: &'a Postern) -> Self {
        Self {
            postern,
            key: Key::es256("partner"),
        }
    }

    /// What a client needs that takes its word.
    fn trusted(&self, subject: AssertionSubject) -> impl FnOnce(&mut ClientSettings) {
        let jwks = json!({ "keys": [self.key.public()] }).to_string();
        move |settings| {
            settings.grant_types.insert(GrantType::JwtBearer);
            settings.assertion_issuer = Some(AssertionIssuer {
                issuer: PARTNER.parse().expect("valid"),
                jwks: Some(jwks.parse().expect("a key set")),
                jwks_uri: None,
                subject,
            });
        }
    }

    /// A client that takes its word.
    async fn site(&self, subject: AssertionSubject) -> Site<'a> {
        Site::with_secret(self.postern, "site", ClientKind::Web, self.trusted(subject)).await
    }

    /// What a well-made assertion about somebody says.
    fn claims(&self, sub: &str) -> Value {
        let mut claims = self.key.claims(self.postern, PARTNER);
        claims["sub"] = sub.into();
        claims
    }

    fn assertion(&self, sub: &str) -> String {
        self.key.sign(&self.key.header(), &self.claims(sub))
    }
}

impl Site<'_> {
    async fn present(&self, assertion: &str, more: &[(&str, &str)]) -> Answer {
        let usual = [("grant_type", GRANT_TYPE), ("assertion", assertion)];
        self.post("/token", &[&usual[..], more].concat()).await
    }
}

#[tokio::test]
async fn an_assertion_opens_a_session_of_its_own() {
    let postern = Postern::start().await;
    let partner = Partner::new(&postern);
    let site = partner.site(AssertionSubject::UserId).await;
    site.introspect("x").await;
    let alice = postern.user(ALICE).await.id.to_string();

    let scope = [("scope", "openid email offline_access")];
    let (statements, answer) = postern
        .statements(site.present(&partner.assertion(&alice), &scope))
        .await;

    let tokens = Tokens::of(&answer);
    assert_eq!(statements, 4, "the person, the use, the session, the event");
    assert_eq!(tokens.answer["scope"], "email offline_access openid");
    assert_eq!(
        (&tokens.claims()["sub"], &tokens.claims()["client_id"]),
        (&json!(alice), &json!("site"))
    );
    assert_eq!(
        tokens.id_claims()["acr"],
        "0",
        "how well is the partner's knowledge"
    );
    assert_eq!(postern.count_events("session.opened").await, 1);
    assert_eq!(site.phone().userinfo(&tokens.access).await.json()["email"], ALICE);
    let next = Tokens::of(&site.refresh(&tokens.refresh).await);

    // It ends as every other does.
    postern.end_everything_of(ALICE).await;
    assert_eq!(site.refresh(&next.refresh).await.error(), "invalid_grant");
    assert_eq!(site.phone().userinfo(&next.access).await.status, 401);
}

#[tokio::test]
async fn without_offline_access_it_is_there_for_one_access_token() {
    let postern = Postern::start().await;
    let partner = Partner::new(&postern);
    let site = partner.site(AssertionSubject::Email).await;
    let answer = site.present(&partner.assertion("Alice@Example.com"), &[]).await;
    let json = answer.json();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(json.get("refresh_token"), None);
    assert_eq!(
        json["scope"], "email openid profile",
        "what lasts is asked for by name"
    );
    let access = json["access_token"].as_str().expect("text");
    assert_eq!(site.phone().userinfo(access).await.json()["email"], ALICE);
    let life = "SELECT MAX(expires_at - activated_at) FROM device_sessions";
    assert_eq!(postern.number(life).await, 300_000, "as long as the token");
    // An end reaches it all the same.
    postern.end_everything_of(ALICE).await;
    assert_eq!(site.phone().userinfo(access).await.status, 401);
}

#[tokio::test]
async fn what_is_no_assertion_of_the_registered_issuer_opens_nothing() {
    let postern = Postern::start().await;
    let partner = Partner::new(&postern);
    let site = partner.site(AssertionSubject::UserId).await;
    let alice = postern.user(ALICE).await.id.to_string();
    let now = postern.clock.now().seconds();
    let changed = |name: &str, value: Value| {
        let mut claims = partner.claims(&alice);
        claims[name] = value;
        partner.key.sign(&partner.key.header(), &claims)
    };
    let with_header = |name: &str, value: &str| {
        let mut header = partner.key.header();
        header[name] = value.into();
        partner.key.sign(&header, &partner.claims(&alice))
    };
    let mut attempts = vec![
        changed("iss", json!("https://partner.example/")),
        changed("iss", json!("site")),
        changed("aud", json!("https://elsewhere.example")),
        changed("aud", json!([postern.issuer()])),
        changed("aud", json!(format!("{}/token", postern.issuer()))),
        changed("aud", json!("site")),
        changed("exp", json!(now - 31)),
        changed("exp", json!(now + 3700)),
        changed("exp", json!("soon")),
        changed("nbf", json!(now + 60)),
        changed("iat", json!(now + 60)),
        changed("auth_time", json!(now + 60)),
        changed("jti", json!("")),
        changed("jti", json!("x".repeat(257))),
        changed("jti", json!(null)),
        changed("sub", json!(ALICE)),
        changed("sub", json!("usr_00000000000070008000000000000000")),
        changed("sub", json!("nobody")),
        with_header("typ", "at+jwt"),
        with_header("typ", "dpop+jwt"),
        with_header("typ", "logout+jwt"),
        with_header("alg", "HS256"),
        with_header("kid", "another"),
        Key::es256("partner").sign(&partner.key.header(), &partner.claims(&alice)),
        "x".repeat(9000),
        "a.b.c".to_owned(),
    ];
    let parts = partner.assertion(&alice);
    let said = parts.split('.').nth(1).expect("claims");
    attempts.push(format!("{}.{said}.", b64(br#"{"alg":"none"}"#)));
    for name in ["aud", "exp", "jti", "sub", "iss"] {
        let mut claims = partner.claims(&alice);
        claims.as_object_mut().expect("an object").remove(name);
        attempts.push(partner.key.sign(&partner.key.header(), &claims));
    }
    // Tokens of this server, and an assertion by which the client itself would authenticate.
    let own = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    attempts.push(own.access.clone());
    attempts.push(own.answer["id_token"].as_str().expect("an ID token").to_owned());
    attempts.push(partner.key.assertion(&postern, "site"));
    for attempt in attempts {
        refused(&site.present(&attempt, &[]).await, 400, "invalid_grant");
    }
    assert_eq!(postern.number(ALIVE).await, 1, "nothing was opened");
    refused(&site.present("", &[]).await, 400, "invalid_request");
    let wide = [("scope", "openid admin")];
    refused(
        &site.present(&partner.assertion(&alice), &wide).await,
        400,
        "invalid_scope",
    );

    // A person who is disabled; and then whatever is right.
    let disable = "UPDATE users SET disabled_at = 1 WHERE email_key = 'alice@example.com'";
    postern.tamper(disable).await;
    let answer = site.present(&partner.assertion(&alice), &[]).await;
    refused(&answer, 400, "invalid_grant");
    let bob = postern.user(BOB).await.id.to_string();
    for typ in ["JWT", "authorization-grant+jwt"] {
        let mut header = partner.key.header();
        header["typ"] = typ.into();
        let assertion = partner.key.sign(&header, &partner.claims(&bob));
        assert_eq!(site.present(&assertion, &[]).await.status, 200, "{typ}");
    }
}

#[tokio::test]
async fn the_keys_of_an_issuer_are_fetched_from_where_it_publishes_them() {
    let place = Place::start().await;
    let postern = place.trusted_by_a_server().await;
    let mut partner = Partner::new(&postern);
    let site = Site::with_secret(&postern, "site", ClientKind::Web, |settings| {
        partner.trusted(AssertionSubject::UserId)(settings);
        let issuer = settings.assertion_issuer.as_mut().expect("set");
        issuer.jwks = None;
        issuer.jwks_uri = Some(place.url("/jwks.json").parse().expect("an https URL"));
    })
    .await;
    let alice = postern.user(ALICE).await.id.to_string();
    place.says("404 Not Found", "", "");
    let early = partner.assertion(&alice);
    refused(&site.present(&early, &[]).await, 400, "invalid_grant");
    postern.advance("10s");
    publish(&place, &[&partner.key]);
    // What could not be verified was not used up.
    assert_eq!(site.present(&early, &[]).await.status, 200);
    assert_eq!(site.present(&partner.assertion(&alice), &[]).await.status, 200);
    assert_eq!(place.requests(), 2, "kept");

    // The partner has a new key, and does not sign with the old one any more.
    let old = std::mem::replace(&mut partner.key, Key::es256("next"));
    publish(&place, &[&partner.key]);
    postern.advance("10s");
    assert_eq!(site.present(&partner.assertion(&alice), &[]).await.status, 200);
    assert_eq!(place.requests(), 3);
    let late = old.sign(&old.header(), &partner.claims(&alice));
    refused(&site.present(&late, &[]).await, 400, "invalid_grant");
    assert_eq!(postern.number(ALIVE).await, 3);
}

#[tokio::test]
async fn an_assertion_is_for_the_clients_that_its_issuer_is_registered_for() {
    let postern = Postern::start().await;
    let partner = Partner::new(&postern);
    let alice = postern.user(ALICE).await.id.to_string();
    let plain = Site::with_secret(&postern, "plain", ClientKind::Web, |_| {}).await;
    let answer = plain.present(&partner.assertion(&alice), &[]).await;
    refused(&answer, 400, "unauthorized_client");
    // One with another issuer of the same keys; one that is public, whatever its row says.
    let other = Site::with_secret(&postern, "other", ClientKind::Web, |settings| {
        partner.trusted(AssertionSubject::UserId)(settings);
        let issuer = settings.assertion_issuer.as_mut().expect("set");
        issuer.issuer = "https://other.example".parse().expect("valid");
    })
    .await;
    let answer = other.present(&partner.assertion(&alice), &[]).await;
    refused(&answer, 400, "invalid_grant");
    postern
        .set_client("notes", partner.trusted(AssertionSubject::UserId))
        .await;
    let assertion = partner.assertion(&alice);
    let form = [
        ("grant_type", GRANT_TYPE),
        ("client_id", "notes"),
        ("assertion", &assertion),
    ];
    refused(&postern.post("/token", &form).await, 400, "unauthorized_client");
    // Keys that cannot be had verify nothing.
    postern
        .set_client("other", |settings| {
            let issuer = settings.assertion_issuer.as_mut().expect("set");
            issuer.issuer = PARTNER.parse().expect("valid");
            issuer.jwks = None;
            issuer.jwks_uri = Some("https://127.0.0.1:9/jwks".parse().expect("valid"));
        })
        .await;
    let answer = other.present(&partner.assertion(&alice), &[]).await;
    refused(&answer, 400, "invalid_grant");
    assert_eq!(postern.number(ALIVE).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_opens_one_session_however_often_it_comes() {
    for postern in Postern::on_each().await {
        let partner = Partner::new(&postern);
        let site = partner.site(AssertionSubject::UserId).await;
        let alice = postern.user(ALICE).await.id.to_string();
        let assertion = partner.assertion(&alice);
        let answers = join_all((0..16).map(|_| site.present(&assertion, &[]))).await;
        let opened = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(opened, 1);
        assert_eq!(postern.number(ALIVE).await, 1);
        // Another client that trusts the same issuer cannot use it again either.
        let trusted = partner.trusted(AssertionSubject::UserId);
        let other = Site::with_secret(&postern, "other", ClientKind::Web, trusted).await;
        refused(&other.present(&assertion, &[]).await, 400, "invalid_grant");
    }
}

#[test]
fn settings_that_trust_nobody_or_too_many_are_refused() {
    let issuer = "https://id.example.com".parse().expect("valid");
    let rules = |settings: &ClientSettings| {
        let broken = settings.contradictions(&issuer);
        broken
            .into_iter()
            .map(|broken| broken.setting)
            .collect::<Vec<_>>()
    };
    let mut site = ClientSettings::new(ClientKind::Web);
    site.redirect_uris = vec!["https://site.example/callback".parse().expect("valid")];
    site.grant_types.insert(GrantType::JwtBearer);
    assert_eq!(rules(&site), ["grant_types"]);
    let mut other = AssertionIssuer {
        issuer: PARTNER.parse().expect("valid"),
        jwks: None,
        jwks_uri: None,
        subject: AssertionSubject::Email,
    };
    site.assertion_issuer = Some(other.clone());
    assert_eq!(rules(&site), ["assertion_issuer"], "no keys");
    other.jwks_uri = Some("https://partner.example/jwks".parse().expect("valid"));
    site.assertion_issuer = Some(other.clone());
    assert_eq!(rules(&site), [""; 0]);
    other.issuer = "https://id.example.com".parse().expect("valid");
    site.assertion_issuer = Some(other);
    assert_eq!(rules(&site), ["assertion_issuer"], "the server itself");
    site.grant_types.remove(&GrantType::JwtBearer);
    assert_eq!(rules(&site), ["assertion_issuer", "assertion_issuer"]);
    let mut service = ClientSettings::new(ClientKind::Service);
    service.grant_types.insert(GrantType::JwtBearer);
    assert_eq!(
        rules(&service),
        ["grant_types", "grant_types"],
        "a service has no people"
    );
}
