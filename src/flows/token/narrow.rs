//! Less than a session's grant: one API of several (RFC 8707 section 2.2), some of its details (RFC 9396 section 6.1), a
//! narrower scope (RFC 6749 section 6). Chosen before the row moves: a refused request must not cost the client its code or
//! refresh token.

use crate::{
    base::url::Resource,
    domain::{
        authorization_details::AuthorizationDetails,
        client::Client,
        device_session::Grant,
        oauth_error::{ErrorCode, OAuthError},
        scope::ScopeSet,
    },
    flows::{
        Provider,
        token::{TokenError, live::NotEnded, resource},
    },
    store::device_sessions::{self, Found},
};

/// What a request asks for.
pub(super) struct Wanted<'a> {
    api: Option<&'a str>,
    details: Option<&'a str>,
    scope: Option<&'a ScopeSet>,
}

/// What tokens are made with instead of what the grant says.
#[derive(Default)]
pub(super) struct Narrowed {
    /// The API; the grant's first when none was named, or there is only one.
    pub(super) resource: Option<Resource>,
    /// The details; all of the grant's when none were named.
    pub(super) details: Option<AuthorizationDetails>,
}

impl<'a> Wanted<'a> {
    /// What a request of this client may ask for, whatever its session.
    pub(super) fn new(
        client: &Client,
        resource: &'a [String],
        details: Option<&'a str>,
        scope: Option<&'a ScopeSet>,
    ) -> Result<Self, OAuthError> {
        let api = match resource {
            [] => None,
            [asked] if client.allows_resource(asked) => {
                Some(asked.as_str()).filter(|_| !client.settings.resources.is_empty())
            }
            _ => return Err(resource::not_registered()),
        };
        if scope.is_some_and(ScopeSet::is_empty) {
            let hint = "name at least one scope, or leave the parameter out";
            return Err(OAuthError::new(ErrorCode::InvalidScope, hint));
        }
        Ok(Self { api, details, scope })
    }

    /// What the session has of it. `holds` says whether who asks has a code or token of the session: nobody else is told what
    /// it is for. Costs a reading, which only those pay who ask for less.
    pub(super) async fn of(
        &self,
        provider: &Provider,
        client: &Client,
        session: NotEnded,
        holds: impl FnOnce(&Found) -> bool,
    ) -> Result<Narrowed, TokenError> {
        if self.api.is_none() && self.details.is_none() && self.scope.is_none() {
            return Ok(Narrowed::default());
        }
        let found = device_sessions::find(&provider.db, session.id()).await?;
        let own = found.filter(|found| found.session.client == client.id && holds(found));
        match own {
            Some(own) => Ok(self.within(&own.grant)?),
            // The statement that follows refuses it, and says why.
            None => Ok(Narrowed::default()),
        }
    }

    fn within(&self, grant: &Grant) -> Result<Narrowed, OAuthError> {
        let narrowed = Narrowed {
            resource: self.resource(grant)?,
            details: self.details(grant)?,
        };
        self.check_scope(grant)?;
        Ok(narrowed)
    }

    fn resource(&self, grant: &Grant) -> Result<Option<Resource>, OAuthError> {
        let Some(asked) = self.api else {
            return Ok(None);
        };
        let allowed = grant.resources().find(|allowed| allowed.as_str() == asked);
        let hint = "the person did not allow this API: name it in the authorization request too";
        allowed
            .cloned()
            .map(Some)
            .ok_or_else(|| OAuthError::new(ErrorCode::InvalidTarget, hint))
    }

    fn details(&self, grant: &Grant) -> Result<Option<AuthorizationDetails>, OAuthError> {
        let Some(asked) = self.details else {
            return Ok(None);
        };
        let narrowed = grant.authorization_details.narrowed(asked);
        let hint = "a token request names authorization_details that the person allowed, as they are, or fewer of them";
        narrowed
            .map(Some)
            .ok_or_else(|| OAuthError::new(ErrorCode::InvalidAuthorizationDetails, hint))
    }

    /// The scope is the client's to choose; it never touches the grant.
    fn check_scope(&self, grant: &Grant) -> Result<(), OAuthError> {
        if self.scope.is_some_and(|asked| !asked.is_within(&grant.scope)) {
            let hint = "a refresh may ask for the granted scope or less";
            return Err(OAuthError::new(ErrorCode::InvalidScope, hint));
        }
        Ok(())
    }
}
