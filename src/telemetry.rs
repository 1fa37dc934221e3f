//! The log: one line per event on standard error, as text or JSON, with every token blacked out.
//!
//! Nothing here logs secrets on purpose: they are of types that do not print. The blacking out is for the day when a
//! library does, with a URL or a header in an error's text.

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::config::{LogConfig, LogFormat};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter does not read.
    #[error("log.level cannot be used: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something in this process logs already.
    #[error("the log was started twice")]
    Twice(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Starts the log of this process.
pub fn init(log: &LogConfig) -> Result<(), TelemetryError> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(log.level.as_str())?)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(Redacting(io::stderr));
    match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(TelemetryError::Twice)
}

/// The text without what looks like a token: `pst_rt_...` becomes `pst_rt_[redacted]`, a JWT becomes `[redacted]`, and
/// so does the password in a URL.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut rest = text;
    while let Some((before, token)) = next_token(rest) {
        clean.push_str(&rest[..before]);
        clean.push_str(REDACTED);
        rest = &rest[before + token..];
    }
    if clean.is_empty() && rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

const REDACTED: &str = "[redacted]";
const OURS: &str = "pst_";
/// How every JWT begins: `{"` in base64.
const JWT: &str = "eyJ";
/// What a user and a password may follow in a URL (RFC 3986 section 3.2.1).
const AUTHORITY: &str = "://";
/// Shorter runs are words of ours in a sentence.
const SHORTEST: usize = 8;

/// Where the first token's secret part begins, and its length.
fn next_token(text: &str) -> Option<(usize, usize)> {
    let found = text.char_indices().filter_map(|(at, _)| {
        let here = &text[at..];
        // No word boundary is asked for: in JSON an escape such as \n may stand before a token.
        if let Some(after) = here.strip_prefix(OURS) {
            let kind = run(after, |b| b.is_ascii_lowercase() || b.is_ascii_digit());
            let secret = after[kind..]
                .strip_prefix('_')
                .map_or(0, |secret| run(secret, is_base64url));
            (kind > 0 && secret >= SHORTEST).then_some((at + OURS.len() + kind + 1, secret))
        } else if here.starts_with(JWT) {
            let header = run(here, is_base64url);
            let all = run(here, |b| is_base64url(b) || b == b'.');
            (header >= SHORTEST + JWT.len() && all > header).then_some((at, all))
        } else if let Some(after) = here.strip_prefix(AUTHORITY) {
            let authority = &after[..run(after, |b| b.is_ascii_graphic() && !b"/?#\"'<>".contains(&b))];
            let (user, password) = authority.rsplit_once('@')?.0.split_once(':')?;
            let from = at + AUTHORITY.len() + user.len() + 1;
            (!password.is_empty() && password != REDACTED).then_some((from, password.len()))
        } else {
            None
        }
    });
    let mut found = found;
    found.next()
}

fn run(text: &str, belongs: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|b| belongs(*b)).count()
}

fn is_base64url(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
}

/// A writer for `tracing-subscriber` that blacks out tokens on their way to another.
#[derive(Debug, Clone)]
pub struct Redacting<M>(pub M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Redacting<M> {
    type Writer = RedactedLine<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        RedactedLine {
            to: self.0.make_writer(),
            line: Vec::new(),
        }
    }
}

/// One event on its way. It is collected whole, since a token may arrive in two pieces, and written when dropped.
#[derive(Debug)]
pub struct RedactedLine<W: Write> {
    to: W,
    line: Vec<u8>,
}

impl<W: Write> Write for RedactedLine<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Drop for RedactedLine<W> {
    fn drop(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        // A log that cannot be written must not stop the server.
        let _ = self.to.write_all(redact(&line).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1XzEifQ.c2lnbmF0dXJl-_";

    #[test]
    fn tokens_are_blacked_out_and_words_are_not() {
        for (text, clean) in [
            (
                "code=pst_ac_AbCd-123_xyz&state=1",
                "code=pst_ac_[redacted]&state=1",
            ),
            (
                "pst_rt_AAAABBBB and pst_root_CCCCDDDD",
                "pst_rt_[redacted] and pst_root_[redacted]",
            ),
            (r#"{"m":"a\npst_cs_AAAABBBB"}"#, r#"{"m":"a\npst_cs_[redacted]"}"#),
            ("ünï pst_pst_rt_AAAABBBB ünï", "ünï pst_pst_[redacted] ünï"),
            (
                "it begins with pst_root_ and pst_x",
                "it begins with pst_root_ and pst_x",
            ),
            (
                "HeyJude.mp3, eyJ and eyJhbGciOiJFUzI1NiJ9",
                "HeyJude.mp3, eyJ and eyJhbGciOiJFUzI1NiJ9",
            ),
            ("", ""),
        ] {
            assert_eq!(redact(text), clean);
            assert_eq!(redact(clean), clean, "twice is once");
        }
        assert_eq!(redact(&format!("Bearer {JWT}, ok")), "Bearer [redacted], ok");
        assert_eq!(
            redact(&format!(r#"{{"t":"\n{JWT}"}}"#)),
            r#"{"t":"\n[redacted]"}"#
        );
    }

    #[test]
    fn both_formats_black_out_messages_and_fields() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let log = |to: Arc<Mutex<Vec<u8>>>| {
            tracing_subscriber::fmt()
                .with_ansi(false)
                .with_writer(Redacting(move || Shared(Arc::clone(&to))))
        };
        let event =
            || tracing::warn!(token = JWT, error = ?"at ?code=pst_ac_AAAABBBB", "got pst_rt_CCCCDDDD");
        tracing::subscriber::with_default(log(Arc::clone(&written)).finish(), event);
        tracing::subscriber::with_default(log(Arc::clone(&written)).json().finish(), event);
        let text =
            String::from_utf8(written.lock().unwrap_or_else(PoisonError::into_inner).clone()).expect("text");
        assert_eq!(text.lines().count(), 2, "{text}");
        assert_eq!(text.matches("[redacted]").count(), 6, "{text}");
        for secret in ["AAAABBBB", "CCCCDDDD", "c2lnbmF0dXJl"] {
            assert!(!text.contains(secret), "{text}");
        }
    }

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
