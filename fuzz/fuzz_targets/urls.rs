//! Redirect URIs, APIs, issuers and https URLs: what reads is written back as it was, and fits itself only.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::base::url::{HttpsUrl, Issuer, RedirectUri, Resource};

fuzz_target!(|text: &str| {
    let (one, other) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(uri) = one.parse::<RedirectUri>() {
        assert_eq!(uri.as_str(), one);
        assert!(uri.matches(one));
        // Only the port of a loopback address may differ.
        if uri.matches(other) && other != one {
            let bare = |text: &str| {
                text.chars()
                    .filter(|c| !c.is_ascii_digit() && *c != ':')
                    .collect::<String>()
            };
            assert_eq!(bare(one), bare(other));
        }
    }
    if let Ok(url) = one.parse::<HttpsUrl>() {
        assert!(url.as_str().starts_with("https://"));
        assert_eq!(url.as_str().parse::<HttpsUrl>().ok(), Some(url));
    }
    if let Ok(api) = one.parse::<Resource>() {
        assert_eq!(api.as_str(), one);
    }
    if let Ok(issuer) = one.parse::<Issuer>() {
        assert!(issuer.at("/token").ends_with("/token"));
    }
});
