//! Words that are read: everything that is wrong is told at once.

use std::{fmt::Display, fs, str::FromStr};

use crate::{
    base::{jwk::JwkSet, time::Lifetime},
    domain::{client::ClientLifetimes, key::rotation, policy::Lifetimes},
};

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

    pub(super) fn life(&mut self, word: &str, value: Option<&String>, most: Lifetime) -> Option<Lifetime> {
        let value = value?;
        let life = self.parse::<Lifetime>(word, value)?;
        if life < Lifetime::from_secs(1) || life > most {
            self.refuse(word, value, format!("write a time from 1s to {most}"));
            return None;
        }
        Some(life)
    }

    /// What contradicts itself, or the server's settings; told with the names of the flags.
    pub(super) fn contradictions(&mut self, own: ClientLifetimes, server: &Lifetimes) {
        let both = own.over(server);
        if let Some(life) = own
            .access_token
            .filter(|life| both.retry_window.millis() > life.millis() / 2)
        {
            let least = Lifetime::from_millis(both.retry_window.millis() * 2);
            let rule = format!("write at least twice tokens.retry_window, which is {least}");
            self.refuse("--access-token-life", &life.to_string(), rule);
        }
        if let Some(life) = own
            .access_token
            .filter(|life| both.key_rotation < rotation::shortest(*life))
        {
            let rule = format!(
                "with tokens that live so long, keys.rotate_every must be at least {}; it is {}",
                rotation::shortest(life),
                both.key_rotation
            );
            self.refuse("--access-token-life", &life.to_string(), rule);
        }
        let given = own.device_session_idle.or(own.device_session_absolute);
        if given.is_some() && both.device_session_idle > both.device_session_absolute {
            let rule = format!(
                "a session idles for at most as long as it lives, which is {} (--session-absolute)",
                both.device_session_absolute
            );
            self.refuse("--session-idle", &both.device_session_idle.to_string(), rule);
        }
    }
}
