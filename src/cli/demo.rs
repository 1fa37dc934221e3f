//! `postern demo`: a server, a person, an app that signs in, an API that believes it. Everything real, in one process.

mod api;
mod app;
mod browser;
mod callback;
mod claims;
mod home;
mod http;
mod port;
mod provider;
mod screen;
mod story;

use std::{
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;

use self::screen::Screen;
use crate::{
    base::time::Lifetime,
    cli::{folder, host::Host, place::Place, signals::Signals, words::shell, world::World},
    config::{Config, Overrides, PrivateConfig},
    flows::admin::console::HOME,
    telemetry,
};

const DATA: &str = "Data folder of the demo, made where it is not there; the environment is not asked [default: ./postern-demo]";

/// See everything at work: a server, a person, an app that signs in
#[derive(Debug, Args)]
pub(super) struct DemoCommand {
    /// In the place of the one that all commands have: another folder is usual.
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, help = DATA, help_heading = "Where things are")]
    data: Option<PathBuf>,
    /// Print the link only; do not open the system browser
    #[arg(long)]
    no_browser: bool,
    #[arg(
        long,
        value_name = "N",
        help = "The port on localhost; 0 is any free one [default: 8080, or the next free one]"
    )]
    port: Option<u16>,
    /// What is logged: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "error")]
    log_level: String,
}

pub(super) async fn run(command: DemoCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let mut signals = Signals::listen().context("the signals that stop the demo cannot be listened to")?;
    // Not POSTERN_DATA: a demo has no business in the folder of a real server.
    let data = command.data.unwrap_or_else(|| PathBuf::from("./postern-demo"));
    let (listener, port) = port::bind(command.port)?;
    let flags = Overrides {
        public_url: Some(format!("http://localhost:{port}")),
        listen: Some(listener.local_addr()?.to_string()),
        log_level: Some(command.log_level),
    };
    // Nor the environment: it configures a real server, too.
    let mut config = Config::load(&data, place.config.as_deref(), [], &flags)?;
    telemetry::init(&config.log)?;
    folder::make(&data)?;
    let password = home::password(&data, &config, &world.surroundings.entropy)?;
    let (private_listener, private) = console()?;
    config.server.private = Some(private.clone());
    let app = home::furnish(&config, &world.surroundings, &password).await?;
    let api_secret = home::api_secret(&app.provider, &data).await?;
    let issuer = config.server.public_url.to_string();
    let console = format!("{}{HOME}", private.url);
    // A demo has no requests that are worth a long wait.
    config.server.shutdown_timeout = Lifetime::from_secs(2);
    let host = Host::start(listener, Some(private_listener), &app, &config.server);

    let opens_browser = !command.no_browser && browser::may_open(world);
    let mut screen = Screen::new(&mut world.output, app.provider.clock.clone());
    let folder = format!("{} (kept for next time)", shell(&data));
    let rows = [
        ("server", issuer.as_str()),
        ("console", &console),
        ("data", &folder),
        ("email", home::EMAIL),
        ("password", &password),
    ];
    screen.head("Postern: an app signs a person in, and stays signed in", &rows)?;
    let told = tokio::select! {
        told = story::tell(&issuer, api_secret, opens_browser, &mut screen) => told,
        () = signals.next() => screen.say("Stopped. The folder is kept: the next demo goes on with it.").map_err(Into::into),
    };
    tokio::select! {
        stopped = host.stop() => stopped?,
        () = signals.next() => {}
    }
    told
}

/// A place for the console on this machine.
fn console() -> anyhow::Result<(TcpListener, PrivateConfig)> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port for the console")?;
    let listen = listener.local_addr()?;
    let private = PrivateConfig {
        listen,
        url: format!("http://{listen}").parse()?,
        allow: "127.0.0.0/8".parse()?,
    };
    Ok((listener, private))
}
