//! `[database]`: where the data is.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use super::{
    reader::Reader,
    setting::{Printed, Raw, Setting, parse_text},
};

/// The database.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// The SQLite file.
    pub path: PathBuf,
}

impl DatabaseConfig {
    pub(super) fn read(reader: &mut Reader, data: &Path) -> Option<Self> {
        let SqliteUrl(file) = reader.get("database.url")?;
        Some(Self {
            path: data.join(file),
        })
    }
}

/// `sqlite:` and a path.
struct SqliteUrl(PathBuf);

impl FromStr for SqliteUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.trim().split_once(':').ok_or(HINT)?;
        match (scheme, rest.strip_prefix("//").unwrap_or(rest)) {
            ("postgres" | "postgresql", _) => Err(NO_POSTGRES),
            ("sqlite", ":memory:") => {
                Err("write sqlite: and the path of a file: in memory nothing outlives the program")
            }
            // What follows a ? would be options for the driver, and Postern sets those itself.
            ("sqlite", path) if !path.is_empty() && !path.contains('?') => Ok(Self(PathBuf::from(path))),
            _ => Err(HINT),
        }
    }
}

const HINT: &str = "write sqlite: and the path of a file, such as sqlite:postern.db";
const NO_POSTGRES: &str = "this version serves SQLite only, not PostgreSQL: write sqlite: and the path of a file, such as sqlite:postern.db";

impl Setting for SqliteUrl {
    // A database URL often has a password in it.
    const PRINTED: Printed = Printed::WhenRight;

    fn parse(raw: Raw<'_>) -> Result<Self, String> {
        parse_text(raw, str::parse)
    }
}
