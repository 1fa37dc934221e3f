//! The token endpoint: asking it, and understanding what it says (RFC 6749 section 5).

use crate::{
    attestation,
    blob::{AccessToken, secret, words},
    clock::{Moment, Until},
    config::DpopPolicy,
    discovery::Server,
    dpop::Key,
    effect::{Header, HttpFailure, HttpRequest, HttpResponse},
    error::{ErrorCode, SdkError},
    form::Form,
    headers,
    id_token::{self, Expected},
    json,
    patience::{Patience, offset},
    secret::Secret,
    store::{Host, Result},
};

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) access_token: Secret,
    pub(crate) token_type: String,
    pub(crate) expires_in: i64,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) id_token: Option<Secret>,
    pub(crate) device_secret: Option<Secret>,
    pub(crate) scope: Option<Vec<String>>,
}

/// What came back.
pub(crate) enum Reply {
    Granted(Granted),
    /// The server's own, well-formed no.
    Refused(Refusal),
    Failed(HttpFailure),
    /// Nobody answers there, or somebody who points elsewhere.
    Moved,
}

impl Reply {
    /// The tokens, or what it means where nothing special is known about it.
    pub(crate) fn granted(self) -> Result<Granted> {
        match self {
            Self::Granted(granted) => Ok(granted),
            Self::Refused(refusal) => Err(refusal.to_error()),
            Self::Failed(failure) => Err(failure.into()),
            Self::Moved => Err(ErrorCode::ServerUnavailable.into()),
        }
    }
}

/// An error of RFC 6749 section 5.2 and its extensions.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: String,
    details: String,
    interval: Option<i64>,
}

impl Granted {
    /// Reads a body. Anything but an answer of a token endpoint is none: a hotel's sign-in page says 200 too.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let members = json::object(body)?;
        if !json::text(&members, "refresh_token").is_none_or(is_storable) {
            return None;
        }
        Some(Self {
            // It goes into a header: nothing that could break it (RFC 6749 appendix A.12).
            access_token: secret(&members, "access_token").filter(is_visible)?,
            token_type: json::owned(&members, "token_type")?,
            // Who does not say gets a minute, as little as anybody gives.
            expires_in: json::number(&members, "expires_in")
                .unwrap_or(60)
                .clamp(0, 31_536_000),
            refresh_token: secret(&members, "refresh_token"),
            id_token: secret(&members, "id_token"),
            device_secret: secret(&members, "device_secret"),
            scope: json::text(&members, "scope").map(words),
        })
    }

    /// Whether it is bound, when it has to be.
    pub(crate) fn check_type(&self, bound: bool) -> Result<()> {
        let dpop = self.token_type.eq_ignore_ascii_case("DPoP");
        if dpop == bound && (dpop || self.token_type.eq_ignore_ascii_case("Bearer")) {
            Ok(())
        } else {
            Err(ErrorCode::TokenTypeDowngrade.into())
        }
    }

    /// Whom its ID token names, if it has one and it is for us.
    pub(crate) fn subject(&self, host: &Host, nonce: Option<&str>) -> Result<Option<String>> {
        let Some(token) = &self.id_token else {
            return Ok(None);
        };
        let now = host.now();
        let expected = Expected {
            config: host.config(),
            nonce,
            access_token: Some(&self.access_token),
            now_ms: host
                .memory()
                .anchor
                .as_ref()
                .map(|anchor| anchor.server_now(&now)),
        };
        Ok(Some(id_token::check(token, &expected)?))
    }

    /// The access token, good from when it was asked for.
    pub(crate) fn access(
        &self,
        resource: Option<String>,
        asked: Option<String>,
        scopes: &[String],
        sent: &Moment,
    ) -> AccessToken {
        let dpop = self.token_type.eq_ignore_ascii_case("DPoP");
        // Who does not say gives what was asked for (RFC 6749 section 5.1).
        let unsaid = || asked.as_deref().map_or_else(|| scopes.to_vec(), words);
        let scopes = self.scope.clone().unwrap_or_else(unsaid);
        AccessToken {
            resource,
            asked,
            value: self.access_token.clone(),
            token_type: if dpop { "DPoP" } else { "Bearer" }.to_owned(),
            scopes,
            since: sent.monotonic_ms,
            until: Until::after(sent, self.expires_in * 1000),
        }
    }
}

fn is_visible(token: &Secret) -> bool {
    token.bytes().iter().all(|b| (b' '..=b'~').contains(b))
}

impl Refusal {
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let members = json::object(body)?;
        Some(Self {
            error: json::owned(&members, "error")?,
            details: json::owned(&members, "error_description").unwrap_or_default(),
            interval: json::number(&members, "interval"),
        })
    }

    /// The poll's new pace.
    pub(crate) fn interval(&self) -> Option<i64> {
        self.interval
    }

    /// What it means where nothing special is known about it.
    pub(crate) fn to_error(&self) -> SdkError {
        let code = match self.error.as_str() {
            "invalid_grant" => ErrorCode::CodeRefused,
            "access_denied" => ErrorCode::AccessDenied,
            "expired_token" => ErrorCode::DeviceCodeExpired,
            "invalid_client" | "unauthorized_client" => ErrorCode::ClientRejected,
            "invalid_scope" | "invalid_target" => ErrorCode::ScopeOrResourceRejected,
            "unsupported_grant_type" => ErrorCode::NotSupported,
            "use_dpop_nonce" | "invalid_dpop_proof" => ErrorCode::ProofRejected,
            "temporarily_unavailable" | "server_error" => ErrorCode::ServerUnavailable,
            "invalid_client_attestation" | "use_attestation_challenge" => ErrorCode::DeviceNotTrusted,
            "update_required" => ErrorCode::UpdateRequired,
            _ => ErrorCode::RequestRejected,
        };
        SdkError::saying(code, &format!("{}: {}", self.error, self.details))
    }
}

/// What each request to the token endpoint says.
pub(crate) fn request(host: &Host, grant_type: &str) -> Form {
    let version = host.config().app_version.as_ref().map(|version| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        let sent = version.chars().take(32);
        sent.map(|c| if plain(c) { c } else { '-' }).collect::<String>()
    });
    Form::default()
        .with("grant_type", grant_type)
        .with("client_id", &host.config().client_id)
        .with_some(
            "app_version",
            version.as_deref().filter(|version| !version.is_empty()),
        )
}

/// Asks the token endpoint, or another that answers like it, with a proof that was made for it.
pub(crate) async fn post(
    host: &Host,
    server: &Server,
    form: &Form,
    key: Option<&Key>,
    proof: Option<String>,
) -> Result<Reply> {
    let mut extra = attestation::headers(host, server, key).await?;
    extra.extend(proof.map(|proof| Header {
        name: "DPoP".to_owned(),
        value: proof.into(),
    }));
    match send(host, &server.token, form, extra).await? {
        Err(failure) => Ok(Reply::Failed(failure)),
        Ok(response) if response.status == 200 => match Granted::parse(response.body.bytes()) {
            Some(granted) => Ok(Reply::Granted(granted)),
            None => Err(ErrorCode::ServerUnavailable.into()),
        },
        Ok(response) if is_elsewhere(response.status) => Ok(Reply::Moved),
        Ok(response) => Ok(Reply::Refused(refusal(host, &response).await?)),
    }
}

/// Whether a refresh token is one (RFC 6749 appendix A.17) and as long in a record as it may be.
fn is_storable(token: &str) -> bool {
    let escaped = token.bytes().filter(|b| matches!(b, b'"' | b'\\')).count();
    token.bytes().all(|b| matches!(b, b' '..=b'~')) && token.len() + escaped <= 16384
}

/// Whether nobody answers there, or somebody who points elsewhere.
pub(crate) fn is_elsewhere(status: u16) -> bool {
    matches!(status, 300..=399 | 404 | 405 | 410)
}

/// The same with proofs made as needed, for what is not a refresh.
pub(crate) async fn ask(host: &Host, server: &Server, form: &Form, key: Option<&Key>) -> Result<Reply> {
    let mut patience = Patience::default();
    loop {
        let proof = match key {
            Some(key) => Some(key.proof(host, "POST", &server.token, None).await?),
            None => None,
        };
        let before = offset(host);
        let reply = post(host, server, form, key, proof).await?;
        if !patience.again(host, &reply, before).await? {
            return Ok(reply);
        }
    }
}

/// Posts a form.
pub(crate) async fn send(
    host: &Host,
    url: &str,
    form: &Form,
    extra: Vec<Header>,
) -> Result<std::result::Result<HttpResponse, HttpFailure>> {
    let mut headers = vec![
        Header {
            name: "Content-Type".to_owned(),
            value: "application/x-www-form-urlencoded".into(),
        },
        Header {
            name: "Accept".to_owned(),
            value: "application/json".into(),
        },
    ];
    headers.extend(extra);
    let request = HttpRequest {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers,
        body: form.as_str().into(),
    };
    host.send(request).await
}

/// The server's own error, or that it is none: only a well-formed one of status 400, 401 or 403 counts as a no.
pub(crate) async fn refusal(host: &Host, response: &HttpResponse) -> Result<Refusal> {
    let wait = headers::retry_after(&response.headers, host.server_now());
    match response.status {
        429 => Err(SdkError::after(
            ErrorCode::RateLimited,
            Some(jittered(host, wait.unwrap_or(5000)).await),
        )),
        400 | 401 | 403 => {
            Refusal::parse(response.body.bytes()).ok_or_else(|| ErrorCode::ServerUnavailable.into())
        }
        _ => {
            let wait = match wait {
                Some(wait) => Some(jittered(host, wait).await),
                None => None,
            };
            Err(SdkError::after(ErrorCode::ServerUnavailable, wait))
        }
    }
}

/// Up to a quarter more, so that many who wait do not come back at once.
async fn jittered(host: &Host, ms: u64) -> u64 {
    let drawn = host.random(1).await.ok();
    let byte = drawn.and_then(|drawn| drawn.bytes().first().copied());
    ms + ms * u64::from(byte.unwrap_or(0)) / 1024
}

/// Whether a new session shall be bound.
pub(crate) fn wants_key(host: &Host, server: &Server) -> bool {
    match host.config().dpop {
        DpopPolicy::Required => true,
        DpopPolicy::Preferred => server.dpop,
        DpopPolicy::Off => false,
    }
}

impl From<HttpFailure> for SdkError {
    fn from(failure: HttpFailure) -> Self {
        match failure {
            HttpFailure::NotSent => ErrorCode::Offline,
            HttpFailure::Ambiguous => ErrorCode::NoAnswer,
        }
        .into()
    }
}
