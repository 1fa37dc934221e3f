//! Every OAuth error as a named value: a code of the specification and a hint that the developer of the client may
//! read. The cause, which may say more, goes to the log and never into an answer.

use std::borrow::Cow;

/// An error for a client (RFC 6749 sections 4.1.2.1 and 5.2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {hint}", code.as_str())]
pub struct OAuthError {
    /// The `error`.
    pub code: ErrorCode,
    /// The `error_description`.
    pub hint: Cow<'static, str>,
}

/// The `error` codes that we answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// RFC 6749: a parameter is missing, doubled, malformed or contradicts another.
    InvalidRequest,
    /// RFC 6749: client authentication failed.
    InvalidClient,
    /// RFC 6749: the code or refresh token is not good (any more).
    InvalidGrant,
    /// RFC 6749: the client may not do this.
    UnauthorizedClient,
    /// RFC 6749: unknown `grant_type`.
    UnsupportedGrantType,
    /// RFC 6749: unknown `response_type`.
    UnsupportedResponseType,
    /// RFC 6749: a scope that is unknown or not allowed.
    InvalidScope,
    /// RFC 6749: the person said no.
    AccessDenied,
    /// RFC 6749: busy; try again.
    TemporarilyUnavailable,
    /// RFC 6749: our fault.
    ServerError,
    /// RFC 8628 section 3.5: nobody has decided yet.
    AuthorizationPending,
    /// RFC 8628 section 3.5: the device asks too often.
    SlowDown,
    /// RFC 8628 section 3.5: the device code has expired.
    ExpiredToken,
    /// RFC 8707: an API that the client may not get tokens for.
    InvalidTarget,
    /// RFC 9449 section 5: the DPoP proof is missing or wrong.
    InvalidDpopProof,
    /// RFC 9449 section 8: the proof needs the nonce that comes with this answer.
    UseDpopNonce,
    /// OpenID Connect Core section 3.1.2.6: nobody is signed in and no page may be shown.
    LoginRequired,
    /// OpenID Connect Core section 3.1.2.6: a page is due and none may be shown.
    InteractionRequired,
    /// OpenID Connect Core section 3.1.2.6: consent is due and no page may be shown.
    ConsentRequired,
    /// RFC 9470 section 6.2 and OpenID Connect Unmet Authentication Requirements 1.0: no sign-in here is as good as the
    /// client demands.
    UnmetAuthenticationRequirements,
    /// OpenID Connect Core section 3.1.2.6: `request` is not supported.
    RequestNotSupported,
    /// OpenID Connect Core section 3.1.2.6: `request_uri` is not supported.
    RequestUriNotSupported,
    /// OpenID Connect Core section 3.1.2.6, RFC 9126 section 2.2: a `request_uri` that is not good (any more).
    InvalidRequestUri,
    /// RFC 9396 section 5: `authorization_details` of an unknown type, or with fields that the type does not have.
    InvalidAuthorizationDetails,
    /// RFC 9101 section 7: a request object that is not the client's, not good any more, or not for this server.
    InvalidRequestObject,
    /// OpenID Connect Core section 3.1.2.6: `registration` is not supported.
    RegistrationNotSupported,
    /// RFC 7591 section 3.2.2: a redirect URI that cannot be registered.
    InvalidRedirectUri,
    /// RFC 7591 section 3.2.2: another member that cannot be registered.
    InvalidClientMetadata,
    /// RFC 7591 section 3.2.2: a software statement that is not good.
    InvalidSoftwareStatement,
    /// RFC 7591 section 3.2.2: a software statement that nobody here trusts, or none where one is needed.
    UnapprovedSoftwareStatement,
}

impl ErrorCode {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::ConsentRequired => "consent_required",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidSoftwareStatement => "invalid_software_statement",
            Self::UnapprovedSoftwareStatement => "unapproved_software_statement",
        }
    }
}

impl OAuthError {
    /// An error with a hint of our own words. Never put a secret or a value of a third party into it.
    pub fn new(code: ErrorCode, hint: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            hint: hint.into(),
        }
    }

    /// `invalid_request` with a hint.
    pub fn invalid_request(hint: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidRequest, hint)
    }

    /// `invalid_client`: one text for every cause, so that nobody learns which client ids exist.
    pub fn invalid_client() -> Self {
        Self::new(
            ErrorCode::InvalidClient,
            "client authentication failed: check client_id and how it authenticates",
        )
    }

    /// `invalid_grant` for a code: one text for every cause.
    pub fn invalid_code() -> Self {
        Self::new(
            ErrorCode::InvalidGrant,
            "the code is unknown, expired or used, or it was issued for another request",
        )
    }

    /// `invalid_grant` for a refresh token: one text for every cause.
    pub fn invalid_refresh_token() -> Self {
        Self::new(
            ErrorCode::InvalidGrant,
            "the refresh token is unknown, expired or revoked: sign in again",
        )
    }

    /// `access_denied`.
    pub fn access_denied() -> Self {
        Self::new(ErrorCode::AccessDenied, "the person did not allow the request")
    }

    /// The hint in the characters that `error_description` may have (RFC 6749 appendix A.8).
    pub fn description(&self) -> String {
        let allowed = |c: char| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
        self.hint
            .chars()
            .map(|c| if allowed(c) { c } else { '?' })
            .collect()
    }
}
