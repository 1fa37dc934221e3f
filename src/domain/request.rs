//! An authorization request on its way from text to trust: `Raw > Identified > Redirectable > AuthorizationRequest`.
//!
//! Only an [`AnswerTo`] can build a redirect, and only a client that is known makes one, from a redirect URI of its own:
//! an unverified one can never receive a redirect.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    base::{
        digest::Digest,
        id::{ClientId, PushedRequestId, UserId},
        url::{Issuer, Resource},
    },
    domain::{
        answer::{Answer, FormPost, Parameters, ResponseMode},
        authorization_details::AuthorizationDetails,
        binding::Thumbprint,
        claims::AskedClaims,
        client::Client,
        oauth_error::OAuthError,
        pkce::Challenge,
        scope::ScopeSet,
    },
};

/// The parameters of a query or a form as they came, each with all its values. The reader bounds them.
#[derive(Clone, Default)]
pub struct Raw(BTreeMap<String, Vec<String>>);

/// A parameter that came more than once (RFC 6749 section 3.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {0} was sent more than once")]
pub struct Doubled(pub &'static str);

impl From<Doubled> for OAuthError {
    fn from(doubled: Doubled) -> Self {
        Self::invalid_request(format!("{} was sent more than once", doubled.0))
    }
}

impl Raw {
    /// The parameters of a query or a form. A parameter without a value counts as absent (RFC 6749 section 3.1).
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs {
            if !value.is_empty() {
                all.entry(name).or_default().push(value);
            }
        }
        Self(all)
    }

    /// All parameters, to travel sealed.
    pub fn into_pairs(self) -> Vec<(String, Vec<String>)> {
        self.0.into_iter().collect()
    }

    /// The reverse of [`Self::into_pairs`].
    pub fn from_pairs(pairs: Vec<(String, Vec<String>)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// The value of a parameter that may come once.
    pub fn one(&self, name: &'static str) -> Result<Option<&str>, Doubled> {
        match self.0.get(name).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some([value]) => Ok(Some(value)),
            Some(_) => Err(Doubled(name)),
        }
    }

    /// The value of a parameter that must come, once.
    pub fn required(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.one(name)?
            .ok_or_else(|| OAuthError::invalid_request(format!("{name} is missing")))
    }

    /// The value of a form's field; empty when it is absent or doubled, as on a page that somebody changed.
    pub fn text(&self, name: &'static str) -> &str {
        self.one(name).ok().flatten().unwrap_or_default()
    }

    /// All values of a parameter that may come more than once.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether the parameter is there at all.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Names only: the values may be passwords and tokens.
impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A request whose client is known.
#[derive(Debug, Clone)]
pub struct Identified {
    /// The parameters.
    pub raw: Raw,
    /// The client.
    pub client: Arc<Client>,
}

/// A request whose answer may be sent to its redirect URI.
#[derive(Debug, Clone)]
pub struct Redirectable {
    /// The parameters.
    pub raw: Raw,
    /// The client.
    pub client: Arc<Client>,
    /// Where the answer goes.
    pub answer_to: AnswerTo,
}

/// What an answer tells.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// The person allowed it (RFC 6749 section 4.1.2).
    Code(String),
    /// It came to nothing (RFC 6749 section 4.1.2.1).
    Error(&'a OAuthError),
}

/// A verified place for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerTo {
    redirect_uri: String,
    state: Option<String>,
    #[serde(default, skip_serializing_if = "ResponseMode::is_query")]
    mode: ResponseMode,
}

impl Identified {
    /// The request with a verified place for its answer; nothing when `uri` is none of the client's redirect URIs,
    /// compared as text (RFC 9700 section 2.1). The only way to an [`AnswerTo`] of a new request.
    pub fn redirectable(
        self,
        uri: String,
        state: Option<String>,
        mode: ResponseMode,
    ) -> Option<Redirectable> {
        let is_own = self.client.allows_redirect(&uri);
        let Self { raw, client } = self;
        let answer_to = AnswerTo {
            redirect_uri: uri,
            state,
            mode,
        };
        is_own.then_some(Redirectable {
            raw,
            client,
            answer_to,
        })
    }
}

impl AnswerTo {
    /// The redirect URI as the client sent it.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// How the answer travels.
    pub fn mode(&self) -> ResponseMode {
        self.mode
    }

    /// Its scheme with the colon: a source of `form-action`.
    pub fn scheme(&self) -> &str {
        self.redirect_uri.split_inclusive(':').next().unwrap_or_default()
    }

    /// The answer with this outcome; `sign` makes the JWT that all its parameters are in, where the mode is a signed one.
    /// `state` goes back byte for byte; `iss` is in every answer (RFC 9207, JARM section 2.1); the URI's own query is kept.
    pub fn answer<E>(
        &self,
        issuer: &Issuer,
        outcome: Outcome<'_>,
        sign: impl FnOnce(&Parameters) -> Result<String, E>,
    ) -> Result<Answer, E> {
        let mut fields = match outcome {
            Outcome::Code(code) => vec![("code", code)],
            Outcome::Error(error) => {
                let code = error.code.as_str().to_owned();
                vec![("error", code), ("error_description", error.description())]
            }
        };
        fields.extend(self.state.clone().map(|state| ("state", state)));
        fields.push(("iss", issuer.as_str().to_owned()));
        if self.mode.is_signed() {
            fields = vec![("response", sign(&fields)?)];
        }
        Ok(if self.mode.is_form() {
            Answer::FormPost(FormPost {
                action: self.redirect_uri.clone(),
                fields,
            })
        } else {
            Answer::Redirect(self.redirect(issuer, &fields))
        })
    }

    fn redirect(&self, issuer: &Issuer, fields: &[(&'static str, String)]) -> String {
        let Ok(mut url) = Url::parse(&self.redirect_uri) else {
            // Cannot happen: it matched a registered URI. An answer to nowhere is safer than a panic.
            return issuer.as_str().to_owned();
        };
        url.query_pairs_mut().extend_pairs(fields);
        url.into()
    }
}

/// A request in which every parameter has been checked; it travels sealed until the person has decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: ClientId,
    /// Where the answer goes.
    pub answer_to: AnswerTo,
    /// What is asked for.
    pub scope: ScopeSet,
    /// PKCE.
    pub challenge: Challenge,
    /// For the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Which pages must or must not be shown.
    #[serde(default)]
    pub prompt: Prompt,
    /// The oldest proof that is good enough, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i64>,
    /// Who the client thinks is signing in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// The claims that are asked for by name.
    #[serde(default, skip_serializing_if = "AskedClaims::is_empty")]
    pub claims: AskedClaims,
    /// Digest of the `request_uri` that it came by (RFC 9126); used once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<Digest>,
    /// Where it is kept, if it was pushed and is too large to travel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<PushedRequestId>,
    /// The key that must redeem the code (RFC 9449 section 10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<Thumbprint>,
    /// The one person for whom it may be answered, when it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<UserId>,
    /// The APIs that the tokens are for; the client's own when none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    /// What it may do in finer grain (RFC 9396).
    #[serde(default, skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
}

/// `prompt` (OpenID Connect Core section 3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Prompt {
    /// No page may be shown.
    pub none: bool,
    /// The person proves again who they are.
    pub login: bool,
    /// The person is asked again.
    pub consent: bool,
}

impl AuthorizationRequest {
    /// Whether the client may still ask for this: it travels sealed for up to an hour, and meanwhile an operator may have
    /// taken a redirect URI, a scope or the API away.
    pub fn is_allowed_for(&self, client: &Client) -> bool {
        self.client == client.id
            && client.allows_redirect(&self.answer_to.redirect_uri)
            && (self.challenge.is_some() || !client.needs_pkce(self.nonce.is_some()))
            && self.scope_with_claims().is_within(&client.settings.scope)
            && (self.answer_to.mode.is_signed() || !client.settings.require_signed_authorization_response)
            && client.allows_details(&self.authorization_details)
            && self
                .resources
                .iter()
                .all(|asked| client.allows_resource(asked.as_str()))
    }

    /// What the person is asked for: the scope, and the scopes that give what is asked for by name.
    pub fn scope_with_claims(&self) -> ScopeSet {
        self.scope.union(&self.claims.scopes())
    }

    /// Whether this person may be answered for.
    pub fn is_for(&self, person: UserId) -> bool {
        self.subject.is_none_or(|subject| subject == person)
    }

    /// Whether a code is of no use to who catches it: it takes the verifier (RFC 7636), or reaches only who owns the host.
    pub fn guards_its_code(&self) -> bool {
        self.challenge.is_some() || self.answer_to.scheme() == "https:"
    }

    /// The parameters that start the same request anew: for "start again".
    pub fn to_parameters(&self) -> Vec<(&'static str, String)> {
        let prompt = [
            ("login", self.prompt.login),
            ("consent", self.prompt.consent),
            ("none", self.prompt.none),
        ];
        let prompt: Vec<&str> = prompt
            .iter()
            .filter(|(_, set)| *set)
            .map(|(word, _)| *word)
            .collect();
        let mode = self.answer_to.mode;
        let mode = (!mode.is_query()).then(|| mode.as_str().to_owned());
        let optional = [
            ("response_mode", mode),
            ("state", self.answer_to.state.clone()),
            ("nonce", self.nonce.clone()),
            ("prompt", (!prompt.is_empty()).then(|| prompt.join(" "))),
            ("max_age", self.max_age.map(|seconds| seconds.to_string())),
            ("login_hint", self.login_hint.clone()),
            ("dpop_jkt", self.dpop_jkt.map(Thumbprint::to_base64url)),
            ("claims", self.claims.to_parameter(self.subject)),
            ("authorization_details", self.authorization_details.to_parameter()),
        ];
        let mut parameters = vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.client.to_string()),
            ("redirect_uri", self.answer_to.redirect_uri.clone()),
            ("scope", self.scope.to_string()),
        ];
        if self.challenge.is_some() {
            parameters.push(("code_challenge", self.challenge.digest().to_base64url()));
            parameters.push(("code_challenge_method", "S256".to_owned()));
        }
        parameters.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let resources = self.resources.iter();
        parameters.extend(resources.map(|resource| ("resource", resource.to_string())));
        parameters
    }
}
