//! The person's decision: Allow (or Continue) writes the `granted` row and gives the code; Deny ends it.

use crate::{
    base::{id::UserId, time::Instant, url::Resource},
    domain::{
        answer::Answer,
        browser_session::BrowserSession,
        client::Client,
        consent::needed,
        device_session::{Grant, Life},
        ending::{Ending, Reason},
        event::{Event, Subject},
        oauth_error::{ErrorCode, OAuthError},
        request::AuthorizationRequest,
        scope::{self, ScopeSet},
    },
    flows::{Provider, answer, end::end, pending::SealedPerson},
    store::{
        consents::{self, NewConsent},
        device_sessions::Allow,
        error::{Result, StoreError},
    },
};

/// What a person has allowed a client so far.
pub async fn remembered(provider: &Provider, user: UserId, client: &Client) -> Result<Option<ScopeSet>> {
    let row = provider
        .db
        .read(consents::FIND, (user, client.id.clone()))
        .await?;
    row.map(|(scope,)| scope.parse().map_err(|_| StoreError::corrupt("consents.scope")))
        .transpose()
}

/// What is remembered when a person, or the app's operator for them, allows this after what they had allowed before; nothing
/// when that was all of it.
pub(super) fn consent_to(
    provider: &Provider,
    before: Option<ScopeSet>,
    asked: ScopeSet,
    subject: Subject,
    now: Instant,
) -> Option<NewConsent> {
    let scope = needed(before.as_ref(), &asked)?;
    Some(NewConsent {
        before,
        asked,
        event: provider.event(now, subject, Event::ConsentGranted { scope }),
    })
}

/// A decision with all that it is made of.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// What was asked.
    pub request: &'a AuthorizationRequest,
    /// Who asks.
    pub client: &'a Client,
    /// Who decides, as the page was sealed.
    pub person: &'a SealedPerson,
    /// In which browser session: the cookie's, and the one that the page was sealed for.
    pub session: &'a BrowserSession,
    /// What the browser says it is.
    pub device: &'a str,
    /// Where the request came from.
    pub address: Option<&'a str>,
}

impl Decision<'_> {
    /// The answer with the code; nothing when this sign-in is finished: redeemed, ended, or its session over.
    pub async fn allow(&self, provider: &Provider) -> Result<Option<Answer>> {
        let now = provider.clock.now();
        let Decision {
            request,
            client,
            person,
            session,
            ..
        } = *self;
        let lifetimes = client.lifetimes(&provider.lifetimes);
        let asked = request.scope_with_claims();
        let consent = consent_to(provider, person.remembered.clone(), asked, self.subject(), now);
        let (resource, resources) = self.resources();
        let own = request.scope.has(scope::OFFLINE_ACCESS);
        let code = person.code();
        let change = Allow {
            id: person.device_session,
            user: person.user,
            client: client.id.clone(),
            browser_session: session.id,
            origin: Some(session.id),
            life: if own { Life::Own } else { Life::WithBrowser },
            grant: Grant {
                scope: request.scope.clone(),
                resource,
                resources,
                authorization_details: request.authorization_details.clone(),
                claims: request.claims.clone(),
                nonce: request.nonce.clone(),
                auth_time: session.authentication.auth_time,
                acr: session.authentication.acr.clone(),
                amr: session.authentication.amr.clone(),
                proved: person.proved,
            },
            key: request.dpop_jkt,
            code: code.digest(),
            code_expires_at: now.plus(lifetimes.authorization_code),
            redirect_uri: request.answer_to.redirect_uri().to_owned(),
            challenge: request.challenge.digest(),
            device: self.device.to_owned(),
            now,
            expires_at: now.plus(lifetimes.device_session_absolute),
            consent,
            pushed_request: request.pushed,
        };
        let granted = match provider.db.write(change).await {
            Err(StoreError::Conflict(_)) if request.pushed.is_some() => {
                let hint = "this request_uri was used: push the request again";
                let used = OAuthError::new(ErrorCode::InvalidRequestUri, hint);
                let told = answer::with_error(provider, client, &request.answer_to, &used).await?;
                return Ok(Some(told));
            }
            granted => granted?,
        };
        if !granted {
            return Ok(None);
        }
        let told = answer::with_code(provider, client, &request.answer_to, code.expose()).await?;
        Ok(Some(told))
    }

    /// The API that tokens are for when nobody names one, and the others that were asked for: the client's default comes
    /// first, where it is among them.
    fn resources(&self) -> (Option<Resource>, Vec<Resource>) {
        let default = self.client.settings.resource.as_ref();
        let mut asked = self.request.resources.clone();
        if asked.is_empty() {
            return (default.cloned(), Vec::new());
        }
        let first = asked.iter().position(|asked| Some(asked) == default);
        let first = asked.remove(first.unwrap_or(0));
        (Some(first), asked)
    }

    /// The answer that says no; what an earlier tap on Allow had granted ends.
    pub async fn deny(&self, provider: &Provider) -> Result<Answer> {
        let ending = Ending::Granted {
            id: self.person.device_session,
        };
        end(provider, ending, Reason::Denied, self.subject()).await?;
        let to = &self.request.answer_to;
        answer::with_error(provider, self.client, to, &OAuthError::access_denied()).await
    }

    fn subject(&self) -> Subject {
        Subject {
            user: Some(self.person.user),
            client: Some(self.client.id.clone()),
            session: Some(self.person.device_session),
            address: self.address.map(str::to_owned),
        }
    }
}
