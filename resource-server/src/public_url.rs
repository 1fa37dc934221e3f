//! The address that apps ask an API at.

use std::str::FromStr;

use reqwest::Url;

/// Scheme, host and port, and a front of the path; without a slash at the end.
#[derive(Clone, Debug)]
pub(crate) struct PublicUrl(String);

/// A text that is not the address of an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write an absolute http or https URL without user name, query and fragment")]
pub struct PublicUrlError;

impl PublicUrl {
    /// The scheme and host of an audience, if it has them.
    pub(crate) fn origin_of(audience: &str) -> Option<Self> {
        let url = Url::parse(audience).ok()?;
        is_web(&url).then(|| Self(url.origin().ascii_serialization()))
    }

    /// The URL of a path, which begins with a slash.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let url = Url::parse(text).map_err(|_| PublicUrlError)?;
        let bare = url.query().is_none() && url.fragment().is_none();
        let names_nobody = url.username().is_empty() && url.password().is_none();
        if !is_web(&url) || !bare || !names_nobody {
            return Err(PublicUrlError);
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}
