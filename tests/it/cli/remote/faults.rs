//! What goes wrong between a command and a server, and what each says to do.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use postern::domain::{client::ClientKind, role::Permission};
use serde_json::json;
use tokio::net::TcpListener;

use super::Far;
use crate::{
    cli::Shell,
    client_auth::register,
    harness::{Place, free_port},
};

const LIST: [&str; 2] = ["session", "list"];

#[tokio::test]
async fn what_is_wrong_is_told_with_what_to_do() {
    let far = Far::start()
        .await
        .let_in("reader", &[Permission::ReadSessions])
        .await;
    // The shell has the reader's secret now.
    let said = far.run_as("mighty", &LIST, "").await.refused(1);
    assert!(
        said.contains("does not know the client mighty by this secret"),
        "{said}"
    );
    let said = far.run_as("nobody", &LIST, "").await.refused(1);
    assert!(said.contains("does not know the client nobody"), "{said}");
    far.run_as("reader", &LIST, "").await.done();
    let said = far.run_as("reader", &["user", "list"], "").await.refused(1);
    assert!(said.contains("it needs the scope admin:users.read"), "{said}");
    for (command, scope) in [
        (&["session", "end", "--client", "notes"][..], "sessions.end"),
        (&["client", "list"], "clients.read"),
        (
            &["client", "add", "x", "--name", "X", "--kind", "service"],
            "clients.write",
        ),
        (&["client", "secret", "list", "notes"], "clients.read"),
        (&["client", "list", "--unused", "90d"], "clients.read"),
        (&["keys", "rotate"], "keys.rotate"),
        (&["events", "export", "--since", "1h"], "events.read"),
    ] {
        let said = far.run_as("reader", command, "").await.refused(1);
        assert!(
            said.contains(&format!("it needs the scope admin:{scope}")),
            "{command:?}: {said}"
        );
    }

    let as_reader = ["--client-id", "reader"];
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    for (server, code, told) in [
        (nowhere.as_str(), 1, "does not answer"),
        (far.postern.issuer(), 1, "server.private_url"),
        ("http://id.example.com", 2, "use https"),
        ("here", 2, "--server"),
    ] {
        let words = [&LIST[..], &["--server", server], &as_reader].concat();
        let said = far.shell.run(&words).await.refused(code);
        assert!(said.contains(told), "{server}: {said}");
    }
    let said = far
        .shell
        .run(&["session", "list", "--server", &far.server])
        .await
        .refused(2);
    assert!(said.contains("--client-id"), "{said}");
    let bare = Shell::in_folder(&far.shell.data);
    let words = [&LIST[..], &["--server", &far.server], &as_reader].concat();
    assert!(
        bare.run(&words)
            .await
            .refused(2)
            .contains("POSTERN_CLIENT_SECRET")
    );
    let file = far.shell.data.join("secret");
    let from_file = [
        &words[..],
        &["--client-secret-file", file.to_str().expect("text")],
    ]
    .concat();
    let said = bare.run(&from_file).await.refused(1);
    assert!(said.contains("cannot be read"), "{said}");
    std::fs::write(&file, "pst_cs_wrong\n").expect("written");
    let said = bare.run(&from_file).await.refused(1);
    assert!(said.contains("by this secret"), "{said}");
    // What only the database can do.
    for command in [
        &["migrate"][..],
        &["audit", "verify"],
        &["config", "check"],
        &["client", "doctor", "notes"],
    ] {
        let said = far.run_as("reader", command, "").await.refused(2);
        assert!(said.contains("on the database only"), "{command:?}: {said}");
    }
}

/// The API is asked for by its name, so a client that has another API first gets a token for this one all the same.
#[tokio::test]
async fn a_client_that_is_not_registered_for_the_api_is_told_so() {
    let far = Far::start().await;
    let api = format!("{}/api/v1", far.postern.issuer());
    for (id, apis) in [
        ("elsewhere", &["https://api.example"][..]),
        ("both", &["https://api.example", &api]),
    ] {
        let (_, secret) = register(&far.postern, id, ClientKind::Service, |settings| {
            settings.scope = Permission::ReadSessions.scope().parse().expect("a scope");
            let mut apis = apis.iter().map(|api| api.parse().expect("a resource"));
            settings.resource = apis.next();
            settings.resources = apis.collect();
        })
        .await;
        let shell = Shell::in_folder(&far.shell.data);
        let shell = shell.with("POSTERN_CLIENT_SECRET", &secret.expect("a secret"));
        let words = [&LIST[..], &["--server", &far.server, "--client-id", id]].concat();
        let said = shell.run(&words).await;
        if id == "both" {
            said.done();
        } else {
            let said = said.refused(1);
            assert!(
                said.contains(&format!("client set elsewhere --resource {api}")),
                "{said}"
            );
        }
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_told_as_one() {
    let place = Place::start().await;
    let shell = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(shell.path()).with("POSTERN_CLIENT_SECRET", "pst_cs_x");
    let server = place.url("");
    let words = [&LIST[..], &["--server", &server, "--client-id", "x"]].concat();
    let said = shell.run(&words).await.refused(1);
    assert!(
        said.contains("certificate") && said.contains("SSL_CERT_FILE"),
        "{said}"
    );
    assert_eq!(place.requests(), 0, "nothing was sent");
}

/// Somebody else's server at the address, or one of another version.
async fn stranger(api: Router, tokens: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let flow = json!({ "clientCredentials": { "tokenUrl": format!("{url}/token"), "scopes": {} } });
    let document = json!({ "components": { "securitySchemes": { "machine": { "flows": flow } } } });
    let token = async move || {
        let number = tokens.fetch_add(1, Ordering::SeqCst);
        Json(json!({ "access_token": format!("token{number}"), "token_type": "Bearer" }))
    };
    let api = api
        .route("/api/v1/openapi.json", get(async || Json(document)))
        .route("/token", post(token));
    tokio::spawn(async move { axum::serve(listener, api).await });
    url
}

async fn ask(server: &str, command: &[&str]) -> super::Said {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(folder.path()).with("POSTERN_CLIENT_SECRET", "pst_cs_x");
    let far = ["--server", server, "--client-id", "x"];
    shell.run(&[command, &far].concat()).await
}

#[tokio::test]
async fn a_token_that_is_over_is_renewed_once() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let keys = async |headers: HeaderMap| {
        let good = headers[header::AUTHORIZATION] == "Bearer token1";
        if good {
            Json(json!({ "items": [], "next": null })).into_response()
        } else {
            StatusCode::UNAUTHORIZED.into_response()
        }
    };
    let refused = json!({ "type": "urn:postern:problem:not-authenticated", "title": "a token is needed" });
    let api = Router::new().route("/api/v1/keys", get(keys)).route(
        "/api/v1/clients",
        get(async || (StatusCode::UNAUTHORIZED, Json(refused))),
    );
    let server = stranger(api, Arc::clone(&tokens)).await;
    ask(&server, &["keys", "list"]).await.done();
    assert_eq!(tokens.load(Ordering::SeqCst), 2);
    let said = ask(&server, &["client", "list"]).await.refused(1);
    assert!(said.contains("a token that it has just given"), "{said}");
    assert_eq!(tokens.load(Ordering::SeqCst), 4, "no more than once");
}

#[tokio::test]
async fn a_server_of_another_version_is_told_as_one() {
    let gone =
        json!({ "type": "urn:postern:problem:version-gone", "title": "this version has come to its end" });
    let no_route = json!({ "type": "urn:postern:problem:not-found", "title": "there is nothing here" });
    let api = Router::new()
        .route("/api/v1/keys", get(async || Json(json!({ "keys": [] }))))
        .route("/api/v1/sessions", get(async || (StatusCode::GONE, Json(gone))))
        .route(
            "/api/v1/clients/notes",
            get(async || (StatusCode::NOT_FOUND, Json(no_route))),
        )
        .route(
            "/api/v1/clients",
            get(async || (StatusCode::BAD_GATEWAY, "<html>")),
        );
    let server = stranger(api, Arc::default()).await;
    for (command, told) in [
        (
            &["keys", "list"][..],
            "the server is another version than this program",
        ),
        (
            &["session", "list"],
            "the server is another version than this program",
        ),
        (
            &["client", "show", "notes"],
            "the server is another version than this program",
        ),
        (
            &["client", "list"],
            "502 Bad Gateway, but not as its admin API does",
        ),
    ] {
        let said = ask(&server, command).await.refused(1);
        assert!(said.contains(told), "{command:?}: {said}");
    }
    // No API at all, one of which the document is another, and one that sends secrets in the clear.
    let document = |url: &str| {
        let flow = json!({ "clientCredentials": { "tokenUrl": url, "scopes": {} } });
        json!({ "components": { "securitySchemes": { "machine": { "flows": flow } } } })
    };
    for (answer, told) in [
        (json!({ "swagger": "2.0" }), "is not the admin API"),
        (document("http://id.example.com/token"), "its public_url is wrong"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let api = Router::new().route("/api/v1/openapi.json", get(async || Json(answer)));
        tokio::spawn(async move { axum::serve(listener, api).await });
        let said = ask(&url, &["keys", "list"]).await.refused(1);
        assert!(said.contains(told), "{said}");
    }
}
