//! `postern verify-proxy`: checks access tokens for an API in any language, asked by the proxy before it. It has no
//! database and needs no data folder; `docs/verify/proxy.md` is its manual.

mod claims;
mod following;
mod original;
mod refusal;
mod routes;
mod verifier;

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
};

use anyhow::Context;
use clap::Args;
use tokio::sync::oneshot;

use self::{
    following::{FollowFlags, Following},
    original::Proxy,
    routes::Sidecar,
    verifier::Verifier,
};
use crate::{
    cli::{signals::Signals, world::World},
    config::{Config, LogFilter, LogFormat},
    domain::scope::ScopeSet,
    server, telemetry,
};

const PROXY: &str = "Which proxy asks: nginx, envoy or traefik. It says where the method and the path of the request are \
                     that is asked about; without it no token is accepted that is bound to a key [default: none]";

const PUBLIC_URL: &str = "The URL at which apps ask the API, which the proofs of tokens that are bound to a key name [default: \
                          scheme and host of the audience]";

/// Check access tokens for an API in any language, asked by nginx, Envoy or Traefik.
#[derive(Debug, Args)]
pub(super) struct VerifyProxyCommand {
    /// The authorization server whose tokens are accepted, as it names itself
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The API, as the tokens for it name it
    #[arg(long, value_name = "URI")]
    audience: String,
    /// IP address and port to be asked at
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9180")]
    listen: SocketAddr,
    /// What every token must allow; /verify?scope=... asks for more
    #[arg(long, value_name = "SCOPES", default_value = "")]
    scope: ScopeSet,
    #[arg(long, value_name = "NAME", help = PROXY)]
    proxy: Option<Proxy>,
    #[arg(long, value_name = "URL", help = PUBLIC_URL)]
    public_url: Option<String>,
    #[command(flatten)]
    follow: FollowFlags,
    /// What is logged: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: LogFilter,
    /// How a line of the log looks: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

pub(super) async fn run(command: VerifyProxyCommand, world: &mut World) -> anyhow::Result<()> {
    // The limits of the server's own listener; no file and no variable of a server counts here.
    let mut config = Config::defaults(Path::new(""))?;
    (config.log.level, config.log.format) = (command.log_level, command.log_format);
    telemetry::init(&config.log)?;
    let following = Following::read(command.follow, world)?;
    if following.is_none() {
        tracing::warn!(
            "without --client-id no revocations are followed: a token whose session has ended is accepted until it expires"
        );
    }
    let verifier = Verifier::new(command.issuer, command.audience, command.public_url, following);
    let mut signals = Signals::listen().context("the signals that stop it cannot be listened to")?;
    let (listener, address) = bind(command.listen)?;

    let sidecar = Arc::new(Sidecar {
        verifier,
        needed: command.scope,
        proxy: command.proxy,
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = {
        let (router, limits) = (routes::router(Arc::clone(&sidecar)), config.server.clone());
        let stopped = async {
            // Its other end is dropped when it is time.
            let _ = stopped.await;
        };
        tokio::spawn(async move { server::serve(listener, router, &limits, stopped).await })
    };
    tracing::info!(%address, "listening");
    tokio::select! {
        refused = sidecar.verifier.start() => refused?,
        () = signals.next() => {}
    }
    drop(stop);
    tokio::select! {
        served = serving => served?.context("no connections can be accepted any more")?,
        () = signals.next() => tracing::warn!("told twice: stopped at once, without waiting for requests under way"),
    }
    sidecar.verifier.stop().await;
    tracing::info!("stopped");
    Ok(())
}

fn bind(listen: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let bound = TcpListener::bind(listen).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.with_context(|| {
        format!(
            "{listen} cannot be listened on; stop the program that has it, or choose another with --listen"
        )
    })
}
