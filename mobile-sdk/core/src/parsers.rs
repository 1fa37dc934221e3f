//! What reads untrusted input, for property tests and fuzzing: whether it is taken, never a panic.

use crate::{
    config::Config,
    discovery::Server,
    dpop, form, headers, http_date, id_token,
    record::{account::Account, pending::Pending},
    redirect::Redirect,
    secret::Secret,
    token_response::{Granted, Refusal},
};

/// A redirect URL.
pub fn redirect(url: &str) -> bool {
    Redirect::parse(url).is_ok()
}

/// A discovery document.
pub fn discovery(document: &[u8], config: &Config) -> bool {
    Server::parse(document, config).is_ok()
}

/// An answer of the token endpoint, and the ID token in it.
pub fn token_response(body: &[u8]) -> bool {
    let granted = Granted::parse(body);
    if let Some(token) = granted.as_ref().and_then(|granted| granted.id_token.as_ref()) {
        id_token::claims(token);
    }
    granted.is_some() || Refusal::parse(body).is_some()
}

/// A stored account: whether it is read, and written as it was read.
pub fn account(record: &[u8], config: &Config) -> bool {
    match Account::read(&Secret::from(record.to_vec()), config) {
        Ok(account) => {
            let again = Account::read(&account.write(config), config);
            again.as_ref() == Ok(&account)
        }
        Err(_) => false,
    }
}

/// A stored sign-in: whether it is read, and written as it was read.
pub fn pending(record: &[u8], config: &Config) -> bool {
    let Some(pending) = Pending::read(&Secret::from(record.to_vec()), config) else {
        return false;
    };
    let written = pending.write(config);
    Pending::read(&written, config).is_some_and(|again| again.write(config) == written)
}

/// The `error` of a `WWW-Authenticate` line.
pub fn challenge(line: &str) -> Option<String> {
    headers::error_of(line)
}

/// A date of HTTP, in ms since 1970.
pub fn date(text: &str) -> Option<i64> {
    http_date::date(text)
}

/// A query.
pub fn query(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = form::parse(text)?;
    Some(
        pairs
            .into_iter()
            .map(|(name, value)| (name, value.to_string()))
            .collect(),
    )
}

/// An ES256 signature, as r || s.
pub fn signature(bytes: &[u8]) -> Option<[u8; 64]> {
    dpop::raw(bytes)
}
