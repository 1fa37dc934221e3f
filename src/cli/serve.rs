//! `postern serve`: the server, until it is told to stop.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context;
use clap::Args;

use crate::{
    app::App,
    cli::{host::Host, place::Place, signals::Signals, world::World},
    config::{Config, Overrides},
    flows::settings,
    telemetry,
};

/// Run the server.
#[derive(Debug, Args)]
pub(super) struct ServeCommand {
    /// IP address and port to accept connections on (`server.listen`)
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The URL under which browsers and apps reach this server (`server.public_url`)
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// What is logged: off, error, warn, info, debug or trace (`log.level`)
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

pub(super) async fn run(command: ServeCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let ServeCommand {
        listen,
        public_url,
        log_level,
    } = command;
    let config = world.config(
        place,
        &Overrides {
            listen,
            public_url,
            log_level,
        },
    )?;
    telemetry::init(&config.log)?;
    // From the first moment: who sees the port open may already ask for an end in order.
    let mut signals = Signals::listen().context("the signals that stop the server cannot be listened to")?;
    // Before the database is opened: a second server on the same address touches nothing.
    let listen = config.server.listen;
    let (listener, address) = bind("server.listen", listen)?;
    let private = config.server.private.as_ref();
    let private = private.map(|private| bind("server.private_listen", private.listen));
    let (private, private_address) = private.transpose()?.unzip();
    let app = App::open(&config, world.surroundings.clone()).await?;
    // Not served by settings that nobody could ever know of.
    settings::note(
        &app.provider,
        &config.shown(),
        &Config::defaults(&world.data(place))?.shown(),
    )
    .await?;
    let mut host = Host::start(listener, private, &app, &config.server);
    tracing::info!(%address, issuer = %config.server.public_url, "ready");
    if let Some(address) = private_address {
        tracing::info!(%address, "the private listener is ready");
    }
    tokio::select! {
        failed = host.failed() => return failed,
        () = signals.next() => {}
    }
    tokio::select! {
        stopped = host.stop() => {
            stopped?;
            app.close().await;
        }
        () = signals.next() => tracing::warn!("told twice: stopped at once, without waiting for requests under way"),
    }
    tracing::info!("stopped");
    Ok(())
}

fn bind(setting: &str, listen: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let bound = TcpListener::bind(listen).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.with_context(|| {
        format!(
            "{setting} = {listen} cannot be used; stop the program that has it, or choose another{} in postern.toml or \
             by POSTERN__{}",
            if setting == "server.listen" { " with --listen," } else { "" },
            setting.to_uppercase().replace('.', "__"),
        )
    })
}
