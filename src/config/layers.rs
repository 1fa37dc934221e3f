//! The layers of the configuration, lowest first: defaults, file, environment, flags. Each value remembers its own.

use std::{collections::BTreeMap, fs, io, path::Path};

use figment::{
    Figment, Metadata, Profile, Provider,
    providers::{Format, Toml},
    value::{Dict, Map, Value},
};

use super::{
    errors::{Problem, Source, variable},
    reader::Reader,
    suggest,
};

/// What the command line sets; flags win over everything else.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--listen`: `server.listen`.
    pub listen: Option<String>,
    /// `--public-url`: `server.public_url`.
    pub public_url: Option<String>,
    /// `--log-level`: `log.level`.
    pub log_level: Option<String>,
}

/// The layers so far, and what was wrong with the shape of one.
pub(super) struct Layers {
    figment: Figment,
    defaults: Dict,
    problems: Vec<Problem>,
}

impl Layers {
    /// Begins with the text of the default file.
    pub(super) fn new(defaults: &str) -> Self {
        let mut layers = Self {
            figment: Figment::new(),
            defaults: Dict::new(),
            problems: Vec::new(),
        };
        if let Some(values) = layers.parse(defaults, &Source::Default) {
            layers.defaults.clone_from(&values);
            layers.add(Source::Default, values);
        }
        layers
    }

    /// A file that somebody named: it has to be there.
    pub(super) fn add_file(&mut self, path: &Path) {
        let source = Source::File(path.to_owned());
        match fs::read_to_string(path) {
            Ok(text) => {
                if let Some(values) = self.parse(&text, &source) {
                    self.add(source, values);
                }
            }
            Err(error) => self.broken_file(source, "cannot be read", error.to_string()),
        }
    }

    /// The usual file, which is not needed.
    pub(super) fn add_file_if_there(&mut self, path: &Path) {
        let missing = fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if !missing {
            self.add_file(path);
        }
    }

    /// The variables `POSTERN__SECTION__NAME`; the program's own variables begin with `POSTERN_` and pass by.
    pub(super) fn add_environment(&mut self, env: impl IntoIterator<Item = (String, String)>) {
        // In a fixed order: two spellings of one name must not change places from one start to the next.
        for (key, text) in env.into_iter().collect::<BTreeMap<_, _>>() {
            if let Some(path) = key.strip_prefix("POSTERN__") {
                let path = path.to_lowercase();
                self.add_text(
                    Source::Environment(key),
                    &path.split("__").collect::<Vec<_>>(),
                    text,
                );
            } else if let Some(name) = self.meant_by(&key) {
                let hint = format!("write {}, with two underscores each time", variable(&name));
                self.problems.push(Problem {
                    setting: name,
                    value: None,
                    source: Source::Environment(key),
                    fault: "this variable would have no effect",
                    hint,
                });
            }
        }
    }

    /// The flags that were given.
    pub(super) fn add_overrides(&mut self, overrides: &Overrides) {
        let Overrides {
            listen,
            public_url,
            log_level,
        } = overrides;
        let flags = [
            ("--listen", ["server", "listen"], listen),
            ("--public-url", ["server", "public_url"], public_url),
            ("--log-level", ["log", "level"], log_level),
        ];
        for (flag, path, text) in flags {
            if let Some(text) = text {
                self.add_text(Source::Flag(flag), &path, text.clone());
            }
        }
    }

    /// Reads on from here.
    pub(super) fn into_reader(self) -> Reader {
        Reader::new(self.figment, self.problems)
    }

    fn add_text(&mut self, source: Source, path: &[&str], text: String) {
        let nest = |value: Value, key: &&str| Value::from(Dict::from([((*key).to_owned(), value)]));
        if let Some(values) = path.iter().rev().fold(Value::from(text), nest).into_dict() {
            self.add(source, values);
        }
    }

    fn add(&mut self, source: Source, values: Dict) {
        let values = fit(&self.defaults, values, "", &source, &mut self.problems);
        let below = std::mem::take(&mut self.figment);
        self.figment = below.merge(Layer { source, values });
    }

    fn parse(&mut self, text: &str, source: &Source) -> Option<Dict> {
        match Toml::from_str(text) {
            Ok(values) => Some(values),
            Err(error) => {
                // Not `to_string`: that shows the line, which may hold a secret.
                let before = error.span().and_then(|span| text.get(..span.start));
                let at = before.map(|before| format!("line {}: ", before.split('\n').count()));
                let hint = format!(
                    "{}{}",
                    at.unwrap_or_default(),
                    error.message().replace('\n', ", ")
                );
                self.broken_file(source.clone(), "is not TOML", hint);
                None
            }
        }
    }

    fn broken_file(&mut self, source: Source, fault: &'static str, hint: String) {
        self.problems.push(Problem {
            setting: "configuration file".into(),
            value: None,
            source,
            fault,
            hint,
        });
    }

    /// The setting whose variable was written with single underscores.
    fn meant_by(&self, key: &str) -> Option<String> {
        let path = key.strip_prefix("POSTERN_")?.to_lowercase();
        suggest::names(&self.defaults)
            .into_iter()
            .find(|name| name.replace('.', "_") == path)
    }
}

/// The values of one layer without those that would replace a section by a value or a value by a section: each would
/// take many settings with it, or be taken for one that is missing.
fn fit(known: &Dict, values: Dict, above: &str, source: &Source, problems: &mut Vec<Problem>) -> Dict {
    let mut fitting = Dict::new();
    for (key, value) in values {
        let name = suggest::join(above, &key);
        let (fault, hint) = match (known.get(&key), value) {
            (Some(Value::Dict(_, known)), Value::Dict(tag, inner)) => {
                let inner = fit(known, inner, &name, source, problems);
                fitting.insert(key, Value::Dict(tag, inner));
                continue;
            }
            (Some(Value::Dict(..)), _) => (
                "this is a section, not a setting",
                format!("write {}", source.spelling(&format!("{name}.NAME"))),
            ),
            (Some(_), Value::Dict(..)) => (
                "this is a setting, not a section",
                format!("write one value for {}", source.spelling(&name)),
            ),
            (_, value) => {
                fitting.insert(key, value);
                continue;
            }
        };
        problems.push(Problem {
            setting: name,
            value: None,
            source: source.clone(),
            fault,
            hint,
        });
    }
    fitting
}

/// Values that all come from one place, for figment.
struct Layer {
    source: Source,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.source.to_metadata()
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}
