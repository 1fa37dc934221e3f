//! What the token endpoint says (RFC 6749 section 5), and what it means.

use crate::{
    clock::{Moment, Until},
    config::is_scope,
    effect::HttpFailure,
    error::{ErrorCode, SdkError},
    host::{Host, Result},
    id_token::{self, Expected},
    json::{self, secret, words},
    record::account::AccessToken,
    secret::Secret,
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
            scope: json::text(&members, "scope").map(|scope| {
                let mut scopes = words(scope);
                scopes.retain(|scope| is_scope(scope));
                scopes
            }),
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

/// Whether a refresh token is one (RFC 6749 appendix A.17) and as long in a record as it may be.
fn is_storable(token: &str) -> bool {
    let escaped = token.bytes().filter(|b| matches!(b, b'"' | b'\\')).count();
    token.bytes().all(|b| matches!(b, b' '..=b'~')) && token.len() + escaped <= 16384
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
