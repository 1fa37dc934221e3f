//! Commands that ask a running server, through its admin API, in place of its database.

mod clients;
mod faults;

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use postern::{
    base::time::Clock,
    config::PrivateConfig,
    domain::{client::ClientKind, role::Permission},
    flows::mass_end,
    server,
};
use serde_json::Value;
use tempfile::TempDir;

use super::{Said, Shell};
use crate::{
    client_auth::register,
    harness::{ALICE, BOB, Follower, PASSWORD, Postern, free_port},
};

/// A server that listens, and a shell on another machine, which has neither its data nor its configuration.
struct Far {
    postern: Postern,
    shell: Shell,
    server: String,
    _folder: TempDir,
}

fn listen(postern: &Postern, port: u16, router: axum::Router) {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    let config = postern.config.server.clone();
    tokio::spawn(async move { server::serve(listener, router, &config, std::future::pending()).await });
}

impl Far {
    async fn start() -> Self {
        let (public, private) = (free_port(), free_port());
        let server = format!("http://127.0.0.1:{private}");
        let url = server.parse().expect("a URL");
        let postern = Postern::start_at(Clock::system(), None, |config| {
            config.server.public_url = format!("http://127.0.0.1:{public}").parse().expect("a URL");
            config.server.private = Some(PrivateConfig {
                listen: SocketAddr::from(([127, 0, 0, 1], private)),
                url,
                allow: "127.0.0.0/8".parse().expect("networks"),
            });
        })
        .await;
        listen(&postern, public, postern.app.router());
        listen(
            &postern,
            private,
            postern.app.private_router().expect("a private listener"),
        );
        let folder = tempfile::tempdir().expect("a folder");
        let shell = Shell::in_folder(folder.path());
        let far = Self {
            postern,
            shell,
            server,
            _folder: folder,
        };
        far.let_in("mighty", Permission::ALL).await
    }

    /// The same with this client, which has these permissions.
    async fn let_in(self, id: &str, permissions: &[Permission]) -> Self {
        let scope: Vec<_> = permissions.iter().map(|permission| permission.scope()).collect();
        let api = format!("{}/api/v1", self.postern.issuer());
        let (_, secret) = register(&self.postern, id, ClientKind::Service, |settings| {
            settings.scope = scope.join(" ").parse().expect("scopes");
            settings.resource = Some(api.parse().expect("a resource"));
        })
        .await;
        // One secret is known at a time.
        let shell = Shell::in_folder(&self.shell.data);
        let shell = shell.with("POSTERN_CLIENT_SECRET", &secret.expect("a secret"));
        Self { shell, ..self }
    }

    async fn run(&self, command: &[&str]) -> Said {
        self.run_as("mighty", command, "").await
    }

    async fn run_as(&self, client: &str, command: &[&str], input: &str) -> Said {
        let far = ["--server", &self.server, "--client-id", client];
        self.shell.run_with_input(&[command, &far].concat(), input).await
    }

    /// The same command on the database.
    async fn here(&self, command: &[&str]) -> Said {
        Shell::in_folder(self.postern.folder()).run(command).await
    }
}

#[tokio::test]
async fn what_is_shown_is_the_same_from_far_and_near() {
    let far = Far::start().await;
    for email in [ALICE, BOB] {
        far.postern
            .phone()
            .signed_in(&mut far.postern.browser(), email)
            .await;
    }
    let tokens = far
        .postern
        .phone()
        .signed_in(&mut far.postern.browser(), ALICE)
        .await;
    let sid = tokens.sid();
    for command in [
        &["session", "list", "--json"][..],
        &["session", "list", "--user", ALICE, "--json"],
        &["session", "list", "--client", "other"],
        &[
            "session",
            "list",
            "--used-since",
            "1h",
            "--address",
            "203.0.113.0/24",
            "--life",
            "own",
            "--json",
        ],
        &["session", "show", &sid],
        &["session", "versions", "--json"],
        &["session", "ends"],
        &["session", "end", "--client", "notes", "--dry-run"],
        &["user", "list"],
        &["user", "list", "--begins", "a", "--limit", "1"],
        &["user", "show", BOB],
        &["keys", "list"],
        &["client", "list"],
        &["client", "show", "notes", "--json"],
        &["client", "list", "--unused", "1h"],
        &["client", "secret", "list", "mighty", "--json"],
        &["client", "secret", "list", "notes"],
    ] {
        let (from_far, near) = (far.run(command).await.done(), far.here(command).await.done());
        assert_eq!(from_far, near, "{command:?}");
    }
    let exported = far.run(&["events", "export", "--since", "1h"]).await.done();
    let near = far.here(&["events", "export", "--since", "1h"]).await.done();
    assert_eq!(exported, near);
    let opened = [
        "events",
        "export",
        "--since",
        "1h",
        "--kind",
        "session.opened",
        "--user",
        ALICE,
    ];
    assert_eq!(far.run(&opened).await.done().lines().count(), 2);
}

#[tokio::test]
async fn sessions_are_ended_from_far_and_the_exit_code_says_who_knows() {
    let far = Far::start().await;
    let phone = far.postern.phone();
    let tokens = phone.signed_in(&mut far.postern.browser(), ALICE).await;
    phone.signed_in(&mut far.postern.browser(), BOB).await;
    let follower = Follower::new(&far.postern, "api").await;
    let mut stream = follower.followed().await;
    let session = tokens.sid();
    let with_reason = [
        "session",
        "end",
        &session,
        "--wait",
        "--reason",
        "phone was stolen",
    ];
    let said = tokio::select! {
        said = far.run(&with_reason) => said.done(),
        () = follower.goes_on(&mut stream) => unreachable!("it goes on"),
    };
    assert!(
        said.starts_with(&format!("{session}: ended 1 app session.\nConfirmed by 1 of 1")),
        "{said}"
    );
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
    // Again, as who got no answer: it waits for the end that stands.
    let again = tokio::select! {
        again = far.run(&with_reason) => again.done(),
        () = follower.goes_on(&mut stream) => unreachable!("it goes on"),
    };
    assert!(
        again.starts_with(&format!(
            "{session}: no session was left to end.\nConfirmed by 1 of 1"
        )),
        "{again}"
    );
    let unknown = "bse_01890a5dac96774bbcceb302099a8057";
    let refused = far.run(&["session", "end", unknown]).await.refused(1);
    assert!(refused.contains("there is no session"), "{refused}");

    let late = far
        .run(&["session", "end", "--user", ALICE, "--wait", "--timeout", "100ms"])
        .await;
    assert_eq!(late.code, 3, "{late:?}");
    assert!(
        late.out.contains("Confirmed by 0 of 1") && late.out.contains("api "),
        "{late:?}"
    );

    // All that match: the server works them off.
    let begun = far
        .run(&["session", "end", "--client", "notes", "--no-wait"])
        .await
        .done();
    let id = begun.split(':').next().expect("an id").to_owned();
    assert!(far.run(&["session", "ends"]).await.done().contains("under way"));
    let cancelled = far.run(&["session", "cancel-end", &id]).await.done();
    assert!(cancelled.contains("cancelled"), "{cancelled}");
    let over = far.run(&["session", "cancel-end", &id]).await.refused(1);
    assert!(over.contains("it is done, or never was"), "{over}");
    let events = far
        .run(&["events", "export", "--since", "1h", "--kind", "session.ended"])
        .await
        .done();
    let first: Value = serde_json::from_str(events.lines().next().expect("an event")).expect("JSON");
    assert_eq!(
        first["actor"],
        serde_json::json!({ "kind": "client", "id": "mighty" })
    );
    assert_eq!(first["data"]["note"], "phone was stolen");
}

#[tokio::test]
async fn who_waits_for_an_end_that_is_cut_short_is_told_by_the_exit_code() {
    let far = Far::start().await;
    let begun = async |number| {
        while far.postern.count_events("mass_end.begun").await < number {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let end = ["session", "end", "--client", "notes"];
    let cancel = async || {
        begun(1).await;
        let ends = far.run(&["session", "ends", "--json"]).await.json();
        let id = ends["items"][0]["id"].as_str().expect("an id").to_owned();
        far.run(&["session", "cancel-end", &id]).await.done()
    };
    let (waited, _) = tokio::join!(far.run(&end), cancel());
    assert!(
        waited.out.contains(": cancelled; ended 0 app sessions."),
        "{waited:?}"
    );
    assert_eq!(waited.code, 1, "{waited:?}");
    let told = "was cancelled before all sessions were looked at";
    assert!(waited.err.contains(told), "{waited:?}");

    let stop = async || {
        begun(2).await;
        far.postern
            .set_client("mighty", |settings| {
                settings.scope = Permission::ReadSessions.scope().parse().expect("a scope");
            })
            .await;
        mass_end::work(far.postern.provider()).await.expect("worked");
    };
    let (waited, ()) = tokio::join!(far.run(&end), stop());
    assert!(
        waited.out.contains(": stopped; ended 0 app sessions."),
        "{waited:?}"
    );
    assert_eq!(waited.code, 1, "{waited:?}");
    let told = "may not end sessions any more";
    assert!(waited.err.contains(told), "{waited:?}");
    let ends = far.here(&["session", "ends"]).await.done();
    assert!(ends.contains("stopped ") && ends.contains("cancelled "), "{ends}");
}

#[tokio::test]
async fn people_and_keys_are_changed_from_far() {
    let far = Far::start().await;
    let dan = "dan@example.com";
    let add = [
        "user",
        "add",
        dan,
        "--name",
        "Dan",
        "--role",
        "support",
        "--password-stdin",
    ];
    let added = far.run_as("mighty", &add, PASSWORD).await.done();
    assert!(added.starts_with("Added dan@example.com: usr_"), "{added}");
    let taken = far.run_as("mighty", &add, PASSWORD).await.refused(1);
    assert!(taken.contains("has an account already"), "{taken}");
    let disabled = far.run(&["user", "disable", dan]).await.done();
    assert!(
        disabled.contains("is disabled; no session was left"),
        "{disabled}"
    );
    let again = far.run(&["user", "disable", dan]).await.done();
    assert!(again.contains("was disabled already"), "{again}");
    assert!(
        far.run(&["user", "enable", dan])
            .await
            .done()
            .contains("may sign in again")
    );
    assert!(
        far.run(&["user", "role", dan, "none"])
            .await
            .done()
            .contains("is no admin now")
    );
    let set = ["user", "password", dan, "--password-stdin"];
    let set = far.run_as("mighty", &set, "quite another one").await.done();
    assert!(set.contains("The password of dan@example.com is set"), "{set}");
    let nobody = far.run(&["user", "show", "da@example.com"]).await.refused(1);
    assert!(nobody.contains("nobody here has the address"), "{nobody}");
    let early = far.run(&["keys", "rotate"]).await.refused(1);
    assert!(early.contains("this cannot be done now"), "{early}");
    let seal = far
        .run(&["keys", "rotate", "--compromised", "--ring", "seal"])
        .await
        .done();
    assert!(seal.contains("WITHDRAWN"), "{seal}");
}
