//! Whether `htu` is the request's URL (RFC 9449 section 4.3, point 9): without query and fragment, after the syntax-based
//! and scheme-based normalisation of RFC 3986 sections 6.2.2 and 6.2.3.

use reqwest::Url;

/// `url` is our own; `htu` is whatever somebody sent.
pub(crate) fn same_url(htu: &str, url: &str) -> bool {
    // What nearly every request says needs no parser.
    htu == url
        || htu.len() <= MAX_URL_BYTES && normal(htu).zip(normal(url)).is_some_and(|(htu, url)| htu == url)
}

/// Scheme and host in lower case, the default port left out, no dot segments; each byte of the path in one spelling.
fn normal(text: &str) -> Option<String> {
    // A URL parser repairs what no client means: white space, control characters, backslashes.
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let names_nobody = url.username().is_empty() && url.password().is_none();
    (is_web && names_nobody).then(|| {
        let mut normal = url.origin().ascii_serialization();
        push_normal_path(&mut normal, url.path());
        normal
    })
}

/// Escapes in upper case, and none for what needs no escape (RFC 3986 sections 6.2.2.1 and 6.2.2.2).
fn push_normal_path(normal: &mut String, path: &str) {
    let mut parts = path.split('%');
    normal.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part
            .get(..2)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                normal.push(char::from(byte));
                normal.push_str(&part[2..]);
            }
            Some(_) => {
                normal.push('%');
                normal.push_str(&part[..2].to_ascii_uppercase());
                normal.push_str(&part[2..]);
            }
            None => {
                normal.push('%');
                normal.push_str(part);
            }
        }
    }
}

const MAX_URL_BYTES: usize = 2 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_url_in_other_spellings_and_nothing_else() {
        let url = "https://id.example.com/a%C3%BC/token";
        for same in [
            url,
            "HTTPS://ID.Example.COM/a%c3%bc/token",
            "https://id.example.com:443/a%C3%BC/token",
            "https://id.example.com/a%C3%BC/token?x=1",
            "https://id.example.com/a%C3%BC/token#x",
            "https://id.example.com/%61%C3%BC/t%6Fken",
            "https://id.example.com/b/../a%C3%BC/./token",
        ] {
            assert!(same_url(same, url), "{same}");
        }
        for other in [
            "http://id.example.com/a%C3%BC/token",
            "https://id.example.com:8443/a%C3%BC/token",
            "https://id.example.com.evil.example/a%C3%BC/token",
            "https://id.example.com@evil.example/a%C3%BC/token",
            "https://me@id.example.com/a%C3%BC/token",
            "https://id.example.com/a%C3%BC/token/",
            "https://id.example.com/a%C3%BC/Token",
            "https://id.example.com/a%C3%BC%2Ftoken",
            "https://id.example.com\\a%C3%BC/token",
            " https://id.example.com/a%C3%BC/token",
            "https://id.example.com/aü/token",
            "//id.example.com/a%C3%BC/token",
            "/a%C3%BC/token",
            "%",
            "",
        ] {
            assert!(!same_url(other, url), "{other}");
        }
        assert!(same_url("http://127.0.0.1:80", "http://127.0.0.1/"));
        assert!(same_url("https://a.example/%", "https://a.example/%?"));
    }
}
