//! `claims` (OpenID Connect Core section 5.5): what the client asks for by name, as far as it is registered for the scope
//! that gives it; a person and an `acr` that it demands.

use super::Draft;
use crate::{
    base::id::UserId,
    domain::{
        browser_session::ACR_ONE_FACTOR,
        claims::ClaimsParameter,
        oauth_error::{ErrorCode, OAuthError},
        request::Redirectable,
        scope,
    },
};

pub(super) fn check(request: &Redirectable, draft: &mut Draft) -> Result<(), OAuthError> {
    let Some(text) = request.raw.one("claims")? else {
        return Ok(());
    };
    let parameter = ClaimsParameter::parse(text);
    let mut parameter = parameter.map_err(|bad| OAuthError::invalid_request(bad.to_string()))?;
    // Without an ID token and userinfo there is no place for claims.
    if !draft.scope.has(scope::OPENID) {
        return Ok(());
    }
    parameter.asked.limit_to(&request.client.settings.scope);
    draft.claims = parameter.asked;
    if let Some(values) = parameter.acr {
        demand_acr(&values)?;
    }
    if let Some(values) = parameter.sub {
        draft.subject = Some(demand_person(&values)?);
    }
    Ok(())
}

/// An `acr` that is demanded by its value is reached or the request fails (section 5.5.1.1); what `acr_values` names is
/// only preferred, and every sign-in has the one that there is.
fn demand_acr(values: &[String]) -> Result<(), OAuthError> {
    if values.iter().any(|value| value == ACR_ONE_FACTOR) {
        return Ok(());
    }
    let hint = "claims demands an acr that no sign-in here has; see acr_values_supported";
    Err(OAuthError::new(ErrorCode::UnmetAuthenticationRequirements, hint))
}

/// Nobody else may be answered for (section 3.1.2.2), and a person whom nobody can be never signs in.
fn demand_person(values: &[String]) -> Result<UserId, OAuthError> {
    let [value] = values else {
        return Err(OAuthError::invalid_request(
            "claims names one person in sub, by its value",
        ));
    };
    value.parse().map_err(|_| {
        OAuthError::new(
            ErrorCode::LoginRequired,
            "claims demands a sub that nobody here has",
        )
    })
}
