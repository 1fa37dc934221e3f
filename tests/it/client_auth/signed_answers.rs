//! Signed answers to authorization requests (JARM): everything in one JWT, errors too.

use postern::{
    base::{jwk::JwkSet, jws::Jws},
    domain::client::{ClientKind, ClientSettings, IdTokenAlgorithm},
};
use serde_json::Value;
use url::Url;

use super::Site;
use crate::harness::{ALICE, Phone, Postern, Tokens};

/// What a signed answer says, checked as every client has to (JARM section 2.4).
pub(super) async fn read(postern: &Postern, client: &str, response: &str, algorithm: &str) -> Value {
    let jws = Jws::parse(response, 8000).expect("a JWS");
    assert_eq!(jws.algorithm.as_str(), algorithm);
    assert!(jws.key_id.is_some(), "its key is named");
    assert!(jws.typ.as_deref().is_none_or(|typ| typ == "JWT"));
    let keys: JwkSet = postern.get("/jwks.json").await.body.parse().expect("a key set");
    assert!(keys.verifies(&jws), "{response}");
    let claims: Value = jws.claims().expect("claims");
    assert_eq!(claims["aud"], client);
    assert_eq!(claims["iss"], postern.issuer());
    let life = claims["exp"].as_i64().expect("a time") - postern.clock.now().seconds();
    assert!((10..=600).contains(&life), "{life}");
    claims
}

/// The one parameter of a redirect that was signed.
pub(super) fn response(back: &Url) -> String {
    let query: Vec<_> = back.query_pairs().into_owned().collect();
    assert!(back.fragment().is_none(), "{back}");
    match query.as_slice() {
        [(name, value)] if name == "response" => value.clone(),
        _ => panic!("one parameter in {back}"),
    }
}

fn names(claims: &Value) -> Vec<&str> {
    let mut names: Vec<_> = claims
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

async fn signed_in(postern: &Postern) -> crate::harness::Browser<'_> {
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    browser
}

#[tokio::test]
async fn the_code_is_inside_and_nothing_is_beside_it() {
    for postern in Postern::on_each().await {
        let phone = postern.phone();
        for mode in ["jwt", "query.jwt"] {
            let mut browser = signed_in(&postern).await;
            let page = browser
                .open(&phone.authorize_url(&[("response_mode", mode)]))
                .await
                .page();
            let back = browser.press(&page, "allow").await.app();
            assert!(back.as_str().starts_with(&phone.redirect_uri), "{back}");
            let claims = read(&postern, "notes", &response(&back), "ES256").await;
            assert_eq!(names(&claims), ["aud", "code", "exp", "iss", "state"]);
            assert_eq!(claims["state"], phone.state);
            Tokens::of(&phone.redeem(claims["code"].as_str().expect("a code")).await);
        }
    }
}

#[tokio::test]
async fn a_form_has_one_field() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let mut browser = signed_in(&postern).await;
    let url = phone.authorize_url(&[("response_mode", "form_post.jwt"), ("state", "\"><script>")]);
    let page = browser.open(&url).await.page();
    let page = browser.press(&page, "allow").await.page();
    assert!(page.answer.location().is_empty(), "nothing in a URL");
    let form = page.form(&phone.redirect_uri);
    assert_eq!(form.fields.len(), 1, "{form:?}");
    let claims = read(&postern, "notes", form.field("response"), "ES256").await;
    assert_eq!(claims["state"], "\"><script>");
    Tokens::of(&phone.redeem(claims["code"].as_str().expect("a code")).await);
}

#[tokio::test]
async fn errors_are_signed_too() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    for mode in ["jwt", "form_post.jwt"] {
        let mut browser = postern.browser();
        for (changes, error) in [
            (vec![("prompt", "none")], "login_required"),
            (vec![("scope", "admin")], "invalid_scope"),
            (vec![("response_type", "token")], "unsupported_response_type"),
            (vec![("code_challenge", "")], "invalid_request"),
            (vec![("request", "x")], "request_not_supported"),
        ] {
            let url = phone.authorize_url(&[vec![("response_mode", mode)], changes].concat());
            let told = told(&mut browser, &phone, &url).await;
            let claims = read(&postern, "notes", &told, "ES256").await;
            assert_eq!(
                names(&claims),
                ["aud", "error", "error_description", "exp", "iss", "state"]
            );
            assert_eq!(
                (&claims["error"], &claims["state"]),
                (&error.into(), &phone.state.clone().into())
            );
        }
    }
    let mut browser = signed_in(&postern).await;
    let page = browser
        .open(&phone.authorize_url(&[("response_mode", "jwt"), ("state", "")]))
        .await
        .page();
    let back = browser.press(&page, "deny").await.app();
    let claims = read(&postern, "notes", &response(&back), "ES256").await;
    assert_eq!(
        names(&claims),
        ["aud", "error", "error_description", "exp", "iss"]
    );
    assert_eq!(claims["error"], "access_denied");
}

/// The answer of a request to which no page is shown, in a redirect or a form.
async fn told(browser: &mut crate::harness::Browser<'_>, phone: &Phone<'_>, url: &str) -> String {
    match browser.open(url).await {
        crate::harness::Went::App(back) => response(&back),
        crate::harness::Went::Page(page) => {
            let form = page.form(&phone.redirect_uri);
            assert_eq!(form.fields.len(), 1, "{form:?}");
            form.field("response").to_owned()
        }
    }
}

#[tokio::test]
async fn a_fragment_is_refused_and_a_scheme_of_ones_own_takes_no_form() {
    let postern = Postern::start().await;
    postern
        .add_client("app", |settings| {
            settings.redirect_uris = vec!["com.example.notes:/cb".parse().expect("valid")];
        })
        .await;
    let phone = postern.phone();
    for mode in ["fragment.jwt", "fragment", "JWT", "query.JWT"] {
        let back = postern
            .browser()
            .open(&phone.authorize_url(&[("response_mode", mode)]))
            .await
            .app();
        assert!(back.as_str().contains("error=invalid_request"), "{back}");
        assert!(back.fragment().is_none(), "{back}");
    }
    let mut phone = postern.phone_of("app");
    "com.example.notes:/cb".clone_into(&mut phone.redirect_uri);
    let back = postern
        .browser()
        .open(&phone.authorize_url(&[("response_mode", "form_post.jwt")]))
        .await
        .app();
    // What was asked to be signed is never told unsigned.
    let claims = read(&postern, "app", &response(&back), "ES256").await;
    assert_eq!(claims["error"], "invalid_request");
}

#[tokio::test]
async fn a_client_that_has_to_ask_for_it_is_never_told_anything_unsigned() {
    let postern = Postern::start().await;
    let must = |settings: &mut ClientSettings| settings.require_signed_authorization_response = true;
    postern.add_client("must", must).await;
    let phone = postern.phone_of("must");
    for mode in ["", "query", "form_post", "fragment"] {
        let url = phone.authorize_url(&[("response_mode", mode)]);
        let told = told(&mut postern.browser(), &phone, &url).await;
        let claims = read(&postern, "must", &told, "ES256").await;
        assert_eq!(claims["error"], "invalid_request", "{mode}");
    }
    // A page from before it had to is no way around it.
    postern.add_client("later", |_| {}).await;
    let mut browser = signed_in(&postern).await;
    let url = postern.phone_of("later").authorize_url(&[]);
    let page = browser.open(&url).await.page();
    postern.set_client("later", must).await;
    let gone = browser.press(&page, "allow").await.page();
    assert_eq!(gone.answer.status, 400);
    let page = browser
        .open(&phone.authorize_url(&[("response_mode", "jwt")]))
        .await
        .page();
    let back = browser.press(&page, "allow").await.app();
    let claims = read(&postern, "must", &response(&back), "ES256").await;
    Tokens::of(&phone.redeem(claims["code"].as_str().expect("a code")).await);
}

#[tokio::test]
async fn a_client_that_asks_for_rs256_gets_it() {
    let postern = Postern::start().await;
    let rs256 = |settings: &mut ClientSettings| {
        settings.authorization_signed_response_alg = IdTokenAlgorithm::Rs256;
    };
    let site = Site::with_secret(&postern, "old", ClientKind::Web, rs256).await;
    let document = postern.get("/.well-known/openid-configuration").await.json();
    assert_eq!(
        document["authorization_signing_alg_values_supported"],
        serde_json::json!(["ES256", "RS256"])
    );
    let phone = site.phone();
    let url = phone.authorize_url(&[("response_mode", "jwt"), ("prompt", "none")]);
    let back = postern.browser().open(&url).await.app();
    let claims = read(&postern, "old", &response(&back), "RS256").await;
    assert_eq!(claims["error"], "login_required");
    let tokens = site.signed_in().await;
    let id_token = Jws::parse(tokens.answer["id_token"].as_str().expect("an ID token"), 8000).expect("a JWS");
    assert_eq!(id_token.algorithm.as_str(), "ES256", "each has its own setting");
}

/// RFC 8725 section 3.11: the same keys sign it, and it is nothing else.
#[tokio::test]
async fn a_signed_answer_is_no_token() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let mut browser = signed_in(&postern).await;
    let page = browser
        .open(&phone.authorize_url(&[("response_mode", "jwt")]))
        .await
        .page();
    let answer = response(&browser.press(&page, "allow").await.app());
    assert_eq!(phone.userinfo(&answer).await.status, 401);
    assert!(!phone.api_accepts(&answer, "notes").await);
    let back = browser
        .open(&phone.authorize_url(&[("id_token_hint", &answer)]))
        .await
        .app();
    assert!(back.as_str().contains("error=invalid_request"), "{back}");
    let page = browser
        .open(&format!(
            "/logout?id_token_hint={answer}&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F"
        ))
        .await
        .page();
    assert_ne!(page.answer.status, 303);
}

/// A request that is started again is answered as it was asked.
#[tokio::test]
async fn started_again_it_is_signed_as_before() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    for (mode, kept) in [
        ("jwt", "query.jwt"),
        ("form_post.jwt", "form_post.jwt"),
        ("form_post", "form_post"),
    ] {
        let page = postern
            .browser()
            .open(&phone.authorize_url(&[("response_mode", mode)]))
            .await
            .page();
        let request = page.form("/sign-in").field("request").to_owned();
        let page = postern
            .browser()
            .open(&format!("/continue?request={request}"))
            .await
            .page();
        assert_eq!(page.form("/authorize").field("response_mode"), kept);
    }
}
