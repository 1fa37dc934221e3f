//! What is wrong with a configuration: the setting, where its value comes from, what to write instead.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use figment::Metadata;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Built in.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl Source {
    /// Whether every value from there is plain text, which may stand for a number.
    pub(super) fn is_untyped(&self) -> bool {
        matches!(self, Self::Environment(_) | Self::Flag(_))
    }

    /// How the setting with this name is spelled there.
    pub(super) fn spelling(&self, name: &str) -> String {
        match self {
            Self::Environment(_) => variable(name),
            _ => name.to_owned(),
        }
    }

    /// For figment, which keeps this with each value.
    pub(super) fn to_metadata(&self) -> Metadata {
        match self {
            Self::Default => Metadata::named(DEFAULT),
            Self::File(path) => Metadata::from(FILE, path.as_path()),
            Self::Environment(name) => Metadata::from(ENVIRONMENT, name.as_str()),
            Self::Flag(flag) => Metadata::from(*flag, *flag),
        }
    }

    /// The reverse.
    pub(super) fn from_metadata(metadata: Option<&Metadata>) -> Self {
        let Some((name, source)) = metadata.and_then(|m| Some((&m.name, m.source.as_ref()?))) else {
            return Self::Default;
        };
        match (source.file_path().map(Path::to_owned), source.custom()) {
            (Some(path), _) => Self::File(path),
            (None, Some(variable)) if name == ENVIRONMENT => Self::Environment(variable.to_owned()),
            (None, _) => match name {
                std::borrow::Cow::Borrowed(flag) => Self::Flag(flag),
                std::borrow::Cow::Owned(_) => Self::Default,
            },
        }
    }
}

const DEFAULT: &str = "default";
const FILE: &str = "file";
const ENVIRONMENT: &str = "environment";

/// The environment variable of a setting.
pub(super) fn variable(name: &str) -> String {
    format!("POSTERN__{}", name.to_uppercase().replace('.', "__"))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// One thing to correct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The full name of the setting, such as `tokens.access_token`.
    pub setting: String,
    /// Its value as written; nothing when it must not be shown or does not matter.
    pub value: Option<String>,
    /// Where that was written.
    pub source: Source,
    /// What is wrong.
    pub fault: &'static str,
    /// What to write instead.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.setting)?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        write!(f, " ({}): {}\n    {}", self.source, self.fault, self.hint)
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<Problem>);

impl ConfigErrors {
    /// The problems, in the order of the manual.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has a problem:")?,
            many => write!(f, "the configuration has {many} problems:")?,
        }
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n  {}", problem.to_string().replace('\n', "\n  ")))
    }
}

impl std::error::Error for ConfigErrors {}
