//! Clients that authenticate, on the command line: kinds and presets, their secrets, and who is not used.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Said, Shell, founded};

async fn add(shell: &Shell, id: &str, more: &[&str]) -> Said {
    shell
        .run(&[&["client", "add", id, "--name", "App"], more].concat())
        .await
}

const REDIRECT: [&str; 2] = ["--redirect-uri", "https://app.example/cb"];

/// A file with a public key, and one with its private half.
pub(super) fn key_files(folder: &TempDir) -> (String, String) {
    let coordinate = Base64UrlUnpadded::encode_string(&[7; 32]);
    let public = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "k", "x": coordinate });
    let mut private = public.clone();
    private["d"] = json!(coordinate);
    let write = |name: &str, key: Value| {
        let path = folder.path().join(name);
        std::fs::write(&path, json!({ "keys": [key] }).to_string()).expect("written");
        path.to_str().expect("text").to_owned()
    };
    (write("public.json", public), write("private.json", private))
}

#[tokio::test]
async fn a_service_is_added_with_a_secret_that_is_shown_once() {
    let (_folder, shell) = founded().await;
    let added = add(
        &shell,
        "api",
        &["--kind", "service", "--audience", "https://api.example", "--json"],
    )
    .await
    .json();
    let secret = added["client_secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("pst_cs_"), "{added}");
    assert_eq!(
        (
            &added["kind"],
            &added["audience"],
            &added["token_endpoint_auth_method"]
        ),
        (
            &json!("service"),
            &json!("https://api.example"),
            &json!("client_secret_basic")
        )
    );
    assert_eq!(added["grant_types"], json!(["client_credentials"]));
    assert!(
        added["secret"]["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("cse_")),
        "{added}"
    );
    let more = [
        "--kind",
        "web",
        "--auth-method",
        "client_secret_post",
        "--secret-expires-in",
        "365d",
    ];
    let said = add(&shell, "site", &[&more[..], &REDIRECT].concat()).await.done();
    for fact in [
        "web: it authenticates with client_secret_post",
        "secret",
        "pst_cs_",
        "it is not shown again",
    ] {
        assert!(said.contains(fact), "{fact} in {said}");
    }
    // Never again, by no command.
    for command in [
        &["client", "list"][..],
        &["client", "show", "api"],
        &["client", "secret", "list", "api"],
        &["events", "export", "--since", "1h"],
    ] {
        for json in [&[][..], &["--json"]] {
            if command[0] == "events" && !json.is_empty() {
                continue;
            }
            let said = shell.run(&[command, json].concat()).await.done();
            assert!(
                !said.contains("pst_cs_") && !said.contains("digest"),
                "{command:?}: {said}"
            );
        }
    }
    let public = add(
        &shell,
        "app",
        &["--redirect-uri", "http://127.0.0.1/cb", "--json"],
    )
    .await
    .json();
    assert!(
        public.get("client_secret").is_none() && public.get("secret").is_none(),
        "{public}"
    );
}

#[tokio::test]
async fn a_secret_is_rotated_listed_and_removed() {
    let (_folder, shell) = founded().await;
    let added = add(&shell, "worker", &["--kind", "service", "--json"])
        .await
        .json();
    let first = added["secret"]["id"].as_str().expect("an id").to_owned();
    let rotate = ["client", "secret", "rotate", "worker"];
    let rotated = shell
        .run(&[&rotate[..], &["--expires-in", "90d", "--json"]].concat())
        .await
        .json();
    assert_ne!(rotated["client_secret"], added["client_secret"]);
    assert_eq!(rotated["kept"][0]["id"], json!(first));
    assert!(rotated["secret"]["expires_at"].is_i64(), "{rotated}");
    let said = shell.run(&rotate).await.refused(1);
    assert!(
        said.contains("postern client secret remove worker SECRET") && said.contains("--keep-old 0s"),
        "{said}"
    );

    let table = shell.run(&["client", "secret", "list", "worker"]).await.done();
    assert!(
        table.starts_with("SECRET ") && table.contains(&first) && table.contains("never"),
        "{table}"
    );
    let said = shell
        .run(&["client", "secret", "remove", "worker", &first])
        .await
        .done();
    assert!(said.starts_with(&format!("Removed {first}")), "{said}");
    let said = shell
        .run(&["client", "secret", "remove", "worker", &first])
        .await
        .refused(1);
    assert!(said.contains("postern client secret list worker"), "{said}");

    let said = shell
        .run(&[&rotate[..], &["--keep-old", "0s"]].concat())
        .await
        .done();
    assert!(
        said.starts_with("pst_cs_") && said.contains("is not good any more"),
        "{said}"
    );
    let list = shell
        .run(&["client", "secret", "list", "worker", "--json"])
        .await
        .json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");

    add(&shell, "app", &["--redirect-uri", "http://127.0.0.1/cb"])
        .await
        .done();
    let said = shell.run(&["client", "secret", "rotate", "app"]).await.refused(1);
    assert!(
        said.contains("authenticates with none, not with a secret"),
        "{said}"
    );
    for verb in ["rotate", "list"] {
        let said = shell.run(&["client", "secret", verb, "nobody"]).await.refused(1);
        assert!(said.contains("there is no client nobody"), "{said}");
    }
    for wrong in [
        &["client", "secret", "rotate", "worker", "--keep-old", "soon"][..],
        &["client", "secret", "remove", "worker", "pst_cs_x"],
    ] {
        shell.run(wrong).await.refused(2);
    }
}

#[tokio::test]
async fn a_client_that_signs_has_keys_and_no_secret() {
    let (folder, shell) = founded().await;
    let (public, private) = key_files(&folder);
    let signs = ["--kind", "service", "--auth-method", "private_key_jwt", "--jwks"];
    let added = add(&shell, "worker", &[&signs[..], &[&public, "--json"]].concat())
        .await
        .json();
    assert_eq!(added["jwks"]["keys"][0]["kid"], "k");
    assert!(added.get("client_secret").is_none(), "{added}");
    for (file, rule) in [
        (private.as_str(), "Give the public half only"),
        ("/nowhere/at/all.json", "it cannot be read"),
        (
            folder.path().join("postern.toml").to_str().expect("text"),
            "write a JWK set",
        ),
    ] {
        let said = add(&shell, "other", &[&signs[..], &[file]].concat())
            .await
            .refused(1);
        assert!(said.contains("  --jwks ") && said.contains(rule), "{said}");
    }
}

#[tokio::test]
async fn presets_fill_in_what_nobody_wants_to_know() {
    let (folder, shell) = founded().await;
    let (public, _) = key_files(&folder);
    let fapi = [&["--preset", "fapi2", "--jwks", &public][..], &REDIRECT].concat();
    let added = add(&shell, "bank", &[&fapi[..], &["--json"]].concat())
        .await
        .json();
    for (name, value) in [
        ("kind", "web"),
        ("token_endpoint_auth_method", "private_key_jwt"),
        ("assertion_audience", "issuer_only"),
        ("pkce", "required"),
        ("refresh_rotation", "keep"),
        ("id_token_signed_response_alg", "ES256"),
    ] {
        assert_eq!(added[name], value, "{name}");
    }
    assert_eq!(added["lifetimes"]["request_uri"], "1m");
    let signing = [
        &["--preset", "fapi2-message-signing", "--jwks", &public][..],
        &REDIRECT,
    ]
    .concat();
    let added = add(&shell, "signing-bank", &[&signing[..], &["--json"]].concat())
        .await
        .json();
    assert_eq!(added["require_signed_request_object"], true);
    assert_eq!(added["require_signed_authorization_response"], true);
    let said = shell.run(&["client", "show", "signing-bank"]).await.done();
    for fact in [
        "have to be signed and pushed",
        "have to be signed with ES256",
        "request_uri life",
    ] {
        assert!(said.contains(fact), "{fact} in {said}");
    }
    let basic = [&["--preset", "oidc-basic", "--json"][..], &REDIRECT].concat();
    let added = add(&shell, "shop", &basic).await.json();
    assert_eq!(
        (&added["pkce"], &added["id_token_signed_response_alg"]),
        (&json!("required_unless_nonce"), &json!("RS256"))
    );
    let said = shell.run(&["client", "show", "shop"]).await.done();
    for fact in [
        "PKCE",
        "required_unless_nonce",
        "ID tokens",
        "RS256",
        "refresh tokens",
        "keep",
    ] {
        assert!(said.contains(fact), "{fact} in {said}");
    }
    for (more, flag) in [
        (&["--auth-method", "client_secret_basic"][..], "--auth-method"),
        (&["--assertion-alg", "RS256"], "--assertion-alg"),
        (
            &["--assertion-audience", "issuer_or_token_endpoint"],
            "--assertion-audience",
        ),
        (&["--pkce", "optional"], "--pkce"),
        (&["--id-token-alg", "RS256"], "--id-token-alg"),
        (&["--request-object-alg", "RS256"], "--request-object-alg"),
        (&["--response-alg", "RS256"], "--response-alg"),
        (&["--request-uri-life", "10m"], "--request-uri-life"),
        (&["--kind", "service"], "--kind"),
    ] {
        let said = add(&shell, "other", &[&fapi[..], more].concat()).await.refused(1);
        assert!(said.contains(&format!("\n  {flag} ")), "{flag} in {said}");
    }
}

#[tokio::test]
async fn an_issuer_whose_assertions_are_taken() {
    let (folder, shell) = founded().await;
    let (public, _) = key_files(&folder);
    let trusting = [
        "--kind",
        "web",
        "--grant-type",
        "authorization_code",
        "--grant-type",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "--assertion-issuer",
        "https://partner.example",
        "--assertion-subject",
        "email",
    ];
    let trusting = [&trusting[..], &REDIRECT].concat();
    let with_keys = [&trusting[..], &["--assertion-issuer-jwks", &public, "--json"]].concat();
    let added = add(&shell, "portal", &with_keys).await.json();
    let issuer = &added["assertion_issuer"];
    assert_eq!(
        (&issuer["issuer"], &issuer["subject"]),
        (&json!("https://partner.example"), &json!("email"))
    );
    assert_eq!(issuer["jwks"]["keys"][0]["kid"], "k");
    let said = shell.run(&["client", "show", "portal"]).await.done();
    assert!(
        said.contains("https://partner.example, which names people by email"),
        "{said}"
    );
    for (more, flag, rule) in [
        (&[][..], "--assertion-issuer", "one of the two"),
        (
            &["--assertion-issuer-jwks-uri", "http://partner.example/jwks"],
            "--assertion-issuer-jwks-uri",
            "https",
        ),
        (
            &["--assertion-issuer-jwks", "nowhere.json"],
            "--assertion-issuer-jwks",
            "cannot be read",
        ),
    ] {
        let said = add(&shell, "other", &[&trusting[..], more].concat())
            .await
            .refused(1);
        assert!(
            said.contains(&format!("\n  {flag} ")) && said.contains(rule),
            "{said}"
        );
    }
}

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

#[tokio::test]
async fn the_apps_of_one_maker_and_an_api_that_passes_requests_on() {
    let (_folder, shell) = founded().await;
    let mail = [
        "--sso-group",
        "acme",
        "--scope",
        "openid offline_access device_sso",
        "--json",
    ];
    let added = add(&shell, "mail", &[&mail[..], &REDIRECT].concat()).await.json();
    assert_eq!(added["sso_group"], "acme");
    let said = shell.run(&["client", "show", "mail"]).await.done();
    assert!(said.contains("SSO group") && said.contains("acme"), "{said}");

    let orders = [
        "--kind",
        "service",
        "--audience",
        "https://orders.example",
        "--resource",
        "https://stock.example",
        "--scope",
        "stock:read",
        "--grant-type",
        TOKEN_EXCHANGE,
        "--json",
    ];
    let added = add(&shell, "orders", &orders).await.json();
    assert_eq!(added["grant_types"], json!([TOKEN_EXCHANGE]));

    for (more, flag, rule) in [
        (
            &["--sso-group", "acme", "--kind", "web"][..],
            "--sso-group",
            "only apps on people's devices",
        ),
        (
            &["--sso-group", "a group"],
            "--sso-group",
            "1 to 64 of the characters",
        ),
        (
            &["--scope", "openid device_sso"],
            "--scope",
            "name their sso_group",
        ),
        (
            &[
                "--grant-type",
                "authorization_code",
                "--grant-type",
                TOKEN_EXCHANGE,
            ],
            "--grant-type",
            "name their sso_group",
        ),
    ] {
        let said = add(&shell, "other", &[&REDIRECT[..], more].concat())
            .await
            .refused(1);
        assert!(
            said.contains(&format!("\n  {flag} ")) && said.contains(rule),
            "{said}"
        );
    }
}

#[tokio::test]
async fn what_is_signed_and_what_an_api_says_is_checked() {
    let (_folder, shell) = founded().await;
    for (more, flag, rule) in [
        (
            &["--request-object-alg", "ES256"][..],
            "--request-object-alg",
            "signs nothing",
        ),
        (
            &["--require-signed-request"],
            "--require-signed-request",
            "give jwks or jwks_uri",
        ),
        (&["--audience-scope", "a"], "--audience-scope", "only an API says"),
        (
            &["--audience-token-life", "5m"],
            "--audience-token-life",
            "only an API says",
        ),
        (
            &["--audience-token-life", "90s"],
            "--audience-token-life",
            "twice tokens.retry_window",
        ),
        (
            &["--audience-authorization-type", "payment"],
            "--audience-authorization-type",
            "write NAME=FIELD",
        ),
        (
            &["--audience-authorization-type", "a=b"],
            "--audience-authorization-type",
            "only an API has types",
        ),
    ] {
        let said = add(&shell, "app", &[more, &REDIRECT].concat()).await.refused(1);
        assert!(
            said.contains(&format!("\n  {flag} ")) && said.contains(rule),
            "{more:?}: {said}"
        );
    }
    let api = [
        "--kind",
        "service",
        "--audience",
        "https://api.example",
        "--audience-scope",
        "notes:read",
        "--audience-scope",
        "notes:write",
        "--audience-token-life",
        "2m",
        "--audience-authorization-type",
        "payment=creditor,amount",
    ];
    add(&shell, "api", &api).await.done();
    let asks = [&REDIRECT[..], &["--authorization-details-type", "payment"]].concat();
    add(&shell, "asks", &asks).await.done();
    for (client, facts) in [
        (
            "api",
            &["notes:read notes:write", "2m", "payment=amount,creditor"][..],
        ),
        ("asks", &["may ask details", "payment"]),
    ] {
        let said = shell.run(&["client", "show", client]).await.done();
        for fact in facts {
            assert!(said.contains(fact), "{fact} in {said}");
        }
    }
}

#[tokio::test]
async fn contradictions_are_told_by_the_word_that_makes_them_and_all_at_once() {
    let (_folder, shell) = founded().await;
    for (more, flag, rule) in [
        (
            &["--auth-method", "client_secret_basic"][..],
            "--auth-method",
            "RFC 8252 section 8.4",
        ),
        (
            &["--kind", "service", "--auth-method", "none"],
            "--auth-method",
            "has to authenticate",
        ),
        (
            &["--kind", "web", "--auth-method", "private_key_jwt"],
            "--jwks",
            "give jwks or jwks_uri",
        ),
        (&["--pkce", "optional"], "--pkce", "write required"),
        (
            &["--refresh-rotation", "keep"],
            "--refresh-rotation",
            "RFC 9700 section 2.2.2",
        ),
        (
            &["--audience", "https://api.example"],
            "--audience",
            "only a service is an API",
        ),
        (
            &["--grant-type", "client_credentials"],
            "--grant-type",
            "RFC 6749 section 4.4",
        ),
        (&["--kind", "service"], "--redirect-uri", "nothing is redirected"),
        (
            &["--secret-expires-in", "1d"],
            "--secret-expires-in",
            "this client has no secret",
        ),
        (&["--jwks-uri", "http://app.example/jwks"], "--jwks-uri", "https"),
        (&["--assertion-alg", "none"], "--assertion-alg", "write ES256"),
        (
            &["--preset", "fapi3"],
            "--preset",
            "write fapi2, fapi2-message-signing or oidc-basic",
        ),
        (
            &["--grant-type", "password"],
            "--grant-type",
            "client_credentials",
        ),
    ] {
        let said = add(&shell, "app", &[more, &REDIRECT].concat()).await.refused(1);
        assert!(
            said.contains(&format!("\n  {flag} ")) && said.contains(rule),
            "{more:?}: {said}"
        );
    }
    let said = add(&shell, "app", &["--kind", "native"]).await.refused(1);
    assert!(
        said.contains("\n  --redirect-uri ") && said.contains("RFC 6749 section 3.1.2.2"),
        "{said}"
    );
    let said = add(
        &shell,
        "app",
        &["--pkce", "never", "--kind", "x", "--audience", "y"],
    )
    .await
    .refused(1);
    for flag in ["--pkce", "--kind", "--audience"] {
        assert!(said.contains(&format!("\n  {flag} ")), "{flag} in {said}");
    }
    assert!(
        shell
            .run(&["client", "list"])
            .await
            .done()
            .starts_with("No app yet.")
    );
}

#[tokio::test]
async fn who_was_not_used_is_listed() {
    let (_folder, mut shell) = founded().await;
    add(&shell, "worker", &["--kind", "service"]).await.done();
    let unused = ["client", "list", "--unused", "90d"];
    assert_eq!(shell.run(&unused).await.done(), "Every client was used.\n");
    let now = shell.clock.now();
    shell.clock = postern::base::time::Clock::manual(now.plus(postern::base::time::Lifetime::from_days(91)));
    let table = shell.run(&unused).await.done();
    assert!(
        table.starts_with("ID ") && table.contains("worker") && table.contains("never"),
        "{table}"
    );
    let list = shell.run(&[&unused[..], &["--json"]].concat()).await.json();
    assert_eq!(list["items"][0]["id"], "worker");
    assert_eq!(list["items"][0]["last_used_at"], Value::Null);
    shell
        .run(&["client", "list", "--unused", "long"])
        .await
        .refused(2);
}
