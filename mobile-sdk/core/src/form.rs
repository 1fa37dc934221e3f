//! `application/x-www-form-urlencoded`, written and read.

use zeroize::Zeroizing;

use crate::secret::Draft;

/// Parameters of a request.
#[derive(Default)]
pub(crate) struct Form(Draft);

impl Form {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.add(name, value);
        self
    }

    pub(crate) fn with_some(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.add(name, value);
        }
        self
    }

    pub(crate) fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push("&");
        }
        encode_into(&mut self.0, name);
        self.0.push("=");
        encode_into(&mut self.0, value);
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.text()
    }
}

fn encode_into(text: &mut Draft, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte).encode_utf8(&mut [0; 4]));
        } else {
            text.push(&format!("%{byte:02X}"));
        }
    }
}

/// The parameters of a query, or `None` if it is none.
pub(crate) fn parse(query: &str) -> Option<Vec<(String, Zeroizing<String>)>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?.to_string(), decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Option<Zeroizing<String>> {
    let mut bytes = text.bytes();
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let hex = |byte: Option<u8>| {
        char::from(byte?)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex(bytes.next())? << 4 | hex(bytes.next())?,
            other => other,
        });
    }
    Some(Zeroizing::new(std::str::from_utf8(&decoded).ok()?.to_owned()))
}
