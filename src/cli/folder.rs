//! The data folder, which only its owner may look into.

use std::{
    fs::{self, DirBuilder},
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
