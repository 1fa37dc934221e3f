//! What the API says when it refuses something (RFC 9457).

use std::fmt;

use http::StatusCode;
use serde::Deserialize;

use super::ANOTHER_VERSION;
use crate::domain::client::Contradiction;

/// What every type of problem begins with.
const TYPE: &str = "urn:postern:problem:";

/// A request that the server refused.
#[derive(Debug)]
pub(in crate::cli) struct Refused {
    status: StatusCode,
    problem: Option<Problem>,
    /// The scope that was missing.
    scope: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    r#type: String,
    title: String,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    contradictions: Vec<Contradiction>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, body: &[u8], challenge: Option<&str>) -> Self {
        let scope = challenge.and_then(|challenge| {
            let (_, rest) = challenge.split_once("scope=\"")?;
            Some(rest.split_once('"')?.0.to_owned())
        });
        let problem: Option<Problem> = serde_json::from_slice(body).ok();
        Self {
            status,
            problem: problem.filter(|problem| problem.r#type.starts_with(TYPE)),
            scope: scope.filter(|_| status == StatusCode::FORBIDDEN),
        }
    }

    /// Whether it was this API that refused.
    pub(super) fn is_of_the_api(&self) -> bool {
        self.problem.is_some()
    }

    /// Whether it is a problem of this type.
    pub(in crate::cli) fn is(&self, slug: &str) -> bool {
        let own = self.problem.as_ref();
        own.and_then(|own| own.r#type.strip_prefix(TYPE)) == Some(slug)
    }

    /// Whether there is none of what the path names. A path that the API does not have names nothing.
    fn is_missing(&self) -> bool {
        self.is("not-found") && self.problem.as_ref().is_some_and(|own| own.detail.is_some())
    }

    /// The settings that contradict each other.
    pub(in crate::cli) fn contradictions(&self) -> &[Contradiction] {
        self.problem.as_ref().map_or(&[], |own| &own.contradictions)
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scope) = &self.scope {
            return write!(
                f,
                "the client may not do this: it needs the scope {scope} (postern client set ID --scope \"...\" beside the server)"
            );
        }
        let Some(Problem { title, detail, .. }) = &self.problem else {
            return write!(
                f,
                "the server answered {}, but not as its admin API does",
                self.status
            );
        };
        write!(f, "the server refused: {title}")?;
        if let Some(detail) = detail {
            write!(f, ": {detail}")?;
        }
        let hint = match () {
            () if self.is("address-not-allowed") => {
                "this machine's address has to be in server.private_allow, or its proxy in server.trusted_proxies"
            }
            () if self.is("not-authenticated") => {
                "it does not take a token that it has just given; see its log"
            }
            () if self.is("busy") => "run the command again in a moment",
            () if self.is("version-gone")
                || self.is("method-not-allowed")
                || self.is("unknown-parameter")
                || (self.is("not-found") && detail.is_none()) =>
            {
                ANOTHER_VERSION
            }
            () => return Ok(()),
        };
        write!(f, "; {hint}")
    }
}

/// Nothing where the server said that there is none of it.
pub(in crate::cli) fn missing<T>(answered: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    match answered {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.downcast_ref().is_some_and(Refused::is_missing) => Ok(None),
        Err(error) => Err(error),
    }
}
