//! `[registration]`: who may register clients by himself (RFC 7591), and what such clients may have.

use std::{fs, path::Path, str::FromStr};

use serde::Deserialize;

use super::{
    reader::Reader,
    setting::{Raw, Setting, parse_text},
};
use crate::{
    base::{
        jwk::JwkSet,
        time::Lifetime,
        url::{HttpsUrl, Resource},
    },
    domain::{
        client::{Preset, RegistrationMode},
        registration::{RegistrationPolicy, StatementIssuer, StatementKeys},
        scope::ScopeSet,
    },
};

pub(super) fn read(reader: &mut Reader, data: &Path) -> Option<RegistrationPolicy> {
    let mode = reader.get("registration.mode");
    let scope = reader.get("registration.scope");
    let resources = reader.get("registration.resources");
    let preset = reader.get("registration.preset");
    let unused_life = reader.within(
        "registration.unused_life",
        Lifetime::from_secs(60)..=Lifetime::from_days(365),
    );
    let unused_most = reader.within("registration.unused_most", 1..=100_000);
    let required = reader.get("registration.software_statement_required");
    let metadata_documents = reader.get("registration.metadata_documents");
    let issuers = reader.checked("registration.software_statement_issuers", |file: &String| {
        issuers(data, file).map(drop)
    });
    let software_statement_issuers = issuers.and_then(|file| issuers_of(data, &file));
    if required == Some(true) && software_statement_issuers.as_ref().is_some_and(Vec::is_empty) {
        reader.refuse(
            "registration.software_statement_required",
            "nobody could register",
            "name a file in registration.software_statement_issuers, or write false".into(),
        );
    }
    let Resources(resources) = resources?;
    let Named(preset) = preset?;
    Some(RegistrationPolicy {
        mode: mode?,
        scope: scope?,
        resources,
        preset,
        unused_life: unused_life?,
        unused_most: unused_most?,
        software_statement_required: required?,
        metadata_documents: metadata_documents?,
        software_statement_issuers: software_statement_issuers?,
    })
}

fn issuers_of(data: &Path, file: &str) -> Option<Vec<StatementIssuer>> {
    issuers(data, file).ok()
}

/// One entry of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    issuer: String,
    jwks: Option<JwkSet>,
    jwks_uri: Option<HttpsUrl>,
}

fn issuers(data: &Path, file: &str) -> Result<Vec<StatementIssuer>, String> {
    if file.is_empty() {
        return Ok(Vec::new());
    }
    let path = data.join(file);
    let text = fs::read_to_string(&path).map_err(|error| {
        format!(
            "write the path of a JSON file, or \"\" for none; {}: {error}",
            path.display()
        )
    })?;
    let entries: Vec<Entry> = serde_json::from_str(&text).map_err(|error| {
        format!(
            "{} has to be a list of {{\"issuer\": \"...\", \"jwks\": {{...}}}} or \"jwks_uri\" instead of \"jwks\": {error}",
            path.display()
        )
    })?;
    let entries = entries.into_iter().map(|entry| {
        let keys = match (entry.jwks, entry.jwks_uri) {
            (Some(keys), None) => StatementKeys::Inline(keys),
            (None, Some(place)) => StatementKeys::At(place),
            _ => return Err(format!("give jwks or jwks_uri of {}, and not both", entry.issuer)),
        };
        Ok(StatementIssuer {
            issuer: entry.issuer,
            keys,
        })
    });
    entries.collect()
}

/// Places with spaces between.
struct Resources(Vec<Resource>);

impl FromStr for Resources {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = text
            .split_whitespace()
            .map(|uri| uri.parse().map_err(|error| format!("{uri}: {error}")));
        all.collect::<Result<_, _>>().map(Self)
    }
}

/// A preset, or none.
struct Named(Option<Preset>);

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = (!text.is_empty()).then(|| text.parse::<Preset>());
        read.transpose()
            .map(Self)
            .map_err(|error| format!("{error}, or \"\" for none"))
    }
}

macro_rules! text_settings {
    ($($type:ty)*) => {$(
        impl Setting for $type {
            fn parse(raw: Raw<'_>) -> Result<Self, String> {
                parse_text(raw, str::parse)
            }
        }
    )*};
}

text_settings!(RegistrationMode ScopeSet Resources Named);
