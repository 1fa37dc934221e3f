//! The device authorization grant (RFC 8628): for a television, a speaker, a command line. The device shows a short code,
//! the person types it in on something with a browser, and the device's next poll gets tokens.

use crate::{
    base::{id::DeviceSessionId, time::Lifetime},
    domain::{
        api,
        browser_session::BrowserSession,
        claims::AskedClaims,
        client::{Client, GrantType},
        device_code::{DeviceCode, DeviceRequest, UserCode, Waiting},
        device_session::{Grant, Life},
        ending::{Ending, Reason},
        event::Subject,
        oauth_error::OAuthError,
    },
    flows::{
        Provider, authorization_details,
        consent::consent_to,
        end::end,
        pending::SealedPerson,
        token::{self, TokenError},
    },
    store::{
        device_codes::{self, AllowDevice, Begin},
        device_sessions::Allow,
        error::{Result, StoreError},
    },
};

/// How long a device waits between two polls (RFC 8628 section 3.2).
pub const INTERVAL: Lifetime = Lifetime::from_secs(5);
/// How often a person's code is drawn that another device has.
const TRIES: usize = 3;

/// What the device is told (RFC 8628 section 3.2).
#[derive(Debug)]
pub struct DeviceAuthorization {
    /// Its own code.
    pub device_code: DeviceCode,
    /// The person's code.
    pub user_code: UserCode,
    /// How long both are good.
    pub expires_in: Lifetime,
}

/// A device begins.
pub async fn begin(
    provider: &Provider,
    client: &Client,
    request: DeviceRequest,
) -> Result<DeviceAuthorization, TokenError> {
    let (now, life) = (provider.clock.now(), provider.lifetimes.device_code);
    for _ in 0..TRIES {
        let session = DeviceSessionId::new(now, &provider.entropy);
        let device_code = DeviceCode::new(session, &provider.entropy);
        let user_code = UserCode::new(&provider.entropy);
        let begin = Begin {
            id: session,
            code: device_code.digest(),
            user_code: user_code.digest(),
            client: client.id.clone(),
            unchecked: client.settings.is_unchecked(),
            request: &request,
            now,
            expires_at: now.plus(life),
        };
        match device_codes::begin(&provider.db, begin).await {
            Ok(true) => {
                return Ok(DeviceAuthorization {
                    device_code,
                    user_code,
                    expires_in: life,
                });
            }
            Ok(false) => {
                tracing::warn!(
                    client = %client.id,
                    limit = device_codes::MANY,
                    limit_of_client = device_codes::MANY_OF_CLIENT,
                    limit_of_unchecked = device_codes::MANY_OF_UNCHECKED,
                    "too many devices are waiting for a person"
                );
                return Err(StoreError::Busy.into());
            }
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Busy.into())
}

/// The request of a device, checked: `scope` and `resource` as at the authorization endpoint.
pub fn check(
    provider: &Provider,
    client: &Client,
    named: Option<&str>,
    resource: &[String],
    details: Option<&str>,
) -> Result<DeviceRequest, OAuthError> {
    let scope = client.scope_asked(named)?;
    token::check_grant(client, GrantType::DeviceCode)?;
    let resource = token::resource::of_client(client, resource)?;
    if let (Some(_), Some(api)) = (named, &resource) {
        api::check_asked(&scope, [&*provider.clients.api(api).unwrap_or_default()])?;
    }
    let details = details.map(|text| authorization_details::read(provider, client, text));
    Ok(DeviceRequest {
        scope,
        resource,
        authorization_details: details.transpose()?.unwrap_or_default(),
    })
}

/// What a person's code stands for, while it may be decided and its client may ask.
pub async fn find(provider: &Provider, code: UserCode) -> Result<Option<Waiting>> {
    device_codes::find(&provider.db, code.digest(), provider.clock.now()).await
}

/// A decision with all that it is made of.
#[derive(Debug, Clone, Copy)]
pub struct DeviceDecision<'a> {
    /// The device's request.
    pub waiting: &'a Waiting,
    /// Who asks.
    pub client: &'a Client,
    /// Who decides, as the page was sealed.
    pub person: &'a SealedPerson,
    /// In which browser session.
    pub session: &'a BrowserSession,
    /// What the browser says it is.
    pub browser: &'a str,
    /// Where the request came from.
    pub address: Option<&'a str>,
}

impl DeviceDecision<'_> {
    /// Writes the `granted` row, which the device's next poll redeems. False when it cannot be (any more): somebody has
    /// decided, or the code has expired. The session lives on its own and came from no browser: this one is only where it
    /// was allowed.
    pub async fn allow(&self, provider: &Provider) -> Result<bool> {
        let now = provider.clock.now();
        let Self {
            waiting,
            client,
            person,
            session,
            ..
        } = *self;
        let request = &waiting.request;
        let lifetimes = client.lifetimes(&provider.lifetimes);
        let consent = consent_to(
            provider,
            person.remembered.clone(),
            request.scope.clone(),
            self.subject(),
            now,
        );
        let allow = Allow {
            id: waiting.session,
            user: person.user,
            client: client.id.clone(),
            browser_session: session.id,
            origin: None,
            life: Life::Own,
            grant: Grant {
                scope: request.scope.clone(),
                resource: request.resource.clone(),
                resources: Vec::new(),
                authorization_details: request.authorization_details.clone(),
                claims: AskedClaims::default(),
                nonce: None,
                auth_time: session.authentication.auth_time,
                acr: session.authentication.acr.clone(),
                amr: session.authentication.amr.clone(),
                proved: false,
            },
            key: None,
            code: waiting.code,
            code_expires_at: waiting.expires_at,
            redirect_uri: String::new(),
            // No verifier has this challenge: it is no authorization code.
            challenge: waiting.code,
            device: format!("a device allowed in {}", self.browser),
            now,
            expires_at: now.plus(lifetimes.device_session_absolute),
            consent,
            pushed_request: None,
        };
        provider.db.write(AllowDevice(allow)).await
    }

    /// Says no; what an earlier tap on Allow had granted ends, also when the device has come for it already.
    pub async fn deny(&self, provider: &Provider) -> Result<()> {
        let (id, now) = (self.waiting.session, provider.clock.now());
        let denied = provider
            .db
            .execute(device_codes::DENY, (id, self.person.user, now))
            .await?;
        if denied.is_some() {
            end(provider, Ending::Device { id }, Reason::Denied, self.subject()).await?;
        }
        Ok(())
    }

    fn subject(&self) -> Subject {
        Subject {
            user: Some(self.person.user),
            client: Some(self.client.id.clone()),
            session: Some(self.waiting.session),
            address: self.address.map(str::to_owned),
        }
    }
}
