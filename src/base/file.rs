//! Files that only their owner reads, and names that a crash does not take back.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// How a file is opened that only its owner may read, from the moment that it is made.
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The file beside `path` whose name has this end more.
pub fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Makes a private file, whole or not at all: a crash leaves no half secret behind. A file that is there is an error of
/// the kind [`io::ErrorKind::AlreadyExists`] and is not touched.
pub fn write_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = beside(path, ".draft");
    // What an interrupted one left.
    if draft.exists() {
        fs::remove_file(&draft)?;
    }
    let mut file = private().write(true).create_new(true).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // A link, unlike a rename, never takes the place of a file that is there.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked?;
    sync_folder_of(path)
}

/// Gives a file the name `to` on the same disk, in place of what had it; after a crash it is the one or the other.
pub fn put_in_place(file: &Path, to: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(file)?.sync_all()?;
    fs::rename(file, to)?;
    sync_folder_of(to)
}

/// Makes names in the folder of a file durable.
fn sync_folder_of(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if cfg!(unix) {
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
