//! Where a command's results go, and whether colours may.

use std::{
    fmt::{self, Display},
    io::{self, Write},
};

use serde::Serialize;

use crate::cli::words::with_place;

/// Standard output, or what a test reads in its place.
pub struct Output {
    to: Box<dyn Write + Send>,
    rich: bool,
    /// The flags with which hints say where things are.
    place: String,
}

/// The output takes nothing more. A reader that has gone away (`| head`) is no error worth telling.
#[derive(Debug, thiserror::Error)]
#[error("the results cannot be written")]
pub struct Unwritable(#[from] io::Error);

impl Unwritable {
    /// Whether the reader has just gone away.
    pub(super) fn is_gone(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

impl Output {
    /// Writes to `to`; `rich` allows colours and drawn boxes.
    pub fn new(to: impl Write + Send + 'static, rich: bool) -> Self {
        Self {
            to: Box::new(to),
            rich,
            place: String::new(),
        }
    }

    /// The flags that the commands have which results name, as this one had them.
    pub(super) fn carries(&mut self, place: String) {
        self.place = place;
    }

    /// Whether colours and drawn boxes are allowed.
    pub fn is_rich(&self) -> bool {
        self.rich
    }

    /// One line; it is there for its reader when this returns.
    pub fn line(&mut self, text: impl Display) -> Result<(), Unwritable> {
        writeln!(self.to, "{text}")?;
        Ok(self.to.flush()?)
    }

    /// Text without an end of line.
    pub fn text(&mut self, text: impl Display) -> Result<(), Unwritable> {
        write!(self.to, "{text}")?;
        Ok(self.to.flush()?)
    }

    /// The result of a command: the value for programs, or the text for people.
    pub fn result(
        &mut self,
        json: bool,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let text = if json {
            serde_json::to_string_pretty(value)?
        } else {
            with_place(&text(), &self.place)
        };
        Ok(self.line(text)?)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("rich", &self.rich)
            .finish_non_exhaustive()
    }
}
