//! Tokens that are not for this.

use axum::{body::Body, http::Request};
use base64ct::{Base64UrlUnpadded, Encoding};

use super::{Machine, problem, send, start, token_of};
use crate::harness::{ALICE, Answer, Phone, Postern, ProofKey};

async fn ask(postern: &Postern, authorization: &str) -> Answer {
    let asked = Request::get("/api/v1/users").header("authorization", authorization);
    send(postern, asked.body(Body::empty()).expect("a request")).await
}

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!(
        (answer.status.as_u16(), problem(answer).as_str()),
        (401, "not-authenticated"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_token_for_another_api_or_for_the_issuer_is_none() {
    let postern = start().await;
    let scope = "admin:users.read";
    let right = token_of(&postern, scope, |_| {}).await;
    assert_eq!(ask(&postern, &format!("Bearer {right}")).await.status, 200);
    for resource in [
        None,
        Some("https://api.example"),
        Some("http://127.0.0.1:9090/api/v1"),
    ] {
        let resource = resource.map(|api| api.parse().expect("a resource"));
        let token = token_of(&postern, scope, |settings| settings.resource = resource).await;
        refused(&ask(&postern, &format!("Bearer {token}")).await);
    }
}

#[tokio::test]
async fn a_persons_token_is_none_whatever_it_says() {
    let postern = start().await;
    let api = format!("{}/api/v1", postern.issuer());
    // No client of people is registered with such a scope: this one was set behind the server's back.
    postern.add_client("sly", |_| {}).await;
    postern
        .set_client("sly", |settings| {
            settings.scope = "openid admin:users.read".parse().expect("scopes");
            settings.resource = Some(api.parse().expect("a resource"));
        })
        .await;
    let mut phone = postern.phone_of("sly");
    phone.scope = "openid admin:users.read";
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let claims = tokens.claims();
    assert!(
        claims["aud"].to_string().contains("/api/v1") && claims["scope"].to_string().contains("admin:"),
        "{claims}"
    );
    refused(&ask(&postern, &format!("Bearer {}", tokens.access)).await);
    let id_token = tokens.answer["id_token"].as_str().expect("an ID token");
    refused(&ask(&postern, &format!("Bearer {id_token}")).await);
    refused(&ask(&postern, &format!("Bearer {}", tokens.refresh)).await);
}

#[tokio::test]
async fn a_changed_an_expired_and_a_revoked_token_are_none() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    let (head, signature) = admin.token.rsplit_once('.').expect("a JWT");
    let (header, claims) = head.split_once('.').expect("a JWT");
    let claims = Base64UrlUnpadded::decode_vec(claims).expect("base64url");
    let claims = String::from_utf8(claims)
        .expect("text")
        .replace("client_id", "client_ix");
    let forged = format!(
        "{header}.{}.{signature}",
        Base64UrlUnpadded::encode_string(claims.as_bytes())
    );
    for text in [forged.as_str(), "", "x", "pst_rt_x"] {
        let answer = ask(&postern, &format!("Bearer {text}")).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401), "{text}: {answer:?}");
    }
    assert_eq!(ask(&postern, &format!("Basic {}", admin.token)).await.status, 401);
    assert_eq!(admin.get("/users").await.status, 200);
    postern.advance("6m");
    refused(&admin.get("/users").await);
}

#[tokio::test]
async fn what_is_taken_from_a_client_its_tokens_have_no_more() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    let token = token_of(&postern, "admin:users.read", |_| {}).await;
    let other = Machine {
        postern: &postern,
        token,
    };
    assert_eq!(other.get("/users").await.status, 200);
    let id = clients_of(&admin).await.pop().expect("a client");
    postern
        .set_client(&id, |settings| settings.scope = "read".parse().expect("a scope"))
        .await;
    assert_eq!(problem(&other.get("/users").await), "not-permitted");
    assert_eq!(
        admin
            .send("DELETE", &format!("/clients/{id}"), None, &[])
            .await
            .status,
        200
    );
    refused(&other.get("/users").await);
}

async fn clients_of(admin: &Machine<'_>) -> Vec<String> {
    let all = admin.get("/clients").await.json();
    let items = all["items"].as_array().expect("items").clone();
    let mut machines: Vec<(usize, String)> = items
        .iter()
        .filter_map(|client| client["id"].as_str())
        .filter_map(|id| Some((id.strip_prefix("machine-")?.parse().ok()?, id.to_owned())))
        .collect();
    machines.sort();
    machines.into_iter().map(|(_, id)| id).collect()
}

#[tokio::test]
async fn a_bound_token_needs_a_proof_of_its_key_for_this_very_request() {
    let postern = start().await;
    let key = ProofKey::new();
    let phone = Phone::new(&postern, "notes").proving(Some(key));
    let proof = phone.draft("POST", "/token").sign();
    let id = "bound-machine";
    let (_, secret) = crate::client_auth::register(
        &postern,
        id,
        postern::domain::client::ClientKind::Service,
        |settings| {
            settings.token_endpoint_auth_method = postern::domain::client::AuthMethod::ClientSecretPost;
            settings.scope = "admin:users.read".parse().expect("a scope");
            settings.resource = Some(
                format!("{}/api/v1", postern.issuer())
                    .parse()
                    .expect("a resource"),
            );
            settings.dpop = postern::domain::client::DpopPolicy::Required;
        },
    )
    .await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", secret.as_deref().expect("a secret")),
    ];
    let answer = phone.post_with_proofs("/token", &form, &[&proof]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    refused(&ask(&postern, &format!("Bearer {token}")).await);
    let draft = |url: &str| phone.draft("GET", "/").for_token(&token).claim("htu", url).sign();
    let with = async |proof: &str| {
        let asked = Request::get("/api/v1/users")
            .header("authorization", format!("DPoP {token}"))
            .header("dpop", proof);
        send(&postern, asked.body(Body::empty()).expect("a request")).await
    };
    let right = draft("http://127.0.0.1:9090/api/v1/users");
    let answer = with(&right).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.header("dpop-nonce").is_empty());
    refused(&with(&right).await);
    refused(&with(&draft(&format!("{}/api/v1/users", postern.issuer()))).await);
    refused(&with(&draft("http://127.0.0.1:9090/api/v1/clients")).await);
}
