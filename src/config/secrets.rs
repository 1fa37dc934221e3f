//! `[secrets]`: where the root secret comes from.

use std::path::Path;

use super::{
    reader::Reader,
    setting::{Printed, Raw, Setting, parse_text},
};
use crate::ports::secrets::SecretSource;

/// Where secrets come from; never the secrets themselves.
#[derive(Debug, Clone)]
pub struct SecretsConfig {
    /// Where the root secret is.
    pub root: SecretSource,
}

impl SecretsConfig {
    pub(super) fn read(reader: &mut Reader, data: &Path) -> Option<Self> {
        let root = match reader.get("secrets.root")? {
            SecretSource::File(path) => SecretSource::File(data.join(path)),
            elsewhere @ SecretSource::Environment(_) => elsewhere,
        };
        Some(Self { root })
    }
}

impl Setting for SecretSource {
    const PRINTED: Printed = Printed::WhenRight;

    fn parse(raw: Raw<'_>) -> Result<Self, String> {
        parse_text(raw, |text| text.trim().parse::<Self>()).map_err(|hint| {
            format!("{hint}: where the root secret is, such as file:root.secret or env:POSTERN_ROOT_SECRET, not the secret")
        })
    }
}
