//! `postern dev seed`: a database full of plausible data.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use super::progress::{Bar, grouped};
use crate::{
    app::App,
    base::text::Email,
    cli::{place::Place, signals::Signals, words::took, world::World},
    config::Overrides,
    domain::password::Password,
    flows::seed::{self, MAX_USERS, Seeded, Wish},
    ports::disk,
    store::db::Location,
};

/// What a session needs on the disk with its part of everything else, and while the indexes are made (measured).
const BYTES_A_SESSION: u64 = 1100;
/// What a person needs.
const BYTES_A_USER: u64 = 1100;

/// Fill the database with people and sessions that nobody has, for benchmarks and for looking at lists. Run again, it
/// adds. The embedded database is filled without a server beside it.
#[derive(Debug, Args)]
pub(super) struct SeedCommand {
    /// How many people: user0000001@example.com and so on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_USERS))]
    users: u64,
    /// How many app sessions, with the browser sessions, consents and events that belong to them
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    sessions: u64,
    /// Read everybody's password from standard input; without it one is made and printed
    #[arg(long)]
    password_stdin: bool,
    /// Also fill a database that has other people than those
    #[arg(long)]
    force: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    seeded: &'a Seeded,
    /// Everybody's password, when it was made.
    password: Option<&'a str>,
    milliseconds: i64,
}

pub(super) async fn run(command: SeedCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let first: Email = seed::address(1).parse()?;
    let made = (!command.password_stdin).then(|| random_password(world));
    let password = match &made {
        Some(text) => Password::chosen(text.clone(), &first)?,
        None => world.input.new_password(true, &first)?,
    };
    let config = world.config(place, &Overrides::default())?;
    let location = &config.database.location;
    let need = command.users * BYTES_A_USER + command.sessions * BYTES_A_SESSION;
    let note = room(location, need)?;
    let app = App::open(&config, world.surroundings.clone()).await?;
    let stop = stop_at_a_signal()?;
    let (clock, began) = (app.provider.clock.clone(), app.provider.clock.now());
    let wish = Wish {
        users: command.users,
        sessions: command.sessions,
        password,
        among_others: command.force,
    };
    let mut bar = (!command.json).then(|| Bar::new(&mut world.output, clock.clone()));
    if let Some((bar, note)) = bar.as_mut().zip(note) {
        bar.note(&note)?;
    }
    let told = |progress| {
        // A terminal that is gone stops nothing.
        let _ = bar.as_mut().map(|bar| bar.show(progress));
        !stop.load(Ordering::Relaxed)
    };
    let seeded = seed::seed(&app.provider, location, wish, told).await?;
    if let Some(bar) = bar {
        bar.end()?;
    }
    let took_time = clock.now().since(began);
    let report = Report {
        seeded: &seeded,
        password: made.as_deref(),
        milliseconds: took_time.millis(),
    };
    let text = || told_in_words(&seeded, made.as_deref(), &took(took_time));
    world.output.result(command.json, &report, text)
}

/// Enough random letters that a development server on a network is not open to everybody.
fn random_password(world: &World) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes = world.surroundings.entropy.bytes::<16>();
    bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect()
}

/// Refuses what does not fit on the disk; says what cannot be seen.
fn room(location: &Location, need: u64) -> anyhow::Result<Option<String>> {
    let gigabytes = |bytes: u64| format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10);
    let Location::Sqlite(file) = location else {
        return Ok(Some(format!(
            "The disk of {location} is not seen from here; it needs about {} free.",
            gigabytes(need)
        )));
    };
    let folder = file
        .parent()
        .filter(|folder| *folder != Path::new(""))
        .unwrap_or(Path::new("."));
    match disk::free_bytes(folder) {
        Some(free) if free < need => bail!(
            "this needs about {} in {}, and {} are free; nothing was changed: free the rest, or ask for fewer sessions",
            gigabytes(need),
            folder.display(),
            gigabytes(free)
        ),
        _ => Ok(None),
    }
}

/// Becomes true when the process is asked to end. It ends when the indexes are made again.
fn stop_at_a_signal() -> anyhow::Result<Arc<AtomicBool>> {
    let mut signals = Signals::listen().context("Ctrl-C cannot be listened for")?;
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    tokio::spawn(async move {
        signals.next().await;
        told.store(true, Ordering::Relaxed);
    });
    Ok(stop)
}

fn told_in_words(seeded: &Seeded, password: Option<&str>, time: &str) -> String {
    let mut lines = vec![format!("Added in {time}:")];
    for (count, what) in [
        (seeded.users, "people"),
        (seeded.consents, "consents"),
        (seeded.browser_sessions, "browser sessions"),
        (seeded.sessions, "app sessions"),
        (seeded.events, "events"),
    ] {
        lines.push(format!("  {:>14}  {what}", grouped(count)));
    }
    if seeded.interrupted {
        lines.push(
            "It was interrupted: this is what is there, and can be used. Run again, it adds.".to_owned(),
        );
    }
    if let Some((first, last)) = seeded.first.as_ref().zip(seeded.last.as_ref()) {
        lines.push(format!("They sign in as {first} to {last},"));
        lines.push(match password {
            Some(password) => format!("all with the password {password}"),
            None => "all with the password that was given.".to_owned(),
        });
    }
    lines.join("\n")
}
