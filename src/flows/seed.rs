//! A database full of plausible data, for development and benchmarks.
//!
//! Nobody holds a token of these sessions: what they would be compared with is random. The people can sign in.

mod plausible;

use std::ops::Range;

use serde::Serialize;

use self::plausible::Plausible;
use crate::{
    base::id::ClientId,
    domain::password::Password,
    flows::{
        Provider,
        clients::{self, ClientError},
    },
    ports::hasher::HasherError,
    store::{
        db::Location,
        error::StoreError,
        seed::{self, DIGITS, DOMAIN, LOCAL_PART, Loader, PasswordRow, People, UserRow},
    },
};

/// How many rows are made at once: memory stays small, and an interruption is soon heard.
const CHUNK: u64 = 20_000;
/// More events are not made; the newest are.
const MAX_EVENTS: u64 = 1_000_000;
/// So many people can have an address: all that the digits give.
pub const MAX_USERS: u64 = 9_999_999;

/// The apps that people use.
const APPS: [(&str, &str); 5] = [
    ("dev-notes", "Notes"),
    ("dev-photos", "Photos"),
    ("dev-calendar", "Calendar"),
    ("dev-wallet", "Wallet"),
    ("dev-fitness", "Fitness"),
];

/// Why a database was not filled.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Somebody works with it.
    #[error(
        "somebody else works with this database: stop `postern serve` and every other command, then run this again"
    )]
    InUse,
    /// It may be a real one.
    #[error(
        "this database has people whom `postern dev seed` did not make; it fills databases of development only, with \
         people who all have the same password. To do it all the same, add --force"
    )]
    NotForDevelopment,
    /// Their addresses have so many digits.
    #[error("at most {MAX_USERS} people can be made, and {0} are there already; ask for fewer")]
    TooMany(u64),
    /// The clients'.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The password pool's.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// How many people.
    pub users: u64,
    /// How many device sessions.
    pub sessions: u64,
    /// Everybody's password.
    pub password: Password,
    /// Whether other people may be there.
    pub among_others: bool,
}

/// What was added.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Seeded {
    /// The first person's address; nobody's when nobody was made.
    pub first: Option<String>,
    /// The last person's.
    pub last: Option<String>,
    /// People, with their passwords.
    pub users: u64,
    /// What they allowed.
    pub consents: u64,
    /// Browser sessions.
    pub browser_sessions: u64,
    /// Device sessions.
    pub sessions: u64,
    /// Events.
    pub events: u64,
    /// Whether it was told to stop before the end.
    pub interrupted: bool,
}

/// What is done at the moment, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What.
    pub stage: Stage,
    /// How much of it is done.
    pub done: u64,
    /// How much there is.
    pub of: u64,
}

/// One after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// People are added.
    Users,
    /// Browser sessions are added.
    BrowserSessions,
    /// Device sessions are added.
    Sessions,
    /// Indexes are made again.
    Indexes,
    /// The database counts what it has.
    Statistics,
}

/// The address of the person with a number.
pub fn address(number: u64) -> String {
    format!("{LOCAL_PART}{number:0DIGITS$}@{DOMAIN}")
}

/// Adds people and sessions. `go_on` is told of every step; when it says no, what is there stays, is made usable and
/// told. The provider's own database is closed by this.
pub async fn seed(
    provider: &Provider,
    location: &Location,
    wish: Wish,
    mut go_on: impl FnMut(Progress) -> bool,
) -> Result<Seeded, SeedError> {
    let Wish {
        users,
        sessions,
        password,
        among_others,
    } = wish;
    let People { made, others } = seed::people(&provider.db).await?;
    if others && !among_others {
        return Err(SeedError::NotForDevelopment);
    }
    if made + users > MAX_USERS {
        return Err(SeedError::TooMany(made));
    }
    let hash = provider.hasher.hash(password).await?;
    let mut plausible = Plausible::new(provider, apps(provider).await?, users, sessions);
    provider.db.clone().close().await;
    let mut loader = Loader::open(location).await?.ok_or(SeedError::InUse)?;
    loader.put_aside().await?;
    let mut seeded = Seeded::default();
    let filling = fill(
        &mut loader,
        &mut plausible,
        (made, &hash),
        &mut seeded,
        &mut go_on,
    );
    seeded.interrupted = !filling.await?;
    if seeded.users > 0 {
        seeded.first = Some(address(made + 1));
        seeded.last = Some(address(made + seeded.users));
    }
    let (mut done, of) = (0, u64::try_from(loader.aside().await?).unwrap_or(0));
    let stage = Stage::Indexes;
    go_on(Progress { stage, done, of });
    let made_one = || {
        done += 1;
        go_on(Progress { stage, done, of });
    };
    loader.make_again(made_one).await?;
    let stage = Stage::Statistics;
    go_on(Progress {
        stage,
        done: 0,
        of: 1,
    });
    loader.finish().await?;
    go_on(Progress {
        stage,
        done: 1,
        of: 1,
    });
    Ok(seeded)
}

/// The apps that people use: those of this name that are there, and new ones.
async fn apps(provider: &Provider) -> Result<Vec<ClientId>, SeedError> {
    let mut apps = Vec::new();
    for (id, name) in APPS {
        let (Ok(id), Ok(name)) = (id.parse::<ClientId>(), name.parse()) else {
            continue;
        };
        match clients::add(provider, id.clone(), name, plausible::settings()).await {
            Ok(_) | Err(ClientError::Taken) => apps.push(id),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(apps)
}

/// Adds everything, chunk by chunk; whether it came to the end.
async fn fill(
    loader: &mut Loader,
    plausible: &mut Plausible<'_>,
    (made, hash): (u64, &str),
    seeded: &mut Seeded,
    go_on: &mut impl FnMut(Progress) -> bool,
) -> Result<bool, SeedError> {
    let (users, browsers, sessions) = (plausible.users, plausible.browsers, plausible.sessions);
    for chunk in chunks(users) {
        let rows: Vec<_> = chunk
            .clone()
            .map(|n| plausible.user(n, address(made + 1 + n)))
            .collect();
        let password = |row: &UserRow| PasswordRow {
            user_id: row.id,
            hash: hash.to_owned(),
            version: 1,
            changed_at: row.created_at,
        };
        let passwords = rows.iter().map(password).collect();
        let consents: Vec<_> = rows
            .iter()
            .zip(chunk.clone())
            .flat_map(|(row, n)| plausible.consents(row, n))
            .collect();
        let count = consents.len() as u64;
        loader.add(rows).await?;
        loader.add(passwords).await?;
        loader.add(consents).await?;
        seeded.users = chunk.end;
        seeded.consents += count;
        if !go_on(Progress {
            stage: Stage::Users,
            done: chunk.end,
            of: users,
        }) {
            return Ok(false);
        }
    }
    for chunk in chunks(browsers) {
        loader
            .add(chunk.clone().map(|n| plausible.browser_session(n)).collect())
            .await?;
        seeded.browser_sessions = chunk.end;
        if !go_on(Progress {
            stage: Stage::BrowserSessions,
            done: chunk.end,
            of: browsers,
        }) {
            return Ok(false);
        }
    }
    for chunk in chunks(sessions) {
        let rows: Vec<_> = chunk.clone().map(|n| plausible.session(n)).collect();
        let told = rows
            .iter()
            .zip(chunk.clone())
            .filter(|(_, n)| n + MAX_EVENTS >= sessions);
        let events: Vec<_> = told.filter_map(|(row, _)| plausible.opened(row)).collect();
        seeded.events += events.len() as u64;
        loader.add(rows).await?;
        loader.add(events).await?;
        seeded.sessions = chunk.end;
        if !go_on(Progress {
            stage: Stage::Sessions,
            done: chunk.end,
            of: sessions,
        }) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn chunks(of: u64) -> impl Iterator<Item = Range<u64>> {
    (0..of.div_ceil(CHUNK)).map(move |n| n * CHUNK..of.min((n + 1) * CHUNK))
}
