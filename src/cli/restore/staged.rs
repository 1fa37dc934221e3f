//! A copy of the database beside it, until it takes its place.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::{
    base::{
        file::{beside, private, put_in_place},
        time::Instant,
    },
    cli::folder,
    store::db::{Db, Location},
};

/// The copy while it is being brought up, in a folder of its own beside the database.
pub(super) struct Staged {
    folder: PathBuf,
    pub(super) database: PathBuf,
}

impl Staged {
    pub(super) fn copy(file: &Path, database: &Path) -> anyhow::Result<Self> {
        let log = beside(file, "-wal");
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            bail!(
                "{} is a database in use, not a backup: what {} holds would be lost; make a backup with \
                 `postern backup`",
                file.display(),
                log.display()
            );
        }
        let place = beside(database, ".restoring");
        let staged = Self {
            database: place.join("copy.db"),
            folder: place,
        };
        // What an interrupted restore left.
        if staged.folder.exists() {
            fs::remove_dir_all(&staged.folder)
                .with_context(|| format!("{} cannot be deleted", staged.folder.display()))?;
        }
        folder::make(&staged.folder)?;
        let copy = || -> io::Result<()> {
            let mut to = private().write(true).create_new(true).open(&staged.database)?;
            io::copy(&mut File::open(file)?, &mut to)?;
            Ok(())
        };
        copy().with_context(|| format!("{} cannot be copied; nothing was changed", file.display()))?;
        Ok(staged)
    }

    /// Puts the copy in the place of the database, which gets another name: where it is then.
    pub(super) async fn put_in_place(self, database: &Path, now: Instant) -> anyhow::Result<Option<PathBuf>> {
        let log = beside(&self.database, "-wal");
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            bail!(
                "what was written again is not all in the copy yet: is the disk full? Nothing was changed; run it again"
            );
        }
        // A disk that does not take it says so before anything is changed.
        File::open(&self.database)?.sync_all()?;
        let replaced = keep(database, now).await?;
        put_in_place(&self.database, database)
            .with_context(|| format!("{} cannot be replaced", database.display()))?;
        Ok(replaced)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // The next restore deletes it, if this does not work.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Gives the database that is there a second name. The first one stays until the copy takes it: there is always a
/// database. A log beside it goes, too, also where the database itself is gone: it would be taken for the copy's own.
async fn keep(database: &Path, now: Instant) -> anyhow::Result<Option<PathBuf>> {
    // To be closed in order: then everything is in the one file. A database that is broken is kept as it is.
    if let Ok(db) = Db::open(&Location::Sqlite(database.to_owned())).await {
        db.close().await;
    }
    let mut names = (0..).map(|n| beside(database, &format!(".replaced-{}", now.millis() + n)));
    let is_free = |name: &PathBuf| !name.exists() && !beside(name, "-wal").exists();
    let kept = names.find(is_free).unwrap_or_default();
    let is_there = database.exists();
    let keep = || -> io::Result<()> {
        if is_there {
            fs::hard_link(database, &kept)?;
        }
        for end in ["-wal", "-shm"] {
            let log = beside(database, end);
            if log.exists() {
                fs::rename(&log, beside(&kept, end))?;
            }
        }
        Ok(())
    };
    keep().with_context(|| format!("{} cannot be kept as {}", database.display(), kept.display()))?;
    Ok(is_there.then_some(kept))
}
