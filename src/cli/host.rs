//! A server at work with its jobs, until it is told to stop.

use std::{io, net::TcpListener, sync::Arc};

use anyhow::Context;
use tokio::{
    sync::oneshot,
    task::{JoinError, JoinHandle},
};

use crate::{app::App, config::ServerConfig, flows::Provider, jobs, server};

/// The server at work.
#[derive(Debug)]
pub(super) struct Host {
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
    jobs: JoinHandle<()>,
    provider: Arc<Provider>,
}

impl Host {
    /// Starts it.
    pub(super) fn start(listener: TcpListener, app: &App, config: ServerConfig) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let router = app.router();
        let server = tokio::spawn(async move {
            let stopped = async {
                // Its other end is dropped when it is time.
                let _ = stopped.await;
            };
            server::serve(listener, router, &config, stopped).await
        });
        Self {
            stop,
            server,
            jobs: tokio::spawn(jobs::run(app.provider.clone())),
            provider: app.provider.clone(),
        }
    }

    /// Waits for an end that nobody asked for.
    pub(super) async fn failed(&mut self) -> anyhow::Result<()> {
        told((&mut self.server).await)
    }

    /// Lets requests under way finish.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.provider.readiness.stop();
        self.provider.ends.announcements.stop();
        drop(self.stop);
        let told = told(self.server.await);
        self.jobs.abort();
        told
    }
}

fn told(ended: Result<io::Result<()>, JoinError>) -> anyhow::Result<()> {
    ended?.context("the server cannot accept connections any more")
}
