//! What a value of the configuration can be: parsed by one trait, whether it was written as text, number or yes/no.

use std::{fmt, net::SocketAddr};

use figment::value::Value;
use zeroize::Zeroize;

use crate::{
    base::{network::Networks, secret::Secret, text::DisplayName, time::Lifetime, url::Issuer},
    telemetry,
};

/// A value before it is parsed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Raw<'a> {
    /// Text, written as such.
    Text(&'a str),
    /// From a variable or a flag: text that may stand for a number.
    Untyped(&'a str),
    /// A whole number.
    Number(i128),
    /// Yes or no.
    Truth(bool),
    /// A list, a fraction, a date: no setting takes one.
    Other,
}

impl<'a> Raw<'a> {
    /// What figment holds; `untyped` when it can only be text there.
    pub(super) fn new(value: &'a Value, untyped: bool) -> Self {
        match value {
            Value::String(_, text) if untyped => Self::Untyped(text),
            Value::String(_, text) => Self::Text(text),
            Value::Bool(_, truth) => Self::Truth(*truth),
            Value::Num(..) => value.to_i128().map_or(Self::Other, Self::Number),
            _ => Self::Other,
        }
    }

    /// As it would be written in TOML.
    pub(super) fn written(self, quoted: bool) -> String {
        match self {
            Self::Untyped(text) if !quoted && text.trim().bytes().all(|b| b.is_ascii_alphanumeric()) => {
                text.trim().into()
            }
            Self::Text(text) | Self::Untyped(text) => format!("{:?}", telemetry::redact(text)),
            other => other.plain().unwrap_or_else(|| "...".into()),
        }
    }

    fn plain(self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Untyped(text) => Some(text.to_owned()),
            Self::Number(number) => Some(number.to_string()),
            Self::Truth(truth) => Some(truth.to_string()),
            Self::Other => None,
        }
    }
}

/// When a value may be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Printed {
    /// In errors and in the list of settings.
    Always,
    /// Not when it was refused: people write the secret itself here by mistake.
    WhenRight,
    /// Never.
    Never,
}

/// A type that a setting can have.
pub(super) trait Setting: Sized {
    /// Whether its values are secret.
    const PRINTED: Printed = Printed::Always;
    /// Whether it is in quotes when written in TOML.
    const QUOTED: bool = true;

    /// The value, or what to write.
    fn parse(raw: Raw<'_>) -> Result<Self, String>;
}

/// Parses what is text in TOML.
pub(super) fn parse_text<T, E: fmt::Display>(
    raw: Raw<'_>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, String> {
    let text = raw.plain().ok_or("write a text in quotes")?;
    let value = parse(&text).map_err(|error| error.to_string())?;
    match raw {
        Raw::Text(_) | Raw::Untyped(_) => Ok(value),
        _ => Err(format!("write it in quotes: {text:?}")),
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

text_settings!(String DisplayName Lifetime Issuer Networks);

impl Setting for SocketAddr {
    fn parse(raw: Raw<'_>) -> Result<Self, String> {
        let hint = "write an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080";
        parse_text(raw, |text| {
            text.trim().parse().map_err(|_| {
                if text.contains("localhost") {
                    format!("{hint}; a name such as localhost is no address")
                } else {
                    hint.into()
                }
            })
        })
    }
}

macro_rules! plain_settings {
    ($($type:ty: $variant:ident, $hint:literal;)*) => {$(
        impl Setting for $type {
            const QUOTED: bool = false;

            fn parse(raw: Raw<'_>) -> Result<Self, String> {
                match raw {
                    Raw::$variant(value) => value.try_into().map_err(|_| $hint.into()),
                    Raw::Untyped(text) => text.trim().parse().map_err(|_| $hint.into()),
                    Raw::Text(text) if text.trim().parse::<Self>().is_ok() => {
                        Err(format!("write it without quotes: {}", text.trim()))
                    }
                    _ => Err($hint.into()),
                }
            }
        }
    )*};
}

plain_settings! {
    u32: Number, "write a whole number";
    usize: Number, "write a whole number";
    bool: Truth, "write true or false";
}

/// A secret in the configuration itself: taken, never shown.
impl<T: Setting + Zeroize> Setting for Secret<T> {
    const PRINTED: Printed = Printed::Never;
    const QUOTED: bool = T::QUOTED;

    fn parse(raw: Raw<'_>) -> Result<Self, String> {
        T::parse(raw).map(Self::new)
    }
}
