//! From what went wrong to a message that says what to do, and an exit code.

use std::{error::Error, io::Write};

use crate::{
    app::AppError,
    cli::{
        output::{Output, Unwritable},
        place::OnlyHere,
        words::with_place,
    },
    flows::{
        account::AccountError,
        clients::{ClientError, secrets::SecretError},
        keys::{KeysError, rotate::RotateError},
    },
    ports::hasher::HasherError,
    store::{error::StoreError, migrate::MigrateError},
};

/// The command was used in a way that makes no sense, in a way that clap cannot see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// What was asked for is done, but not everybody has confirmed it.
#[derive(Debug, thiserror::Error)]
#[error("{0} have not confirmed it in time")]
pub(super) struct Unconfirmed(pub(super) usize);

/// Nothing is wrong for certain, but somebody has to look at it.
#[derive(Debug, thiserror::Error)]
#[error(
    "nothing is proven to be wrong with the audit trail, but look at what is said above; docs/audit.md says how"
)]
pub(super) struct Suspicious;

const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;
/// Done, and not as it should be.
const ODD: u8 = 3;
const LATER: &str = "run the command again in a moment";

/// Tells what is wrong with a command line, or shows the help that was asked for.
pub(super) fn of_usage(error: &clap::Error, output: &mut Output, errors: &mut dyn Write) -> u8 {
    let text = error.render();
    if error.use_stderr() {
        // There is nobody left to tell if this does not work.
        let _ = write!(errors, "{text}");
        return WRONG_USAGE;
    }
    match output.text(text) {
        Ok(()) => 0,
        Err(unwritable) => report(&unwritable.into(), "", errors),
    }
}

/// Tells what went wrong. The commands that it names have these flags.
pub(super) fn report(error: &anyhow::Error, flags: &str, errors: &mut dyn Write) -> u8 {
    if error
        .downcast_ref::<Unwritable>()
        .is_some_and(Unwritable::is_gone)
    {
        return 0;
    }
    let advice = error
        .chain()
        .find_map(advice)
        .map(|advice| format!("\n  {advice}"));
    // As above.
    let text = format!("{error:#}{}", advice.unwrap_or_default());
    let _ = writeln!(errors, "error: {}", with_place(&text, flags));
    if error.is::<Usage>() || error.is::<OnlyHere>() {
        WRONG_USAGE
    } else if error.is::<Unconfirmed>() || error.is::<Suspicious>() {
        ODD
    } else {
        FAILED
    }
}

/// What to do about errors whose own text does not say it, since their first reader is another part of the program.
fn advice(cause: &(dyn Error + 'static)) -> Option<&'static str> {
    // Transparent errors hide the one that they stand for from the chain.
    match cause.downcast_ref() {
        Some(
            AppError::Store(error)
            | AppError::Keys(KeysError::Store(error))
            | AppError::Migrate(MigrateError::Store(error)),
        ) => {
            return Some(of_store(error));
        }
        Some(AppError::Hasher(error)) => return Some(of_hasher(*error)),
        _ => {}
    }
    if let Some(MigrateError::Store(error)) = cause.downcast_ref() {
        return Some(of_store(error));
    }
    match cause.downcast_ref() {
        Some(SecretError::NoSecrets(_)) => return Some("nothing was changed; see `postern client show`"),
        Some(SecretError::Lost) => return Some("nothing was changed; see `postern client secret list`"),
        Some(SecretError::Store(error)) => return Some(of_store(error)),
        _ => {}
    }
    match cause.downcast_ref() {
        Some(RotateError::TooEarly(..)) => return Some("nothing was changed; run the command again then"),
        Some(RotateError::Lost(_)) => return Some("see `postern keys list`"),
        Some(RotateError::Keys(KeysError::Store(error))) => return Some(of_store(error)),
        _ => {}
    }
    match (cause.downcast_ref(), cause.downcast_ref()) {
        (Some(AccountError::Store(error)), _) | (_, Some(ClientError::Store(error))) => Some(of_store(error)),
        (Some(AccountError::Hasher(error)), _) => Some(of_hasher(*error)),
        _ => cause.downcast_ref().map(of_store),
    }
}

fn of_store(error: &StoreError) -> &'static str {
    match error {
        StoreError::Busy => LATER,
        StoreError::Unavailable(_) => {
            "see database.url: a file must be yours, on a disk that is not full; a PostgreSQL server must run, be \
             reachable and let this user in; then run the command again"
        }
        StoreError::Conflict(_) => "nothing was changed; look at what is there and try again",
        StoreError::Nested | StoreError::Stopped(_) | StoreError::Corrupt(_) => {
            "this is a fault of Postern, or somebody else wrote into its database: please report it"
        }
    }
}

fn of_hasher(error: HasherError) -> &'static str {
    match error {
        HasherError::Busy => LATER,
        HasherError::Broken => "see `postern config check --show`, section [passwords]",
    }
}
