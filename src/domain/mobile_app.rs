//! How platforms name the apps of a client: what links a domain to an app, so that nobody else's app gets its redirects
//! and its passwords (RFC 8252 section 7.2).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// An Android app: its package and the certificates that sign it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AndroidApp {
    /// Such as `com.example.notes`.
    pub package: String,
    /// SHA-256 fingerprints in upper case with colons, as Digital Asset Links wants them; at least one.
    pub fingerprints: Vec<String>,
}

/// An iOS app: the prefix of its team and its bundle, such as `ABCDE12345.com.example.notes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppleApp(String);

/// Why a text names no Android app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write PACKAGE=FINGERPRINT, such as com.example.notes=14:6D:E9:..., with the SHA-256 fingerprint of the certificate that \
     signs the app (Play Console, App integrity; or `keytool -list -v`); several with commas between"
)]
pub struct AndroidAppError;

/// Why a text names no iOS app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write TEAM.BUNDLE, such as ABCDE12345.com.example.notes: ten letters and digits, a dot, the bundle id"
)]
pub struct AppleAppError;

/// The longest name that is read.
const MAX_NAME: usize = 255;
/// A fingerprint: 32 bytes.
const FINGERPRINT: usize = 32;

impl FromStr for AndroidApp {
    type Err = AndroidAppError;

    fn from_str(text: &str) -> Result<Self, AndroidAppError> {
        let (package, fingerprints) = text.split_once('=').ok_or(AndroidAppError)?;
        if !is_package(package) {
            return Err(AndroidAppError);
        }
        let fingerprints: Option<Vec<String>> = fingerprints.split(',').map(fingerprint).collect();
        Ok(Self {
            package: package.to_owned(),
            fingerprints: fingerprints.ok_or(AndroidAppError)?,
        })
    }
}

/// At least two words of letters, digits and `_`, each beginning with a letter.
fn is_package(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphabetic())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.len() <= MAX_NAME && text.contains('.') && text.split('.').all(is_word)
}

/// With or without colons, in any case.
fn fingerprint(text: &str) -> Option<String> {
    let digits: Vec<u8> = text.trim().bytes().filter(|byte| *byte != b':').collect();
    if digits.len() != 2 * FINGERPRINT || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let pairs = digits
        .chunks(2)
        .map(|pair| String::from_utf8_lossy(pair).to_uppercase());
    Some(pairs.collect::<Vec<_>>().join(":"))
}

impl fmt::Display for AndroidApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.package, self.fingerprints.join(","))
    }
}

impl AppleApp {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppleApp {
    type Err = AppleAppError;

    fn from_str(text: &str) -> Result<Self, AppleAppError> {
        let (team, bundle) = text.split_once('.').ok_or(AppleAppError)?;
        let is_team = team.len() == 10 && team.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_bundle = !bundle.is_empty()
            && bundle.split('.').all(|word| {
                !word.is_empty()
                    && word
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            });
        if is_team && is_bundle && text.len() <= MAX_NAME {
            Ok(Self(text.to_owned()))
        } else {
            Err(AppleAppError)
        }
    }
}

impl fmt::Display for AppleApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! as_text {
    ($($app:ty)*) => {
        $(impl Serialize for $app {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $app {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        })*
    };
}

as_text! { AndroidApp AppleApp }

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_android_app_is_read_with_or_without_colons() {
        let (plain, colons) = ("14".repeat(32), vec!["14"; 32].join(":"));
        let app: AndroidApp = format!("com.example.notes={plain},{colons}")
            .parse()
            .expect("an app");
        assert_eq!(app.fingerprints, [colons.clone(), colons.clone()]);
        assert_eq!(app.to_string().parse(), Ok(app));
        for wrong in [
            "com.example.notes",
            "com.example.notes=",
            "com.example.notes=14:6D",
            &format!("notes={plain}"),
            &format!("com.1example={plain}"),
            &format!("com..example={plain}"),
            &format!("com.example=zz{plain}"),
            &format!("com.example={plain},"),
        ] {
            assert_eq!(wrong.parse::<AndroidApp>(), Err(AndroidAppError), "{wrong}");
        }
    }

    #[test]
    fn an_ios_app_has_a_team_and_a_bundle() {
        let app: AppleApp = "ABCDE12345.com.example.notes".parse().expect("an app");
        assert_eq!(app.as_str(), "ABCDE12345.com.example.notes");
        for wrong in [
            "com.example.notes",
            "ABCDE12345",
            "ABCDE12345.",
            "ABCDE1234.com.example",
            "ABCDE12345.a..b",
        ] {
            assert_eq!(wrong.parse::<AppleApp>(), Err(AppleAppError), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_shown_and_read_again(text in ".{0,300}") {
            if let Ok(app) = text.parse::<AndroidApp>() {
                prop_assert_eq!(app.to_string().parse(), Ok(app));
            }
            if let Ok(app) = text.parse::<AppleApp>() {
                prop_assert_eq!(app.to_string().parse(), Ok(app));
            }
        }
    }
}
