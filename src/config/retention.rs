//! `[retention]`: how long the past is kept.

use std::str::FromStr;

use super::{
    reader::Reader,
    setting::{Raw, Setting, parse_text},
};
use crate::{base::time::Lifetime, domain::policy::Retention};

const HINT: &str = "write how long, from \"1d\" to \"3650d\", or \"forever\"";

pub(super) fn read(reader: &mut Reader) -> Option<Retention> {
    let Keep(events) = reader.get("retention.events")?;
    Some(Retention { events })
}

/// A length of time, or `forever`.
struct Keep(Option<Lifetime>);

impl FromStr for Keep {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "forever" {
            return Ok(Self(None));
        }
        // "0s" would mean to some that nothing is kept and to others that everything is.
        let bounds = Lifetime::from_days(1)..=Lifetime::from_days(3650);
        let length: Lifetime = text.parse().map_err(|_| HINT)?;
        bounds.contains(&length).then_some(Self(Some(length))).ok_or(HINT)
    }
}

impl Setting for Keep {
    fn parse(raw: Raw<'_>) -> Result<Self, String> {
        parse_text(raw, str::parse)
    }
}
