//! Which passwords may be chosen (NIST SP 800-63B section 5.1.1.2: length counts, composition rules do not).

use crate::base::{secret::Secret, text::Email};

/// Fewest characters of a new password.
pub const MIN_LENGTH: usize = 10;
/// Most bytes of any password; longer ones are not looked at, since hashing them costs.
pub const MAX_BYTES: usize = 512;

/// A password that somebody typed, bounded.
#[derive(Debug, Clone)]
pub struct Password(Secret<String>);

/// Why a password cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too few characters.
    #[error("Choose a password with at least 10 characters.")]
    TooShort,
    /// Too many.
    #[error("Choose a password of at most 512 bytes.")]
    TooLong,
    /// It is the address, or a part of it.
    #[error("Choose a password that is not your email address.")]
    LikeEmail,
    /// The same few characters again and again, or a row of the keyboard.
    #[error("Choose a password that is harder to guess: this one is a simple pattern.")]
    Pattern,
}

impl Password {
    /// A password to compare with; nothing when it is too long for any that was ever chosen.
    pub fn presented(text: String) -> Option<Self> {
        (text.len() <= MAX_BYTES).then(|| Self(Secret::new(text)))
    }

    /// A password to set for the person with this address.
    pub fn chosen(text: String, email: &Email) -> Result<Self, WeakPassword> {
        let lower = text.to_lowercase();
        let local = email.key().split('@').next().unwrap_or_default().to_owned();
        if text.chars().count() < MIN_LENGTH {
            return Err(WeakPassword::TooShort);
        }
        if text.len() > MAX_BYTES {
            return Err(WeakPassword::TooLong);
        }
        if lower == email.key() || lower == local {
            return Err(WeakPassword::LikeEmail);
        }
        if is_pattern(&lower) {
            return Err(WeakPassword::Pattern);
        }
        Ok(Self(Secret::new(text)))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

const ROWS: [&str; 5] = [
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "password",
];

fn is_pattern(lower: &str) -> bool {
    let mut distinct: Vec<char> = lower.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    // What remains after the usual words and rows are taken out must be worth something by itself.
    let rest = ROWS
        .iter()
        .fold(lower.to_owned(), |text, row| strip_runs(&text, row));
    distinct.len() < 4 || rest.chars().count() < 4
}

/// Takes out every run of four or more characters that stand in `row` in this order.
fn strip_runs(text: &str, row: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut kept = String::new();
    let mut at = 0;
    while at < chars.len() {
        // A run is no longer than its row: the work is bounded by the rows, not by what somebody typed.
        let longest = chars.len().min(at + row.len());
        let run = (at + 4..=longest)
            .rev()
            .find(|end| row.contains(&chars[at..*end].iter().collect::<String>()));
        if let Some(end) = run {
            at = end;
        } else {
            kept.push(chars[at]);
            at += 1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_password_is_judged_at_once() {
        let email: Email = "alice@example.com".parse().expect("valid");
        // Cubic work would take a minute for these.
        for n in 0..10u32 {
            let long: String = (0..512)
                .map(|i| char::from(b'!' + u8::try_from((i * 7 + n) % 13).unwrap_or(0)))
                .collect();
            assert!(Password::chosen(long, &email).is_ok());
        }
    }

    #[test]
    fn simple_patterns_are_refused_and_long_sentences_are_not() {
        let email: Email = "alice@example.com".parse().expect("valid");
        let check = |text: &str| Password::chosen(text.to_owned(), &email).map(|_| ());
        assert_eq!(check("short"), Err(WeakPassword::TooShort));
        assert_eq!(check("Alice@example.com"), Err(WeakPassword::LikeEmail));
        for text in ["aaaaaaaaaaaa", "1234567890", "Password123456", "qwertyuiop1"] {
            assert_eq!(check(text), Err(WeakPassword::Pattern), "{text}");
        }
        for text in ["correct horse battery", "tr0mbone-lakes", "ßüßüßü-läken"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }
}
