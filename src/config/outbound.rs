//! `[outbound]`: where the server itself may connect to on behalf of its clients.

use std::path::{Path, PathBuf};

use super::reader::Reader;
use crate::base::network::Networks;

/// Requests that the server makes.
#[derive(Debug, Clone)]
pub struct OutboundConfig {
    /// Networks that may be reached besides the public internet.
    pub allow: Networks,
    /// A PEM file with authorities that are trusted besides the system's.
    pub certificates: Option<PathBuf>,
}

impl OutboundConfig {
    pub(super) fn read(reader: &mut Reader, data: &Path) -> Option<Self> {
        let allow = reader.get("outbound.allow");
        let certificates = reader.checked("outbound.certificates", |file: &String| is_file(data, file));
        Some(Self {
            allow: allow?,
            certificates: certificates.map(|file| (!file.is_empty()).then(|| data.join(file)))?,
        })
    }
}

fn is_file(data: &Path, file: &str) -> Result<(), String> {
    let path = data.join(file);
    if file.is_empty() || path.is_file() {
        return Ok(());
    }
    let path = path.display();
    Err(format!(
        "write the path of a PEM file, or \"\" for none; {path} is no file"
    ))
}
