//! A small file system of a test's own, to be filled.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

/// Mounted somewhere; unmounted at the end.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// So many megabytes; nothing where only root may do that, which is said.
    pub(crate) fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(at)
            .output()
            .is_ok_and(|output| output.status.success());
        if mounted {
            return Some(Self(at.to_owned()));
        }
        #[expect(clippy::disallowed_methods, reason = "a test of CI may not be left out")]
        let required = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!required, "CI has to be able to mount a tmpfs");
        eprintln!("skipped: only root can mount a small file system");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file that leaves no space for anything else.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.0.join("ballast");
        let mut ballast = fs::File::create(&path).expect("a file");
        let full = loop {
            if let Err(error) = ballast.write_all(&[1; 4096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
