//! The real server, on a port that is free.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, TcpListener},
    time::Duration,
};

use anyhow::Context;
use tokio::{
    sync::oneshot,
    task::{JoinError, JoinHandle},
};

use crate::{app::App, config::Config, jobs, server};

/// The port that is tried first.
const USUAL: u16 = 8080;
/// How many are tried after it.
const TRIES: u16 = 100;
/// A demo has no requests that are worth a long wait.
const PATIENCE: Duration = Duration::from_secs(2);

/// A loopback listener: on `wanted`, or on the first free port from the usual one on.
pub(super) fn bind(wanted: Option<u16>) -> anyhow::Result<(TcpListener, u16)> {
    if let Some(port) = wanted {
        return bind_to(port).with_context(|| {
            format!(
                "port {port} cannot be used; name another with --port, or leave --port out to get a free one"
            )
        });
    }
    let mut tried = (USUAL..USUAL + TRIES).map(bind_to);
    let first = tried.find_map(Result::ok);
    first.with_context(|| {
        format!(
            "no port from {USUAL} to {} is free; name one with --port",
            USUAL + TRIES - 1
        )
    })
}

fn bind_to(port: u16) -> io::Result<(TcpListener, u16)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let port = listener.local_addr()?.port();
    // A browser may take `localhost` for [::1], so nobody else may be there either.
    match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        _ => Ok((listener, port)),
    }
}

/// The server at work.
#[derive(Debug)]
pub(super) struct Host {
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
    jobs: JoinHandle<()>,
}

impl Host {
    /// Starts it.
    pub(super) fn start(listener: TcpListener, app: &App, config: Config) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let router = app.router();
        let server = tokio::spawn(async move {
            let stopped = async {
                // Its other end is dropped when it is time.
                let _ = stopped.await;
            };
            server::serve(listener, router, &config.server, stopped).await
        });
        Self {
            stop,
            server,
            jobs: tokio::spawn(jobs::run(app.provider.clone())),
        }
    }

    /// Lets requests under way finish, for a moment.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        self.jobs.abort();
        match tokio::time::timeout(PATIENCE, self.server).await {
            Ok(ended) => told(ended),
            Err(_) => Ok(()),
        }
    }
}

fn told(ended: Result<io::Result<()>, JoinError>) -> anyhow::Result<()> {
    ended.context("the server failed")?.context("the server failed")
}
