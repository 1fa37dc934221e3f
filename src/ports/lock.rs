//! Who uses an embedded database: any number of processes that work with it, or one that puts another in its place.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::base::file::{beside, private};

/// Held as long as the database is used. The system takes it back from a process that ends, however it ends.
#[derive(Debug)]
pub struct DatabaseLock {
    _file: File,
}

/// Why the database cannot be used now. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody replaces it.
    #[error("{} is being replaced by `postern restore`; run this again when that is done", .0.display())]
    Replaced(PathBuf),
    /// Somebody uses it.
    #[error("{} is in use: stop the server, and wait for other commands to end, before you put another in its place", .0.display())]
    InUse(PathBuf),
    /// The lock cannot be taken at all.
    #[error("the lock {path} cannot be taken ({error}); the folder has to be this account's, on a local disk", path = .0.display(), error = .1)]
    Unusable(PathBuf, io::Error),
}

impl DatabaseLock {
    /// For working with the database at `path`, beside others.
    pub fn shared(path: &Path) -> Result<Self, LockError> {
        Self::take(path, File::try_lock_shared, LockError::Replaced)
    }

    /// For replacing the database at `path`; nobody else uses it.
    pub fn exclusive(path: &Path) -> Result<Self, LockError> {
        Self::take(path, File::try_lock, LockError::InUse)
    }

    fn take(
        path: &Path,
        lock: impl Fn(&File) -> Result<(), TryLockError>,
        taken: impl Fn(PathBuf) -> LockError,
    ) -> Result<Self, LockError> {
        let name = beside(path, ".lock");
        let file = private()
            .create(true)
            .append(true)
            .open(&name)
            .map_err(|error| LockError::Unusable(name.clone(), error))?;
        match lock(&file) {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(taken(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(LockError::Unusable(name, error)),
        }
    }
}
