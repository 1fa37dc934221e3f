//! The example that the README points to, with tokens of the real server.

use std::{sync::Arc, time::Duration};

use postern::{
    domain::client::{ClientKind, ClientSettings},
    jobs,
};
use postern_resource_server::Follow;
use reqwest::RequestBuilder;
use tokio::{net::TcpListener, time::sleep};

use super::{API, OTHER_API, Told, app, issuer::Issuer};
use crate::{durability::surely, harness::ALICE};

#[expect(dead_code, reason = "its `main` waits for ever on a port of its own")]
#[path = "../../../resource-server/examples/notes-api.rs"]
mod example;

/// Its address. It answers until the test's runtime ends.
async fn start(issuer: &Issuer) -> String {
    let settings = ClientSettings {
        scope: "revocations".parse().expect("valid"),
        ..ClientSettings::new(ClientKind::Service)
    };
    let registered = issuer.postern.register("notes-api", settings).await;
    let secret = registered.secret.expect("a service").secret;
    tokio::spawn(jobs::run(Arc::clone(&issuer.postern.app.provider)));
    let follow = Follow::as_client("notes-api", secret.expose().to_owned());
    let api = example::api(issuer.url(), API, follow)
        .await
        .expect("an issuer that answers");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async { axum::serve(listener, api).await });
    format!("http://{address}")
}

async fn told(request: RequestBuilder) -> Told {
    Told::of(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn who_may_only_read_reads_their_own_notes_and_adds_none() {
    let issuer = Issuer::start().await;
    let url = start(&issuer).await;
    let notes = format!("{url}/notes");
    let (alice, robot) = (
        issuer.alices().await.access,
        issuer.token("notes:read notes:write").await,
    );

    let written = app().post(&notes).bearer_auth(&robot).body("buy milk");
    assert_eq!(told(written).await.status, 201);
    assert_eq!(
        told(app().get(&notes).bearer_auth(&robot)).await.body,
        r#"["buy milk"]"#
    );
    assert_eq!(told(app().get(&notes).bearer_auth(&alice)).await.body, "[]");

    let refused = told(app().post(&notes).bearer_auth(&alice).body("x")).await;
    refused.refused(403, "insufficient_scope");
    assert!(
        refused.challenges[0].contains(r#"scope="notes:write""#),
        "{refused:?}"
    );
    told(app().get(&notes)).await.refused(401, "");
    let elsewhere = issuer.token_for(OTHER_API, "notes:read", None).await;
    for token in [&elsewhere, &issuer.expired] {
        told(app().get(&notes).bearer_auth(token))
            .await
            .refused(401, "invalid_token");
    }
}

#[tokio::test]
async fn a_session_that_ends_is_refused_by_its_access_token_too() {
    let issuer = Issuer::start().await;
    let url = start(&issuer).await;
    let tokens = issuer.alices().await;
    let notes = async || told(app().get(format!("{url}/notes")).bearer_auth(&tokens.access)).await;
    // Until it follows, the API cannot tell and refuses or asks; then it takes what is good.
    let is = async |good: bool| {
        while (notes().await.status == 200) != good {
            sleep(Duration::from_millis(5)).await;
        }
    };
    surely("an API that takes what is good", is(true)).await;
    issuer.postern.end_everything_of(ALICE).await;
    // The token itself is good for minutes by its signature and its times.
    surely("a refusal", is(false)).await;
    notes().await.refused(401, "invalid_token");
}

#[tokio::test]
async fn an_app_that_knows_only_the_api_finds_the_issuer() {
    let issuer = Issuer::start().await;
    let url = start(&issuer).await;
    let refused = told(app().get(format!("{url}/notes"))).await;
    let place = format!(r#"resource_metadata="{API}/.well-known/oauth-protected-resource""#);
    assert!(
        refused
            .challenges
            .iter()
            .all(|challenge| challenge.contains(&place)),
        "{refused:?}"
    );
    let about = told(app().get(format!("{url}/.well-known/oauth-protected-resource")))
        .await
        .json();
    assert_eq!(about["authorization_servers"][0], issuer.url());
}
