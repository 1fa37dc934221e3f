//! `[log]`: what is logged, and how.

use std::{fmt, str::FromStr};

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::{
    reader::Reader,
    setting::{Raw, Setting, parse_text},
};

/// The log on standard error.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// How a line looks.
    pub format: LogFormat,
    /// Which lines there are.
    pub level: LogFilter,
}

impl LogConfig {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let format = reader.get("log.format");
        let level = reader.get("log.level");
        Some(Self {
            format: format?,
            level: level?,
        })
    }
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: a JSON object each.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("write text or json"),
        }
    }
}

/// Which lines are logged: a level, and other levels for parts of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// As `tracing-subscriber` reads it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "write off, error, warn, info, debug or trace, and after commas what differs, such as info,sqlx=warn";
        // A misspelled level passes for the name of a module, of which everything would be logged and nothing else.
        let is_level =
            |part: &str| part.contains(['=', '[', ']', '{', '}']) || part.parse::<LevelFilter>().is_ok();
        if text.trim().is_empty() || !text.split(',').all(|part| is_level(part.trim())) {
            return Err(hint.into());
        }
        EnvFilter::try_new(text).map_err(|error| format!("{hint} ({error})"))?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Setting for LogFormat {
    fn parse(raw: Raw<'_>) -> Result<Self, String> {
        parse_text(raw, str::parse)
    }
}

impl Setting for LogFilter {
    fn parse(raw: Raw<'_>) -> Result<Self, String> {
        parse_text(raw, str::parse)
    }
}
