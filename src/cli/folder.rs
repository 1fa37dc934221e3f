//! The data folder, which only its owner may look into.

use std::{
    fs::{self, DirBuilder},
    io::{self, Write},
    path::Path,
};

use anyhow::Context;

/// Makes the folder, and those above it, when it is missing.
pub(super) fn make(path: &Path) -> anyhow::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).with_context(|| {
        format!(
            "the folder {} cannot be made; choose another with --data",
            path.display()
        )
    })
}

/// Writes a file whole or not at all, and for its owner only.
pub(super) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let half = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || -> io::Result<()> {
        let mut file = options.open(&half)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&half, path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// Whether others on this machine may look into the folder.
pub(super) fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path).is_ok_and(|folder| folder.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        fs::metadata(path).is_err()
    }
}
