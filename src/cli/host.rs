//! A server at work with its jobs, until it is told to stop.

use std::{io, net::TcpListener, sync::Arc};

use anyhow::Context;
use axum::Router;
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
    private: Option<(oneshot::Sender<()>, JoinHandle<io::Result<()>>)>,
    jobs: JoinHandle<()>,
    provider: Arc<Provider>,
}

impl Host {
    /// Starts it, with a private listener where there is one.
    pub(super) fn start(
        listener: TcpListener,
        private: Option<TcpListener>,
        app: &App,
        config: &ServerConfig,
    ) -> Self {
        let (stop, server) = listen(listener, app.router(), config.clone());
        let private = private.zip(app.private_router());
        let private = private.map(|(listener, router)| listen(listener, router, config.clone()));
        Self {
            private,
            stop,
            server,
            jobs: tokio::spawn(jobs::run(app.provider.clone())),
            provider: app.provider.clone(),
        }
    }

    /// Waits for an end that nobody asked for.
    pub(super) async fn failed(&mut self) -> anyhow::Result<()> {
        match &mut self.private {
            Some((_, private)) => tokio::select! {
                ended = &mut self.server => told(ended),
                ended = private => told(ended),
            },
            None => told((&mut self.server).await),
        }
    }

    /// Lets requests under way finish.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.provider.readiness.stop();
        self.provider.ends.announcements.stop();
        drop(self.stop);
        let private = self.private.map(|(stop, server)| {
            drop(stop);
            server
        });
        let mut ended = told(self.server.await);
        if let Some(private) = private {
            ended = ended.and(told(private.await));
        }
        self.jobs.abort();
        ended
    }
}

/// A listener at work, until the other end is dropped.
fn listen(
    listener: TcpListener,
    router: Router,
    config: ServerConfig,
) -> (oneshot::Sender<()>, JoinHandle<io::Result<()>>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let stopped = async {
            // Its other end is dropped when it is time.
            let _ = stopped.await;
        };
        server::serve(listener, router, &config, stopped).await
    });
    (stop, server)
}

fn told(ended: Result<io::Result<()>, JoinError>) -> anyhow::Result<()> {
    ended?.context("the server cannot accept connections any more")
}
