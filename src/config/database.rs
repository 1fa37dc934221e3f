//! `[database]`: where the data is.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use super::{
    reader::Reader,
    setting::{Printed, Raw, Setting, parse_text},
};
use crate::{
    base::time::Lifetime,
    store::db::{Location, PostgresOptions, PostgresUrl},
};

/// The database.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Where it is.
    pub location: Location,
}

impl DatabaseConfig {
    pub(super) fn read(reader: &mut Reader, data: &Path) -> Option<Self> {
        let url = reader.get("database.url");
        let direct_url = reader.get("database.direct_url");
        let max_connections = reader.within("database.max_connections", 2..=1000);
        let statement_timeout = Lifetime::from_millis(100)..=Lifetime::from_secs(60);
        let statement_timeout = reader.within("database.statement_timeout", statement_timeout);
        let location = match (url?, direct_url?) {
            (DatabaseUrl::Sqlite(file), DirectUrl(None)) => Location::Sqlite(data.join(file)),
            (DatabaseUrl::Sqlite(_), DirectUrl(Some(_))) => {
                let hint = "leave it out: only a PostgreSQL database has one".into();
                reader.refuse("database.direct_url", "it does not fit to database.url", hint);
                return None;
            }
            (DatabaseUrl::Postgres(url), DirectUrl(direct_url)) => Location::Postgres(PostgresOptions {
                url,
                direct_url,
                max_connections: max_connections?,
                statement_timeout: statement_timeout?,
            }),
        };
        Some(Self { location })
    }

    /// The file of an embedded database.
    pub fn file(&self) -> Option<&Path> {
        match &self.location {
            Location::Sqlite(path) => Some(path),
            Location::Postgres(_) => None,
        }
    }
}

/// `sqlite:` and a path, or the URL of a PostgreSQL database.
enum DatabaseUrl {
    Sqlite(PathBuf),
    Postgres(PostgresUrl),
}

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(':').ok_or(HINT)?;
        match (scheme, rest.strip_prefix("//").unwrap_or(rest)) {
            ("postgres" | "postgresql", _) => text.parse().map(Self::Postgres),
            ("sqlite", ":memory:") => {
                Err("write sqlite: and the path of a file: in memory nothing outlives the program")
            }
            // What follows a ? would be options for the driver, and Postern sets those itself.
            ("sqlite", path) if !path.is_empty() && !path.contains('?') => {
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            _ => Err(HINT),
        }
    }
}

const HINT: &str = "write sqlite: and the path of a file, such as sqlite:postern.db, or the URL of a PostgreSQL \
                    database, such as postgres://user:password@host:5432/postern";

impl Setting for DatabaseUrl {
    // With its password blacked out.
    const PRINTED: Printed = Printed::WhenRight;

    fn parse(raw: Raw<'_>) -> Result<Self, String> {
        parse_text(raw, str::parse)
    }
}

/// The URL of a PostgreSQL database, or "" for none.
struct DirectUrl(Option<PostgresUrl>);

impl Setting for DirectUrl {
    const PRINTED: Printed = Printed::WhenRight;

    fn parse(raw: Raw<'_>) -> Result<Self, String> {
        parse_text(raw, |text| match text.trim() {
            "" => Ok(Self(None)),
            url => url.parse().map(|url| Self(Some(url))),
        })
    }
}
