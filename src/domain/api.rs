//! What an API says about the access tokens that are for it (RFC 8707): which scopes it understands, and for how long it
//! accepts one. It is part of the settings of the service that the API is.

use crate::{
    base::time::Lifetime,
    domain::{
        oauth_error::{ErrorCode, OAuthError},
        scope::{OF_ISSUER, ScopeSet},
    },
};

/// The rules of one API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiRules {
    /// The scopes that it understands; all there are when it does not say.
    pub scope: Option<ScopeSet>,
    /// The longest life of its tokens.
    pub access_token: Option<Lifetime>,
}

impl ApiRules {
    /// The rules of two services that are the same API: what either understands, for as long as both accept.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let scope = match (self.scope, other.scope) {
            (Some(one), Some(other)) => Some(one.union(&other)),
            (one, other) => one.or(other),
        };
        let access_token = match (self.access_token, other.access_token) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self { scope, access_token }
    }

    /// What a token for it may do of `scope`. The scopes of OpenID Connect are for the issuer, who is in the audience too.
    pub fn understood(&self, scope: &ScopeSet) -> ScopeSet {
        let Some(own) = &self.scope else {
            return scope.clone();
        };
        scope.intersection(&own.union(&of_the_issuer()))
    }

    /// The life of a token for it that would live for `life`.
    pub fn life(&self, life: Lifetime) -> Lifetime {
        self.access_token.map_or(life, |own| life.min(own))
    }
}

/// Refuses a scope that was asked for by name and that none of the APIs understands for which tokens may be: the app would
/// get a token without it and not know why.
pub fn check_asked<'a>(
    asked: &ScopeSet,
    apis: impl IntoIterator<Item = &'a ApiRules>,
) -> Result<(), OAuthError> {
    let mut known = of_the_issuer();
    let mut none = true;
    for api in apis {
        let Some(own) = &api.scope else {
            return Ok(());
        };
        known = known.union(own);
        none = false;
    }
    if none || asked.is_within(&known) {
        return Ok(());
    }
    let hint = "scope names something that none of the APIs understands that the tokens are for (resource)";
    Err(OAuthError::new(ErrorCode::InvalidScope, hint))
}

fn of_the_issuer() -> ScopeSet {
    OF_ISSUER.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> ScopeSet {
        text.parse().expect("scopes")
    }

    #[test]
    fn a_token_carries_what_its_api_understands_and_what_is_the_issuers() {
        let api = ApiRules {
            scope: Some(scope("read write")),
            access_token: Some(Lifetime::from_secs(60)),
        };
        assert_eq!(api.understood(&scope("openid admin read")), scope("openid read"));
        assert_eq!(api.life(Lifetime::from_secs(300)), Lifetime::from_secs(60));
        assert_eq!(api.life(Lifetime::from_secs(30)), Lifetime::from_secs(30));
        let all = ApiRules::default();
        assert_eq!(all.understood(&scope("admin read")), scope("admin read"));
        let other = ApiRules {
            scope: Some(scope("admin")),
            access_token: None,
        };
        assert!(check_asked(&scope("openid admin"), [&api]).is_err());
        assert_eq!(check_asked(&scope("openid device_sso read"), [&api]), Ok(()));
        for apis in [vec![], vec![&api, &other], vec![&api, &all]] {
            assert_eq!(check_asked(&scope("openid admin"), apis), Ok(()));
        }
        let both = api.and(other);
        assert_eq!(both.understood(&scope("admin read x")), scope("admin read"));
        assert_eq!(both.access_token, Some(Lifetime::from_secs(60)));
    }
}
