//! The command line: parse, open what the command needs, run one verb, print. One file for each command.
//!
//! Exit codes, beside a server and from far: 0 done, 1 refused or failed (standard error says why and what to do), 2 wrong
//! usage, 3 done but not confirmed by everybody, or with something to look at.

mod admin;
mod audit;
mod backup;
mod client;
mod client_secret;
mod config;
mod demo;
mod dev;
mod events;
mod failure;
mod folder;
mod host;
mod init;
mod input;
mod keys;
mod migrate;
mod moment;
mod output;
mod place;
mod registration;
mod remote;
mod restore;
mod serve;
mod session;
mod signals;
mod table;
mod user;
mod verify_proxy;
mod words;
mod world;

use std::{ffi::OsString, io::Write};

use clap::{Parser, Subcommand};

use self::{
    audit::AuditCommand, backup::BackupCommand, client::ClientCommand, config::ConfigCommand,
    demo::DemoCommand, dev::DevCommand, events::EventsCommand, init::InitCommand, keys::KeysCommand,
    migrate::MigrateCommand, place::Place, registration::RegistrationCommand, restore::RestoreCommand,
    serve::ServeCommand, session::SessionCommand, user::UserCommand, verify_proxy::VerifyProxyCommand,
};
pub use self::{input::Input, output::Output, world::World};

/// Postern: an OAuth 2.1 and OpenID Connect authorization server, built for mobile apps first.
#[derive(Debug, Parser)]
#[command(
    name = "postern",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
struct CommandLine {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See everything at work: a server, a person, an app that signs in
    Demo(DemoCommand),

    /// Make a data folder: configuration file, root secret, empty database
    Init(InitCommand),
    /// Run the server
    Serve(ServeCommand),
    /// Bring the tables of the database up to date
    Migrate(MigrateCommand),
    /// Check and show the configuration
    Config(ConfigCommand),
    /// Add, list, disable and enable people, set their passwords and roles, end their sessions
    User(UserCommand),
    /// Add, list, show and remove the apps that may ask people to sign in
    Client(ClientCommand),
    /// Give out, list and remove the tokens with which clients register themselves
    Registration(RegistrationCommand),
    /// List and end the sessions of apps and browsers
    Session(SessionCommand),
    /// List and rotate the keys of the server
    Keys(KeysCommand),
    /// Export what happened
    Events(EventsCommand),
    /// Verify that what happened was not changed since
    Audit(AuditCommand),
    /// Copy the database, beside the running server
    Backup(BackupCommand),
    /// Put a copy of the database in its place, and do again what ended since
    Restore(RestoreCommand),
    /// Check access tokens for an API in any language, asked by nginx, Envoy or Traefik
    VerifyProxy(VerifyProxyCommand),
    /// Tools for development
    Dev(DevCommand),
}

impl Command {
    /// Whether a running server can do it, or some of it.
    fn asks_servers(&self) -> bool {
        matches!(
            self,
            Self::User(_) | Self::Client(_) | Self::Session(_) | Self::Keys(_) | Self::Events(_)
        )
    }
}

/// Runs the command line `args` (the first is the program's name) and gives the exit code. Results go to the world's
/// output, everything else to `errors`.
pub async fn run(
    args: impl IntoIterator<Item = OsString>,
    mut world: World,
    errors: &mut (dyn Write + Send),
) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let words = args
        .iter()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned());
    let words = words.collect();
    let mut line = match CommandLine::try_parse_from(args) {
        Ok(line) => line,
        Err(error) => return failure::of_usage(&error, &mut world.output, errors),
    };
    line.place.words = words;
    let place = &line.place;
    if place.server.is_some() && !line.command.asks_servers() {
        return failure::report(&place::OnlyHere.into(), "", errors);
    }
    let flags = place.flags();
    world.output.carries(flags.clone());
    let done = match line.command {
        Command::Demo(command) => demo::run(command, place, &mut world).await,
        Command::Init(command) => init::run(command, place, &mut world).await,
        Command::Serve(command) => serve::run(command, place, &mut world).await,
        Command::Migrate(command) => migrate::run(&command, place, &mut world).await,
        Command::Config(command) => config::run(&command, place, &mut world),
        Command::User(command) => user::run(command, place, &mut world).await,
        Command::Client(command) => client::run(command, place, &mut world).await,
        Command::Registration(command) => registration::run(command, place, &mut world).await,
        Command::Session(command) => session::run(command, place, &mut world).await,
        Command::Keys(command) => keys::run(&command, place, &mut world).await,
        Command::Audit(command) => audit::run(command, place, &mut world).await,
        Command::Events(command) => events::run(command, place, &mut world).await,
        Command::Backup(command) => backup::run(command, place, &mut world).await,
        Command::Restore(command) => restore::run(command, place, &mut world).await,
        Command::VerifyProxy(command) => verify_proxy::run(command, &mut world).await,
        Command::Dev(command) => dev::run(command, place, &mut world).await,
    };
    // Nobody is told that the database is free before its files are closed.
    if let Some(app) = world.opened.take() {
        app.close().await;
    }
    done.map_or_else(|error| failure::report(&error, &flags, errors), |()| 0)
}

/// Reports that not even the runtime started, and gives the exit code.
pub fn failed_to_start(error: &std::io::Error, errors: &mut dyn Write) -> u8 {
    // There is nobody left to tell if this does not work either.
    let _ = writeln!(
        errors,
        "error: the program cannot start its threads ({error})\n  check the limits of this account: ulimit -u"
    );
    1
}
