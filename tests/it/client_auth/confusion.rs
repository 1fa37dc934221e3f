//! Attacks on client authentication: two proofs at once, the proof of another, keys and algorithms of the attacker's choice.

use aws_lc_rs::hmac;
use postern::domain::client::{AuthMethod, ClientKind, ClientSettings};
use serde_json::{Value, json};

use super::{Key, Site, TYPE, b64, basic, post, refused};
use crate::harness::{ALICE, Postern, Tokens};

const GRANT: [(&str, &str); 1] = [("grant_type", "client_credentials")];

async fn roomy() -> Postern {
    Postern::start_with(|config| config.limits.token_failures.burst = 1000).await
}

fn by_post(settings: &mut ClientSettings) {
    settings.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
}

#[tokio::test]
async fn two_proofs_at_once_are_refused_whatever_each_proves() {
    let postern = roomy().await;
    let in_header = Site::with_secret(&postern, "header", ClientKind::Service, |_| {}).await;
    let in_form = Site::with_secret(&postern, "form", ClientKind::Service, by_post).await;
    let signed = Site::with_key(&postern, "signed", ClientKind::Service, Key::es256("k"), |_| {}).await;
    let header = basic("header", in_header.secret());
    let form = [("client_id", "form"), ("client_secret", in_form.secret())];
    let own = [("client_id", "header"), ("client_secret", in_header.secret())];
    let assertion = signed.key().assertion(&postern, "signed");
    let assertion = [
        ("client_assertion", assertion.as_str()),
        ("client_assertion_type", TYPE),
    ];
    for (header, pairs) in [
        (Some(header.as_str()), &form[..]),
        (Some(&header), &own),
        (Some(&header), &assertion),
        (Some(&header), &assertion[..1]),
        (Some(&header), &assertion[1..]),
        (None, &[&form[..], &assertion].concat()),
        (None, &[&own[1..], &assertion].concat()),
        (Some(&header), &[&form[..], &assertion].concat()),
    ] {
        let answer = post(&postern, "/token", header, &[pairs, &GRANT].concat()).await;
        refused(&answer, 401, "invalid_client");
    }
    // Each alone is good: the assertion was not even used up.
    for (header, pairs) in [
        (Some(header.as_str()), &[][..]),
        (None, &form),
        (None, &assertion),
    ] {
        let answer = post(&postern, "/token", header, &[pairs, &GRANT].concat()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    // A parameter that comes twice is no proof at all.
    let doubled = [&form[..], &form[1..], &GRANT].concat();
    refused(
        &post(&postern, "/token", None, &doubled).await,
        400,
        "invalid_request",
    );
}

#[tokio::test]
async fn the_way_is_the_registered_one_and_no_other() {
    let postern = roomy().await;
    let in_header = Site::with_secret(&postern, "header", ClientKind::Service, |_| {}).await;
    let in_form = Site::with_secret(&postern, "form", ClientKind::Service, by_post).await;
    let signed = Site::with_key(&postern, "signed", ClientKind::Service, Key::es256("k"), |_| {}).await;
    let key = Key::es256("k");
    for (header, pairs) in [
        // A secret where the other kind of secret belongs.
        (
            None,
            vec![("client_id", "header"), ("client_secret", in_header.secret())],
        ),
        (Some(basic("form", in_form.secret())), vec![]),
        // A secret of a client that signs, and of one that has nothing.
        (Some(basic("signed", "")), vec![]),
        (Some(basic("notes", "")), vec![]),
        (
            None,
            vec![("client_id", "notes"), ("client_secret", in_form.secret())],
        ),
        // Nothing, of clients that authenticate.
        (None, vec![("client_id", "header")]),
        (None, vec![("client_id", "form")]),
        (None, vec![("client_id", "form"), ("client_secret", "")]),
        (None, vec![("client_id", "signed")]),
        // Nobody.
        (Some(basic("nobody", in_header.secret())), vec![]),
        (Some(basic("", "")), vec![]),
    ] {
        let answer = post(
            &postern,
            "/token",
            header.as_deref(),
            &[&pairs[..], &GRANT].concat(),
        )
        .await;
        refused(&answer, 401, "invalid_client");
    }
    // A key for a client that has a secret, or nothing.
    for client in ["header", "notes", "nobody"] {
        let assertion = key.assertion(&postern, client);
        refused(
            &signed.assert("/token", &assertion, &GRANT).await,
            401,
            "invalid_client",
        );
    }
    refused(
        &post(&postern, "/token", None, &GRANT).await,
        400,
        "invalid_request",
    );
}

#[tokio::test]
async fn the_proof_of_one_client_with_the_name_of_another_is_refused() {
    let postern = roomy().await;
    let one = Site::with_secret(&postern, "one", ClientKind::Service, |_| {}).await;
    let two = Site::with_secret(&postern, "two", ClientKind::Service, |_| {}).await;
    let form = Site::with_secret(&postern, "form", ClientKind::Service, by_post).await;
    let three = Site::with_key(&postern, "three", ClientKind::Service, Key::es256("k"), |_| {}).await;
    let four = Site::with_key(&postern, "four", ClientKind::Service, Key::es256("k"), |_| {}).await;
    let named = |id| [("client_id", id), GRANT[0]];
    for (header, pairs) in [
        (Some(basic("one", two.secret())), GRANT.to_vec()),
        (Some(basic("one", one.secret())), named("two").to_vec()),
        (
            Some(basic("one", &one.secret().replace("pst_cs_", "pst_cs_A"))),
            GRANT.to_vec(),
        ),
        (Some(basic("one", &format!("{}A", one.secret()))), GRANT.to_vec()),
        (Some(basic("one", &one.secret()[..49])), GRANT.to_vec()),
        (Some(basic("one", &"x".repeat(1000))), GRANT.to_vec()),
        (
            None,
            vec![("client_id", "form"), ("client_secret", one.secret()), GRANT[0]],
        ),
        (
            None,
            vec![("client_id", "one"), ("client_secret", form.secret()), GRANT[0]],
        ),
    ] {
        refused(
            &post(&postern, "/token", header.as_deref(), &pairs).await,
            401,
            "invalid_client",
        );
    }
    // Signed by three, in the name of four.
    let claims = four.key().claims(&postern, "four");
    let forged = three.key().sign(&three.key().header(), &claims);
    refused(
        &three.assert("/token", &forged, &GRANT).await,
        401,
        "invalid_client",
    );
    let honest = three.key().assertion(&postern, "three");
    refused(
        &three.assert("/token", &honest, &named("four")).await,
        401,
        "invalid_client",
    );
    assert_eq!(three.assert("/token", &honest, &named("three")).await.status, 200);
    // Naming oneself in the form too is right.
    let same = post(
        &postern,
        "/token",
        Some(&basic("one", one.secret())),
        &named("one"),
    )
    .await;
    assert_eq!(same.status, 200);
}

#[tokio::test]
async fn another_clients_code_and_refresh_token_are_invalid_grant_and_live() {
    let postern = roomy().await;
    let owner = Site::with_secret(&postern, "owner", ClientKind::Web, |_| {}).await;
    let other = Site::with_secret(&postern, "other", ClientKind::Web, |_| {}).await;
    let phone = owner.phone();
    let code = phone.allowed_code(&mut postern.browser(), ALICE).await;
    refused(&other.redeem(&phone, &code).await, 400, "invalid_grant");
    let tokens = Tokens::of(&owner.redeem(&phone, &code).await);
    refused(&other.refresh(&tokens.refresh).await, 400, "invalid_grant");
    refused(
        &other.post("/revoke", &[("token", &tokens.refresh)]).await,
        400,
        "invalid_grant",
    );
    // The owner's tokens for whoever only says that it is the owner.
    let claimed = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh.as_str()),
        ("client_id", "owner"),
    ];
    refused(&postern.post("/token", &claimed).await, 401, "invalid_client");
    let as_other = post(
        &postern,
        "/token",
        Some(&basic("other", other.secret())),
        &claimed,
    )
    .await;
    refused(&as_other, 401, "invalid_client");
    Tokens::of(&owner.refresh(&tokens.refresh).await);
}

#[tokio::test]
async fn the_header_of_an_assertion_chooses_neither_key_nor_algorithm() {
    let postern = roomy().await;
    let site = Site::with_key(&postern, "signed", ClientKind::Service, Key::rsa("k"), |_| {}).await;
    let own = site.key();
    let attacker = Key::es256("k");
    let claims = || own.claims(&postern, "signed");
    let part = |value: &Value| b64(value.to_string().as_bytes());
    let mut forged = Vec::new();
    // alg: none, in every spelling, with and without a signature (RFC 8725 section 2.1).
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let signed = format!("{}.{}", part(&json!({ "alg": alg, "kid": "k" })), part(&claims()));
        forged.push(format!("{signed}."));
        forged.push(format!("{signed}.{}", b64(b"x")));
        forged.push(signed);
    }
    // The public key as the secret of a MAC (RFC 8725 section 2.1).
    for secret in [
        own.public().to_string(),
        own.public()["n"].as_str().expect("text").to_owned(),
    ] {
        let signed = format!(
            "{}.{}",
            part(&json!({ "alg": "HS256", "kid": "k" })),
            part(&claims())
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        forged.push(format!(
            "{signed}.{}",
            b64(hmac::sign(&key, signed.as_bytes()).as_ref())
        ));
    }
    // A key of the attacker's own, in or behind the header (RFC 8725 section 3.10).
    for header in [
        json!({ "alg": "ES256", "kid": "k" }),
        json!({ "alg": "ES256" }),
        json!({ "alg": "ES256", "kid": "k", "jwk": attacker.public() }),
        json!({ "alg": "ES256", "kid": "k", "jku": "https://evil.example/jwks.json" }),
        json!({ "alg": "ES256", "kid": "k", "x5u": "https://evil.example/cert.pem" }),
        json!({ "alg": "ES256", "kid": "k", "x5c": ["MIIB"] }),
        json!({ "alg": "ES256", "kid": "../../k" }),
        json!({ "alg": "PS256", "kid": "k" }),
        json!({ "alg": "RS256", "kid": "k" }),
    ] {
        forged.push(attacker.sign(&header, &claims()));
    }
    // Right, but for an extension that nobody understands, a wrong name, or another algorithm than was signed with.
    forged.push(own.sign(&json!({ "alg": "PS256", "kid": "k", "crit": ["exp"] }), &claims()));
    forged.push(own.sign(&json!({ "alg": "PS256", "kid": "other" }), &claims()));
    forged.push(own.sign(&json!({ "alg": "ES256", "kid": "k" }), &claims()));
    // Cut, changed, too long.
    let good = own.assertion(&postern, "signed");
    let changed = good.replacen('.', ".e30", 1);
    forged.extend([
        good[..good.len() - 2].to_owned(),
        changed,
        format!("{good}.x"),
        format!(" {good}"),
    ]);
    for assertion in forged {
        let answer = site.assert("/token", &assertion, &GRANT).await;
        refused(&answer, 401, "invalid_client");
    }
    assert_eq!(postern.number("SELECT COUNT(*) FROM used_assertions").await, 0);
    assert_eq!(site.assert("/token", &good, &GRANT).await.status, 200);
}

#[tokio::test]
async fn tokens_of_this_server_are_no_assertions() {
    let postern = roomy().await;
    let site = Site::with_secret(&postern, "site", ClientKind::Web, |_| {}).await;
    let signed = Site::with_key(&postern, "signed", ClientKind::Service, Key::es256("k"), |_| {}).await;
    let tokens = site.signed_in().await;
    let id_token = tokens.answer["id_token"].as_str().expect("an ID token");
    let own = signed.own_token().await.json()["access_token"]
        .as_str()
        .expect("text")
        .to_owned();
    for token in [id_token, &tokens.access, &tokens.refresh, &own] {
        refused(
            &signed.assert("/token", token, &GRANT).await,
            401,
            "invalid_client",
        );
    }
}

#[tokio::test]
async fn a_huge_or_deep_assertion_is_refused_before_it_is_read() {
    let postern = roomy().await;
    let site = Site::with_key(&postern, "signed", ClientKind::Service, Key::es256("k"), |_| {}).await;
    let mut claims = site.key().claims(&postern, "signed");
    claims["padding"] = json!("x".repeat(8000));
    let huge = site.key().sign(&site.key().header(), &claims);
    refused(&site.assert("/token", &huge, &GRANT).await, 401, "invalid_client");
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    let deep = format!(
        "{}.{}.{}",
        b64(br#"{"alg":"ES256"}"#),
        b64(deep.as_bytes()),
        b64(b"x")
    );
    refused(&site.assert("/token", &deep, &GRANT).await, 401, "invalid_client");
    let dots = ".".repeat(5000);
    refused(&site.assert("/token", &dots, &GRANT).await, 401, "invalid_client");
}

#[tokio::test]
async fn an_assertion_needs_its_type_and_a_type_its_assertion() {
    let postern = roomy().await;
    let site = Site::with_key(&postern, "signed", ClientKind::Service, Key::es256("k"), |_| {}).await;
    let assertion = site.key().assertion(&postern, "signed");
    let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    for pairs in [
        vec![("client_assertion", assertion.as_str())],
        vec![("client_assertion_type", TYPE)],
        vec![("client_assertion_type", TYPE), ("client_assertion", "")],
        vec![("client_assertion_type", saml), ("client_assertion", &assertion)],
    ] {
        let answer = post(&postern, "/token", None, &[&pairs[..], &GRANT].concat()).await;
        refused(&answer, 401, "invalid_client");
    }
    assert_eq!(site.assert("/token", &assertion, &GRANT).await.status, 200);
}

#[tokio::test]
async fn who_fails_to_be_a_client_is_counted_by_address_and_who_is_one_is_not() {
    let postern = Postern::start_with(|config| config.limits.token_failures.burst = 5).await;
    let site = Site::with_secret(&postern, "worker", ClientKind::Service, |_| {}).await;
    for _ in 0..20 {
        assert_eq!(site.own_token().await.status, 200);
    }
    let guess = async || {
        post(
            &postern,
            "/introspect",
            Some(&basic("worker", "x")),
            &[("token", "x")],
        )
        .await
    };
    for _ in 0..5 {
        refused(&guess().await, 401, "invalid_client");
    }
    assert_eq!(guess().await.status, 429);
    assert_eq!(site.own_token().await.status, 200);
}
