//! Client credentials (RFC 6749 section 4.4), by each way to authenticate.

use postern::domain::client::{AuthMethod, ClientKind};

use super::{API, Key, Proof, Site, basic, post, refused, register};
use crate::harness::{Postern, Tokens};

async fn services(postern: &Postern) -> [Site<'_>; 5] {
    let by = |method| {
        move |settings: &mut postern::domain::client::ClientSettings| {
            settings.token_endpoint_auth_method = method;
        }
    };
    [
        Site::with_secret(
            postern,
            "basic",
            ClientKind::Service,
            by(AuthMethod::ClientSecretBasic),
        )
        .await,
        Site::with_secret(
            postern,
            "post",
            ClientKind::Service,
            by(AuthMethod::ClientSecretPost),
        )
        .await,
        Site::with_key(postern, "ec", ClientKind::Service, Key::es256("ec"), |_| {}).await,
        Site::with_key(postern, "ed", ClientKind::Service, Key::ed25519("ed"), |_| {}).await,
        Site::with_key(postern, "rsa", ClientKind::Service, Key::rsa("rsa"), |_| {}).await,
    ]
}

#[tokio::test]
async fn a_service_gets_a_token_for_itself_by_each_way_to_authenticate() {
    let postern = Postern::start().await;
    for service in services(&postern).await {
        let answer = service.own_token().await;
        assert_eq!(answer.status, 200, "{}: {}", service.id, answer.body);
        assert_eq!(answer.header("cache-control"), "no-store");
        let json = answer.json();
        let members: Vec<&str> = json
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        // RFC 6749 section 4.4.3: no refresh token.
        assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
        assert_eq!(json["scope"], "read write");
        let tokens = Tokens {
            access: json["access_token"].as_str().expect("text").to_owned(),
            refresh: String::new(),
            answer: json,
        };
        let claims = tokens.claims();
        assert_eq!(
            (&claims["sub"], &claims["client_id"]),
            (&service.id.into(), &service.id.into())
        );
        assert_eq!(claims["aud"], postern.issuer());
        for personal in ["sid", "auth_time", "acr", "amr"] {
            assert!(claims.get(personal).is_none(), "{claims}");
        }
        assert!(
            postern
                .phone()
                .api_accepts(&tokens.access, postern.issuer())
                .await
        );
        // It is no person's: userinfo has nothing to tell.
        assert!(
            postern
                .phone()
                .userinfo(&tokens.access)
                .await
                .status
                .is_client_error()
        );
    }
    assert_eq!(postern.count_events("session.opened").await, 0);
}

#[tokio::test]
async fn a_token_is_for_the_registered_api_and_a_narrower_scope() {
    let postern = Postern::start().await;
    let service = Site::with_secret(&postern, "worker", ClientKind::Service, |settings| {
        settings.resource = Some(API.parse().expect("valid"));
    })
    .await;
    let grant = ("grant_type", "client_credentials");
    let narrow = service
        .post("/token", &[grant, ("scope", "read"), ("resource", API)])
        .await;
    assert_eq!(narrow.json()["scope"], "read");
    let token = narrow.json()["access_token"].as_str().expect("text").to_owned();
    assert!(postern.phone().api_accepts(&token, API).await);
    assert!(!postern.phone().api_accepts(&token, postern.issuer()).await);

    for (name, value, error) in [
        ("scope", "read admin", "invalid_scope"),
        ("scope", "openid", "invalid_scope"),
        ("scope", " ", "invalid_scope"),
        ("resource", "https://other.example", "invalid_target"),
    ] {
        refused(&service.post("/token", &[grant, (name, value)]).await, 400, error);
    }
}

#[tokio::test]
async fn a_client_without_the_grant_is_refused() {
    let postern = Postern::start().await;
    let site = Site::with_secret(&postern, "site", ClientKind::Web, |_| {}).await;
    refused(&site.own_token().await, 400, "unauthorized_client");
    let service = Site::with_secret(&postern, "worker", ClientKind::Service, |_| {}).await;
    refused(&service.refresh("pst_rt_x").await, 400, "unauthorized_client");
    // A public client cannot be given it.
    let public = postern
        .post(
            "/token",
            &[("grant_type", "client_credentials"), ("client_id", "notes")],
        )
        .await;
    refused(&public, 400, "unauthorized_client");
}

#[tokio::test]
async fn id_and_secret_in_the_header_are_form_decoded() {
    let postern = Postern::start().await;
    let service = Site::with_secret(&postern, "a.b~c", ClientKind::Service, |_| {}).await;
    let secret = service.secret().to_owned();
    let grant = [("grant_type", "client_credentials")];
    let escaped = |text: &str| {
        url::form_urlencoded::byte_serialize(text.as_bytes())
            .collect::<String>()
            .replace('_', "%5F")
    };
    for (id, secret) in [
        ("a.b~c".to_owned(), secret.clone()),
        (escaped("a.b~c"), escaped(&secret)),
        ("a.b%7Ec".to_owned(), secret.replace('_', "%5F")),
    ] {
        let answer = post(&postern, "/token", Some(&basic(&id, &secret)), &grant).await;
        assert_eq!(answer.status, 200, "{id}: {}", answer.body);
    }
    let twice = escaped(&escaped("a.b~c"));
    let answer = post(&postern, "/token", Some(&basic(&twice, &secret)), &grant).await;
    refused(&answer, 401, "invalid_client");
}

#[tokio::test]
async fn a_code_is_redeemed_and_refreshed_by_a_client_that_authenticates() {
    let postern = Postern::start().await;
    let by_post = |settings: &mut postern::domain::client::ClientSettings| {
        settings.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
    };
    let sites = [
        Site::with_secret(&postern, "basic", ClientKind::Web, |_| {}).await,
        Site::with_secret(&postern, "post", ClientKind::Web, by_post).await,
        Site::with_key(&postern, "key", ClientKind::Web, Key::es256("k"), |_| {}).await,
    ];
    for site in sites {
        let first = site.signed_in().await;
        let second = Tokens::of(&site.refresh(&first.refresh).await);
        let narrow = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &second.refresh),
            ("scope", "openid"),
        ];
        let third = Tokens::of(&site.post("/token", &narrow).await);
        assert_eq!(third.answer["scope"], "openid");
        // Without its proof the client is nobody, whoever holds the token.
        let bare = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &third.refresh),
            ("client_id", site.id),
        ];
        refused(&postern.post("/token", &bare).await, 401, "invalid_client");
        assert_eq!(
            site.post("/revoke", &[("token", &third.refresh)]).await.status,
            200
        );
        refused(&site.refresh(&third.refresh).await, 400, "invalid_grant");
    }
}

#[tokio::test]
async fn a_code_without_a_challenge_is_for_clients_that_may_and_takes_no_verifier() {
    let postern = Postern::start().await;
    let site = Site::with_secret(&postern, "lax", ClientKind::Web, |settings| {
        settings.pkce = postern::domain::client::PkcePolicy::RequiredUnlessNonce;
    })
    .await;
    let strict = Site::with_secret(&postern, "strict", ClientKind::Web, |_| {}).await;
    let bare = [("code_challenge", ""), ("code_challenge_method", "")];
    let phone = site.phone();
    let code = async || {
        let mut browser = postern.browser();
        let page = browser.open(&phone.authorize_url(&bare)).await.page();
        let page = browser.sign_in(&page, crate::harness::ALICE).await.page();
        phone.code(&browser.press(&page, "allow").await.app())
    };
    let form = |code| [("grant_type", "authorization_code"), ("code", code)];
    let good = code().await;
    // RFC 9700 section 4.8.2: a verifier without a challenge is a downgrade.
    let with = [&form(&good)[..], &[("code_verifier", phone.verifier.as_str())]].concat();
    refused(&site.post("/token", &with).await, 400, "invalid_grant");
    Tokens::of(&site.post("/token", &form(&good)).await);

    // A challenge that was sent is answered.
    let sent = phone
        .allowed_code(&mut postern.browser(), crate::harness::ALICE)
        .await;
    refused(&site.post("/token", &form(&sent)).await, 400, "invalid_grant");
    Tokens::of(&site.redeem(&phone, &sent).await);

    let zero = "A".repeat(43);
    for (client, changes) in [
        (
            site.id,
            vec![
                ("code_challenge", ""),
                ("code_challenge_method", ""),
                ("nonce", ""),
            ],
        ),
        (site.id, vec![("code_challenge", zero.as_str())]),
        (strict.id, bare.to_vec()),
        ("notes", bare.to_vec()),
        ("notes", vec![("code_challenge", zero.as_str())]),
    ] {
        let url = postern.phone_of(client).authorize_url(&changes);
        let back = postern.browser().open(&url).await.app();
        assert!(
            back.as_str().contains("error=invalid_request"),
            "{client}: {back}"
        );
    }
}

#[tokio::test]
async fn a_client_without_refresh_tokens_gets_none() {
    let postern = Postern::start().await;
    let site = Site::with_secret(&postern, "site", ClientKind::Web, |settings| {
        settings
            .grant_types
            .remove(&postern::domain::client::GrantType::RefreshToken);
    })
    .await;
    let phone = site.phone();
    let code = phone
        .allowed_code(&mut postern.browser(), crate::harness::ALICE)
        .await;
    let answer = site.redeem(&phone, &code).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json().get("refresh_token").is_none(), "{}", answer.body);
    assert!(answer.json().get("id_token").is_some());
}

#[tokio::test]
async fn how_many_statements_authentication_takes() {
    let postern = Postern::start().await;
    let secret = Site::with_secret(&postern, "secret", ClientKind::Service, |_| {}).await;
    let key = Site::with_key(&postern, "key", ClientKind::Service, Key::es256("k"), |_| {}).await;
    // The first use of a day is written.
    for (site, first, later) in [(&secret, 1, 0), (&key, 2, 1)] {
        let (count, answer) = postern.statements(site.own_token()).await;
        assert_eq!((count, answer.status.as_u16()), (first, 200), "{}", site.id);
        let (count, _) = postern.statements(site.own_token()).await;
        assert_eq!(count, later, "{}", site.id);
        postern.advance("25h");
        // That is no part of it.
        let provider = postern.provider();
        let compared = provider.keys.refresh(&provider.db, &postern.clock).await;
        compared.expect("compared");
        let (count, _) = postern.statements(site.own_token()).await;
        assert_eq!(count, first, "{}", site.id);
    }
    // Who only guesses costs nothing.
    let wrong = basic("secret", "pst_cs_wrong");
    let guess = post(
        &postern,
        "/token",
        Some(&wrong),
        &[("grant_type", "client_credentials")],
    );
    let (count, answer) = postern.statements(guess).await;
    assert_eq!((count, answer.status.as_u16()), (0, 401));
    let Proof::Key(own) = &key.proof else {
        panic!("it has a key")
    };
    let forged = Key::es256("k").sign(&own.header(), &own.claims(&postern, "key"));
    let (count, answer) = postern
        .statements(key.assert("/token", &forged, &[("grant_type", "client_credentials")]))
        .await;
    assert_eq!((count, answer.status.as_u16()), (0, 401));
}

#[tokio::test]
async fn a_removed_client_takes_its_secrets_and_its_own_tokens_with_it() {
    let postern = Postern::start().await;
    let api = Site::with_secret(&postern, "api", ClientKind::Service, |settings| {
        settings.audience = Some(API.parse().expect("valid"));
    })
    .await;
    let to_api = |settings: &mut postern::domain::client::ClientSettings| {
        settings.resource = Some(API.parse().expect("valid"));
    };
    let worker = Site::with_secret(&postern, "worker", ClientKind::Service, to_api).await;
    let token = worker.own_token().await.json()["access_token"]
        .as_str()
        .expect("text")
        .to_owned();
    assert_eq!(api.introspect(&token).await["active"], true);

    postern.advance("5s");
    let id = "worker".parse().expect("a client id");
    postern::flows::clients::remove(postern.provider(), id, None)
        .await
        .expect("removed");

    refused(&worker.own_token().await, 401, "invalid_client");
    assert_eq!(
        api.introspect(&token).await,
        serde_json::json!({ "active": false })
    );
    assert_eq!(postern.number("SELECT COUNT(*) FROM client_secrets").await, 1);
    let revoked = postern.revocations().await;
    assert_eq!(revoked, [("client".to_owned(), b"worker".to_vec())]);
    // Another of the same name has neither its secret nor its tokens.
    register(&postern, "worker", ClientKind::Service, to_api).await;
    refused(&worker.own_token().await, 401, "invalid_client");
    assert_eq!(api.introspect(&token).await["active"], false);
}
