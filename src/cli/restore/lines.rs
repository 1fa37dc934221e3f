//! The lines of an export of events.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use anyhow::{Context, bail};

use crate::flows::restore::{self, Lost};

/// No event is longer than this.
const MAX_LINE: u64 = 64 * 1024;

/// The events in a file, one a line; what cannot be read is named by its number.
pub(super) fn events_of(path: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Lost>>> {
    let unreadable = || format!("{} cannot be read", path.display());
    let mut file = BufReader::new(File::open(path).with_context(unreadable)?);
    let name = path.display().to_string();
    let mut number = 0;
    Ok(std::iter::from_fn(move || {
        number += 1;
        let event = next_event(&mut file);
        event
            .with_context(|| format!("line {number} of {name} cannot be used; nothing was changed"))
            .transpose()
    }))
}

fn next_event(file: &mut impl BufRead) -> anyhow::Result<Option<Lost>> {
    let mut line = String::new();
    let read = file.by_ref().take(MAX_LINE).read_line(&mut line)?;
    if read == 0 {
        return Ok(None);
    }
    let Some(line) = line.strip_suffix('\n') else {
        bail!("it does not end: the file was cut off, or this is no line of `postern events export`");
    };
    Ok(Some(restore::read(line)?))
}
