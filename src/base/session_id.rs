//! A session that can be ended by its id, whose prefix tells its kind.

use std::{fmt, str::FromStr};

use super::id::{BrowserSessionId, DeviceSessionId};

/// An app's session or a browser's.
#[derive(Debug, Clone, Copy)]
pub enum SessionId {
    /// An app's.
    Device(DeviceSessionId),
    /// A browser's.
    Browser(BrowserSessionId),
}

impl FromStr for SessionId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let device = text.parse().map(Self::Device);
        device
            .or_else(|_| text.parse().map(Self::Browser))
            .map_err(|_| "write an id from `postern session list`: dse_0197... or bse_0197...")
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(id) => id.fmt(f),
            Self::Browser(id) => id.fmt(f),
        }
    }
}
