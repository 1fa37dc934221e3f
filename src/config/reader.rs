//! Reads settings by name: notes what was asked for, what could not be used, and in the end what nobody asked for.

use std::{fmt::Display, ops::RangeInclusive};

use figment::{
    Figment, Profile, Provider,
    value::{Dict, Value},
};

use super::{
    errors::{ConfigErrors, Problem, Source},
    setting::{Printed, Raw, Setting},
    show::Shown,
    suggest,
};

/// The merged layers while they are being read.
pub(super) struct Reader {
    figment: Figment,
    values: Dict,
    settings: Vec<Shown>,
    problems: Vec<Problem>,
}

impl Reader {
    /// Reads these values, with these problems already found.
    pub(super) fn new(figment: Figment, problems: Vec<Problem>) -> Self {
        let values = figment
            .data()
            .ok()
            .and_then(|mut data| data.remove(&Profile::Default));
        Self {
            figment,
            values: values.unwrap_or_default(),
            settings: Vec::new(),
            problems,
        }
    }

    /// The setting's value; nothing when it cannot be used, which is noted.
    pub(super) fn get<T: Setting>(&mut self, name: &'static str) -> Option<T> {
        self.checked(name, |_| Ok(()))
    }

    /// The same for a value within bounds.
    pub(super) fn within<T>(&mut self, name: &'static str, range: RangeInclusive<T>) -> Option<T>
    where
        T: Setting + PartialOrd + Display,
    {
        self.checked(name, |value| {
            let bounds = || format!("write a value from {} to {}", range.start(), range.end());
            if range.contains(value) {
                Ok(())
            } else {
                Err(bounds())
            }
        })
    }

    /// The same for a value that passes a check; the check says what to write.
    pub(super) fn checked<T: Setting>(
        &mut self,
        name: &'static str,
        check: impl FnOnce(&T) -> Result<(), String>,
    ) -> Option<T> {
        let (section, key) = name.split_once('.')?;
        let value = self
            .values
            .get(section)
            .and_then(|section| section.as_dict()?.get(key));
        let Some(value) = value.cloned() else {
            self.settings.push(Shown {
                name,
                value: None,
                source: Source::Default,
            });
            self.refuse(
                name,
                "there is no value",
                "write one; the built-in default is missing".into(),
            );
            return None;
        };
        let source = self.source(&value);
        let raw = Raw::new(&value, source.is_untyped());
        let parsed = T::parse(raw).and_then(|value| check(&value).map(|()| value));
        let shown = match T::PRINTED {
            Printed::Always => true,
            Printed::WhenRight => parsed.is_ok(),
            Printed::Never => false,
        };
        self.settings.push(Shown {
            name,
            value: shown.then(|| raw.written(T::QUOTED)),
            source,
        });
        parsed
            .map_err(|hint| self.refuse(name, "this value cannot be used", hint))
            .ok()
    }

    /// A setting that was read is wrong after all, such as beside another.
    pub(super) fn refuse(&mut self, name: &str, fault: &'static str, hint: String) {
        let shown = self.settings.iter().find(|shown| shown.name == name);
        let (value, source) = shown.map_or((None, Source::Default), |shown| {
            (shown.value.clone(), shown.source.clone())
        });
        self.problems.push(Problem {
            setting: name.to_owned(),
            value,
            source,
            fault,
            hint,
        });
    }

    /// What was read, or everything that is wrong; names that were never asked for are.
    pub(super) fn finish(mut self) -> Result<Vec<Shown>, ConfigErrors> {
        let known = self.settings.iter().map(|shown| shown.name);
        for (name, value) in suggest::leaves(&self.values) {
            let is_known = known.clone().any(|known| known == name);
            let is_section = value.as_dict().is_some()
                && known
                    .clone()
                    .any(|known| known.split('.').next() == Some(name.as_str()));
            if is_known || is_section {
                continue;
            }
            let source = self.source(value);
            let hint = match suggest::nearest(&name, known.clone()) {
                Some(meant) => format!("did you mean {}?", source.spelling(meant)),
                None => "remove it; `postern config show --defaults` lists every setting".into(),
            };
            let fault = "there is no such setting";
            self.problems.push(Problem {
                setting: name,
                value: None,
                source,
                fault,
                hint,
            });
        }
        if self.problems.is_empty() {
            Ok(self.settings)
        } else {
            Err(ConfigErrors(self.problems))
        }
    }

    fn source(&self, value: &Value) -> Source {
        Source::from_metadata(self.figment.get_metadata(value.tag()))
    }
}

#[cfg(test)]
mod tests {
    use crate::{base::secret::Secret, config::layers::Layers};

    #[test]
    fn a_secret_is_never_printed() {
        let mut reader = Layers::new("[a]\nright = 'hunter2'\nwrong = 4711").into_reader();
        let right = reader.get::<Secret<String>>("a.right").expect("a text");
        assert_eq!(right.expose(), "hunter2");
        assert!(reader.get::<Secret<bool>>("a.wrong").is_none());
        reader.refuse("a.right", "this is weak", "write a better one".into());
        let shown = format!("{:?}", reader.settings);
        let errors = reader.finish().expect_err("two problems").to_string();
        assert!(errors.contains("a.right (default): this is weak"), "{errors}");
        assert!(!format!("{shown}{errors}").contains("hunter2"), "{errors}");
        assert!(!format!("{shown}{errors}").contains("4711"), "{errors}");
    }

    #[test]
    fn a_wrong_type_says_how_to_write_it() {
        let mut reader =
            Layers::new("[a]\nyes = true\ntext = 5\nnumber = '5'\nsigned = -5\nhalf = 0.5").into_reader();
        assert_eq!(reader.get::<bool>("a.yes"), Some(true));
        assert_eq!(reader.get::<String>("a.text"), None);
        assert_eq!(reader.get::<u32>("a.number"), None);
        assert_eq!(reader.get::<u32>("a.signed"), None);
        assert_eq!(reader.get::<u32>("a.half"), None);
        let hints: Vec<_> = reader.problems.into_iter().map(|problem| problem.hint).collect();
        let number = "write a whole number";
        assert_eq!(
            hints,
            [
                "write it in quotes: \"5\"",
                "write it without quotes: 5",
                number,
                number
            ]
        );
    }
}
