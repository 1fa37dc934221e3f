//! Words that are read: everything that is wrong is told at once.

use std::{fmt::Display, fs, str::FromStr};

use anyhow::anyhow;

use crate::base::jwk::JwkSet;

/// What was wrong so far.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) faults: Vec<String>,
}

impl Checked {
    pub(super) fn refuse(&mut self, word: &str, value: &str, rule: impl Display) {
        self.faults.push(format!("{word} {value:?}: {rule}"));
    }

    pub(super) fn parse<T: FromStr<Err: Display>>(&mut self, word: &str, value: &str) -> Option<T> {
        value.parse().map_err(|rule| self.refuse(word, value, rule)).ok()
    }

    /// The value of a word that need not be there.
    pub(super) fn word<T: FromStr<Err: Display>>(&mut self, word: &str, value: Option<&String>) -> Option<T> {
        value.and_then(|value| self.parse(word, value))
    }

    /// Puts what was written in the place of what is there.
    pub(super) fn replace<T: FromStr<Err: Display>>(
        &mut self,
        word: &str,
        value: Option<&String>,
        place: &mut T,
    ) {
        if let Some(read) = self.word(word, value) {
            *place = read;
        }
    }

    /// The same where there may be none.
    pub(super) fn place<T: FromStr<Err: Display>>(
        &mut self,
        word: &str,
        value: Option<&String>,
        place: &mut Option<T>,
    ) {
        if let Some(read) = self.word(word, value) {
            *place = Some(read);
        }
    }

    /// The same where there are several: all that were written in the place of all that are there.
    pub(super) fn list<T: FromStr<Err: Display>>(
        &mut self,
        word: &str,
        values: &[String],
        place: &mut Vec<T>,
    ) {
        if !values.is_empty() {
            *place = self.parse_all(word, values);
        }
    }

    /// The keys in a file.
    pub(super) fn keys(&mut self, word: &str, file: &str) -> Option<JwkSet> {
        match fs::read_to_string(file) {
            Ok(text) => text.parse().map_err(|rule| self.refuse(word, file, rule)).ok(),
            Err(error) => {
                self.refuse(word, file, format!("it cannot be read: {error}"));
                None
            }
        }
    }

    pub(super) fn parse_all<T: FromStr<Err: Display>>(&mut self, word: &str, values: &[String]) -> Vec<T> {
        values
            .iter()
            .filter_map(|value| self.parse(word, value))
            .collect()
    }

    /// What was wrong, as the error of a command.
    pub(super) fn refused(self, what: &str) -> anyhow::Error {
        anyhow!(
            "{what}; correct what stands here:\n  {}",
            self.faults.join("\n  ")
        )
    }
}
