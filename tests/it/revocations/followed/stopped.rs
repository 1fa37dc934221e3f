//! `postern verify-proxy` that follows, and is stopped for a while, as a machine is that sleeps, moves or is starved: what
//! it knows is old when it goes on.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder};
use tokio::{task::JoinSet, time::sleep};

use super::{Session, World, surely, world::API};
use crate::cli::program::{Program, command};

/// The running sidecar.
struct Sidecar {
    program: Program,
    url: String,
    http: Client,
}

impl Sidecar {
    async fn follow(world: &World, flags: &[&str]) -> Self {
        let all = [
            &["verify-proxy", "--issuer", world.issuer(), "--audience", API][..],
            &[
                "--listen",
                "127.0.0.1:0",
                "--log-format",
                "json",
                "--client-id",
                "api",
            ],
            flags,
        ];
        let mut command = command(&all.concat(), &std::env::temp_dir());
        command.env("POSTERN_CLIENT_SECRET", &world.secret);
        let mut program = Program::spawn(&mut command);
        program
            .until("address", |_, log| log.contains("\"listening\""))
            .await;
        let log = program.log.text();
        let line = log.lines().find(|line| line.contains("\"listening\""));
        let line: serde_json::Value = serde_json::from_str(line.expect("a line")).expect("JSON");
        let url = format!("http://{}", line["address"].as_str().expect("an address"));
        let http = Client::builder().no_proxy().build().expect("a client");
        let sidecar = Self { program, url, http };
        let health = sidecar.http.get(format!("{}/health", sidecar.url));
        surely("the snapshot", async {
            while status(health.try_clone().expect("no body")).await != 200 {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        sidecar
    }

    fn about(&self, session: &Session) -> RequestBuilder {
        let request = self.http.get(format!("{}/verify", self.url));
        request.bearer_auth(&session.access)
    }

    async fn ask(&self, session: &Session) -> u16 {
        status(self.about(session)).await
    }

    async fn answers(&self, session: &Session, expected: u16) {
        surely(&format!("{expected}"), async {
            while self.ask(session).await != expected {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}

async fn status(request: RequestBuilder) -> u16 {
    let answer = request.send().await.expect("an answer");
    answer.status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sidecar_refuses_what_has_ended_and_says_goodbye() {
    for world in World::of_each(2).await {
        let mut sidecar = Sidecar::follow(&world, &[]).await;
        let (doomed, next) = (world.session(), world.session());
        assert_eq!(sidecar.ask(&doomed).await, 200);
        let (code, said) = world.ends_and_waits(&doomed).await;
        assert!(code == 0 && said.contains("Confirmed by 1 of 1"), "{said}");
        assert_eq!(sidecar.ask(&doomed).await, 401);
        assert_eq!(sidecar.ask(&next).await, 200);
        sidecar.program.signal("TERM");
        assert!(sidecar.program.ended().await.success());
        let (code, said) = world.ends_and_waits(&next).await;
        assert!(code == 0 && said.contains("Confirmed by 0 of 0"), "{said}");
    }
}

/// Whatever it was told to do when the stream is down, and before that: after it goes on, no request goes through with a
/// token of a session that ended meanwhile, also not those that have waited in its sockets for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_stopped_accepts_nothing_that_ended_meanwhile() {
    const REQUESTS: usize = 48;
    for world in World::of_each(10).await {
        let sidecars = [
            Sidecar::follow(&world, &["--down", "refuse", "--down-after", "6s"]).await,
            Sidecar::follow(&world, &["--down", "introspect", "--down-after", "30s"]).await,
            Sidecar::follow(&world, &["--down", "accept", "--down-after", "1h"]).await,
        ];
        let (doomed, alive) = (Arc::new(world.session()), world.session());
        for sidecar in &sidecars {
            assert_eq!(sidecar.ask(&doomed).await, 200);
            sidecar.program.signal("STOP");
        }
        world.ends(0, &doomed).await;
        let mut waiting = JoinSet::new();
        for request in 0..REQUESTS {
            waiting.spawn(status(sidecars[request % 3].about(&doomed)));
        }
        // How long it is stopped is what this is about.
        sleep(Duration::from_secs(8)).await;
        for sidecar in &sidecars {
            sidecar.program.signal("CONT");
        }
        while let Some(answer) = waiting.join_next().await {
            let answer = answer.expect("no panic");
            assert!([401, 503].contains(&answer), "{answer}");
        }
        for sidecar in &sidecars {
            sidecar.answers(&alive, 200).await;
            assert_eq!(sidecar.ask(&doomed).await, 401);
        }
    }
}

/// It reads nothing while thousands of revocations are told; others are told of them meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_hinders_nobody_and_misses_nothing() {
    for world in World::of_each(2).await {
        let (slow, quick) = (
            Sidecar::follow(&world, &[]).await,
            Sidecar::follow(&world, &[]).await,
        );
        let (doomed, alive) = (world.session(), world.session());
        assert_eq!(slow.ask(&doomed).await, 200);
        slow.program.signal("STOP");
        world.revokes_much(60_000).await;
        world.ends(0, &doomed).await;
        quick.answers(&doomed, 401).await;
        slow.program.signal("CONT");
        slow.answers(&doomed, 401).await;
        slow.answers(&alive, 200).await;
        assert_eq!(slow.ask(&doomed).await, 401);
    }
}
