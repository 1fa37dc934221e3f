//! Providers of the root secret, which seals every key in the database. It comes from outside: an environment variable
//! or a file (also a mounted Kubernetes secret). It is never in the database and never in a backup.

use std::{fmt, fs, io, path::PathBuf, str::FromStr};

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::base::{
    digest::Digest, entropy::Entropy, file::write_once, id::KeyId, seal::Sealer, secret::Secret,
};

const PREFIX: &str = "pst_root_";

/// The secret that seals the keys.
#[derive(Debug, Clone)]
pub struct RootSecret(Secret<[u8; 32]>);

impl RootSecret {
    /// A new one.
    pub fn new(entropy: &Entropy) -> Self {
        Self(Secret::new(entropy.bytes()))
    }

    /// The secret in its text form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let decoded = Base64UrlUnpadded::decode(text.trim().strip_prefix(PREFIX)?, &mut bytes).ok()?;
        (decoded.len() == 32).then(|| Self(Secret::new(bytes)))
    }

    /// The text form, for the file.
    pub fn expose(&self) -> Secret<String> {
        Secret::new(format!(
            "{PREFIX}{}",
            Base64UrlUnpadded::encode_string(self.0.expose())
        ))
    }

    /// Eight hexadecimal digits by which two secrets can be told apart; tells nothing about the secret.
    pub fn fingerprint(&self) -> String {
        let digest = Digest::of(&[b"postern root fingerprint".as_slice(), self.0.expose()].concat());
        let [a, b, c, d, ..] = *digest.as_bytes();
        format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
    }

    /// Seals what rests in the database. The key id is the secret's own fingerprint, so each sealed value names the
    /// secret that sealed it.
    pub fn sealer(&self) -> Sealer {
        let digest = Digest::of(&[b"postern root id".as_slice(), self.0.expose()].concat());
        let mut id = [0; 8];
        id.copy_from_slice(&digest.as_bytes()[..8]);
        let id = KeyId::from_bytes(id);
        Sealer::new(id, [(id, &self.0)], "root")
    }
}

/// Where the root secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
}

/// Why there is no root secret. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the root secret is read from {path}, which cannot be read ({error}); restore the file, or set secrets.root to where it is", path = .0.display(), error = .1)]
    File(PathBuf, io::Error),
    /// The variable is not set.
    #[error(
        "the root secret is read from the environment variable {0}, which is not set; set it, or set secrets.root to where the secret is"
    )]
    Environment(String),
    /// It is there and does not look like one.
    #[error(
        "the root secret from {0} does not look like one: it begins with pst_root_ and was made by `postern init`"
    )]
    Malformed(SecretSource),
    /// The file cannot be made.
    #[error("the root secret cannot be written to {path} ({error})", path = .0.display(), error = .1)]
    Write(PathBuf, io::Error),
}

impl SecretSource {
    /// Reads the secret; `environment` looks a variable up.
    pub fn read(&self, environment: impl Fn(&str) -> Option<String>) -> Result<RootSecret, SecretError> {
        let text = match self {
            Self::File(path) => {
                fs::read_to_string(path).map_err(|error| SecretError::File(path.clone(), error))?
            }
            Self::Environment(name) => {
                environment(name).ok_or_else(|| SecretError::Environment(name.clone()))?
            }
        };
        RootSecret::parse(&Secret::new(text).expose().clone())
            .ok_or_else(|| SecretError::Malformed(self.clone()))
    }

    /// Makes a new secret in a file that only its owner can read; an existing file is never overwritten.
    pub fn create(&self, entropy: &Entropy) -> Result<Option<RootSecret>, SecretError> {
        let Self::File(path) = self else { return Ok(None) };
        let secret = RootSecret::new(entropy);
        let line = Secret::new(format!("{}\n", secret.expose().expose()));
        write_once(path, line.expose().as_bytes())
            .map_err(|error| SecretError::Write(path.clone(), error))?;
        Ok(Some(secret))
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Environment(name) => write!(f, "env:{name}"),
        }
    }
}

impl FromStr for SecretSource {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Environment(name.to_owned())),
            _ => Err("write file:PATH or env:NAME"),
        }
    }
}
