//! The checks of an authorization request (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.2), in order.
//!
//! The first two decide whether an answer may be redirected at all; the list decides everything else. A request that
//! fails one of the first two gets a page, never a redirect.

use crate::{
    base::{id::UserId, url::Resource},
    domain::{
        answer::ResponseMode,
        authorization_details::AuthorizationDetails,
        binding::Thumbprint,
        claims::AskedClaims,
        oauth_error::{ErrorCode, OAuthError},
        pkce::Challenge,
        request::{AuthorizationRequest, Identified, Prompt, Raw, Redirectable},
        scope::ScopeSet,
    },
    flows::{Provider, authorization_details},
};

mod claims;
mod dpop;
mod features;
mod hint;
mod login;
mod pkce;
mod prompt;
mod resource;
mod response;
mod scope;

/// What the checks fill in.
#[derive(Debug, Default)]
struct Draft {
    scope: ScopeSet,
    challenge: Option<Challenge>,
    nonce: Option<String>,
    prompt: Prompt,
    max_age: Option<i64>,
    login_hint: Option<String>,
    dpop_jkt: Option<Thumbprint>,
    claims: AskedClaims,
    subject: Option<UserId>,
    resources: Vec<Resource>,
    details: AuthorizationDetails,
}

type Check = fn(&Redirectable, &mut Draft) -> Result<(), OAuthError>;

/// Every check of a redirectable request, in the order in which they run.
const CHECKS: [Check; 9] = [
    features::check,
    response::check,
    scope::check,
    pkce::check,
    prompt::check,
    login::check,
    claims::check,
    resource::check,
    dpop::check,
];

/// Which client asks (RFC 6749 section 2.2).
pub fn identify(provider: &Provider, raw: Raw) -> Result<Identified, OAuthError> {
    let id = raw.required("client_id")?;
    let client = provider.clients.find(id).ok_or_else(|| {
        OAuthError::new(
            ErrorCode::InvalidClient,
            "no app is registered with this client_id (or it was disabled)",
        )
    })?;
    Ok(Identified { raw, client })
}

/// Where the answer may go: a registered redirect URI, compared as text (RFC 9700 section 2.1).
pub fn redirectable(identified: Identified) -> Result<Redirectable, OAuthError> {
    let uri = identified.raw.required("redirect_uri")?.to_owned();
    // A doubled or oversized state cannot be echoed; the app gets the error without it.
    let state = identified.raw.one("state").ok().flatten();
    let state = state.filter(|state| state.len() <= MAX_STATE).map(str::to_owned);
    // Errors travel as the answer would; what cannot travel so is told by the default.
    let word = identified.raw.one("response_mode").ok().flatten();
    let must_sign = identified.client.settings.require_signed_authorization_response;
    let mode = ResponseMode::of(word, &uri, must_sign);
    identified.redirectable(uri, state, mode).ok_or_else(|| {
        OAuthError::invalid_request(
            "redirect_uri is not one of those registered for this app; they are compared character by character, \
             but for the port of http://127.0.0.1 and http://[::1]",
        )
    })
}

/// All other checks of a request that comes in the browser, which some clients may not send (RFC 9126 section 6).
pub fn check_unpushed(
    provider: &Provider,
    request: &Redirectable,
) -> Result<AuthorizationRequest, OAuthError> {
    if request.client.settings.require_pushed_authorization_requests {
        let hint = "this app has to push its requests (RFC 9126): send them to the pushed authorization request endpoint";
        return Err(OAuthError::invalid_request(hint));
    }
    check(provider, request)
}

/// All other checks. What fails here is told to the client by a redirect.
pub fn check(provider: &Provider, request: &Redirectable) -> Result<AuthorizationRequest, OAuthError> {
    let mut draft = Draft::default();
    for check in CHECKS {
        check(request, &mut draft)?;
    }
    // The checks that need more than the request: the keys, and the APIs.
    hint::check(provider, request, &mut draft)?;
    resource::check_scope(provider, request, &draft)?;
    if let Some(text) = request.raw.one("authorization_details")? {
        draft.details = authorization_details::read(provider, &request.client, text)?;
    }
    let challenge = draft
        .challenge
        .ok_or_else(|| OAuthError::invalid_request("code_challenge is missing"))?;
    Ok(AuthorizationRequest {
        client: request.client.id.clone(),
        answer_to: request.answer_to.clone(),
        scope: draft.scope,
        challenge,
        nonce: draft.nonce,
        prompt: draft.prompt,
        max_age: draft.max_age,
        login_hint: draft.login_hint,
        pushed: None,
        kept: None,
        dpop_jkt: draft.dpop_jkt,
        claims: draft.claims,
        subject: draft.subject,
        resources: draft.resources,
        authorization_details: draft.details,
    })
}

/// The longest `state` that is echoed.
pub(super) const MAX_STATE: usize = 1500;
const MAX_NONCE: usize = 512;
