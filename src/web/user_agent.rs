//! A name for a browser or a phone, from the little that browsers still say of themselves. For people only: nothing
//! depends on it.

use http::{HeaderMap, header};

/// What a request's `User-Agent` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UserAgent {
    browser: &'static str,
    system: &'static str,
}

/// The first match counts: every browser also names the ones that it wants to be taken for.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
    ("curl/", "curl"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

impl UserAgent {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let first = |table: &[(&str, &'static str)], unknown| {
            table
                .iter()
                .find(|(mark, _)| text.contains(mark))
                .map_or(unknown, |(_, name)| *name)
        };
        Self {
            browser: first(&BROWSERS, "Browser"),
            system: first(&SYSTEMS, ""),
        }
    }

    /// "Chrome on Linux".
    pub(super) fn browser_label(self) -> String {
        if self.system.is_empty() {
            self.browser.to_owned()
        } else {
            format!("{} on {}", self.browser, self.system)
        }
    }

    /// "Android".
    pub(super) fn device_label(self) -> String {
        self.system.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_known_by_what_only_they_say() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, text.parse().expect("header"));
            UserAgent::of(&headers).browser_label()
        };
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
        assert_eq!(of(iphone), "Safari on iPhone");
        let pixel = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36";
        assert_eq!(of(pixel), "Chrome on Android");
        assert_eq!(of("x"), "Browser");
    }
}
