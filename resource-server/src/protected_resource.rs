//! What an API says of itself (RFC 9728), so that an app which knows nothing but the API's address finds the authorization
//! server that lets people in: a JSON document at a well-known place, which the challenge of each 401 names.

use http::{HeaderMap, HeaderValue, header};
use reqwest::Url;
use serde::Serialize;

/// The place of the document, in front of the API's own path (RFC 9728 section 3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The metadata of an API.
///
/// ```
/// use postern_resource_server::ProtectedResource;
///
/// let api = ProtectedResource::new("https://api.example.com/notes", "https://id.example.com")?.scopes(["notes:read"]);
/// assert_eq!(api.path(), "/.well-known/oauth-protected-resource/notes");
/// # Ok::<(), postern_resource_server::ProtectedResourceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedResource {
    origin: String,
    path: String,
    document: Document,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Document {
    resource: String,
    authorization_servers: Vec<String>,
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<String>,
    dpop_signing_alg_values_supported: &'static [&'static str],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dpop_bound_access_tokens_required: bool,
}

/// A text that cannot be the identifier of an API (RFC 9728 section 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write the API's own https URL in its plain form, without user name, query and fragment; http is for loopback addresses"
)]
pub struct ProtectedResourceError;

impl ProtectedResource {
    /// The API at the URL `resource`, which is the audience of its tokens, and the issuer that it accepts tokens of. The
    /// resource is told letter for letter: an app refuses metadata that name another one than it asked (section 3.3).
    pub fn new(resource: &str, issuer: &str) -> Result<Self, ProtectedResourceError> {
        let url = base(resource)?;
        let path = url.path().trim_end_matches('/');
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            path: format!("{WELL_KNOWN}{path}"),
            document: Document {
                resource: resource.to_owned(),
                authorization_servers: vec![issuer.to_owned()],
                bearer_methods_supported: ["header"],
                scopes_supported: Vec::new(),
                resource_name: None,
                resource_documentation: None,
                dpop_signing_alg_values_supported: &crate::PROOF_ALGORITHMS,
                dpop_bound_access_tokens_required: false,
            },
        })
    }

    /// The scopes that the API asks for.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.document.scopes_supported = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// What people call the API.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.document.resource_name = Some(name.into());
        self
    }

    /// The address of a page for developers.
    #[must_use]
    pub fn documentation(mut self, url: impl Into<String>) -> Self {
        self.document.resource_documentation = Some(url.into());
        self
    }

    /// It accepts no token that is not bound to a key of the app (RFC 9449).
    #[must_use]
    pub fn requires_bound_tokens(mut self) -> Self {
        self.document.dpop_bound_access_tokens_required = true;
        self
    }

    /// Where the document is served, if not at the resource's own origin: scheme, host and port.
    pub fn served_at(mut self, url: &str) -> Result<Self, ProtectedResourceError> {
        self.origin = base(url)?.origin().ascii_serialization();
        Ok(self)
    }

    /// The path of the document: the well-known one, and behind it the API's own (RFC 9728 section 3.1).
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The address of the document.
    pub fn url(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    /// The document (RFC 9728 section 2), to be answered as `application/json`.
    pub fn document(&self) -> String {
        // Texts and lists of texts always serialize.
        serde_json::to_string(&self.document).unwrap_or_default()
    }

    /// Names the document in the challenges of an answer (RFC 9728 section 5.1).
    pub fn name_in(&self, headers: &mut HeaderMap) {
        let named: Vec<HeaderValue> = headers
            .get_all(header::WWW_AUTHENTICATE)
            .into_iter()
            .map(|challenge| self.named(challenge).unwrap_or_else(|| challenge.clone()))
            .collect();
        headers.remove(header::WWW_AUTHENTICATE);
        for challenge in named {
            headers.append(header::WWW_AUTHENTICATE, challenge);
        }
    }

    fn named(&self, challenge: &HeaderValue) -> Option<HeaderValue> {
        let text = challenge.to_str().ok()?;
        let (scheme, parameters) = text.split_once(' ')?;
        let ours = ["Bearer", "DPoP"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known));
        if !ours || parameters.contains("resource_metadata=") {
            return None;
        }
        HeaderValue::try_from(format!(r#"{text}, resource_metadata="{}""#, self.url())).ok()
    }
}

#[cfg(feature = "axum")]
impl ProtectedResource {
    /// The same API with its document, which everybody may read from any page, and with challenges that name it.
    pub fn describe<S>(self, api: axum::Router<S>) -> axum::Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let (path, document) = (self.path.clone(), self.document());
        let told = async move || {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, "public, max-age=600"),
                (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            ];
            (headers, document)
        };
        let name = move |mut response: axum::response::Response| {
            self.name_in(response.headers_mut());
            std::future::ready(response)
        };
        api.layer(axum::middleware::map_response(name))
            .route(&path, axum::routing::get(told))
    }
}

/// An https URL that is written as every parser writes it.
fn base(text: &str) -> Result<Url, ProtectedResourceError> {
    let url = Url::parse(text).map_err(|_| ProtectedResourceError)?;
    let plain = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text);
    let bare = url.query().is_none() && url.fragment().is_none();
    let names_nobody = url.username().is_empty() && url.password().is_none();
    let local = url
        .host_str()
        .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    let safe = url.scheme() == "https" || url.scheme() == "http" && local;
    // A brace or a colon would be a pattern of the router.
    let literal = !url.path().contains(['{', '}', ':', '*']);
    if plain && bare && names_nobody && safe && literal && url.has_host() {
        Ok(url)
    } else {
        Err(ProtectedResourceError)
    }
}
