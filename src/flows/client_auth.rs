//! Client authentication (RFC 6749 section 2.3): one way presented, which is the one that the client is registered with.
//!
//! Whoever is refused is told one text for every cause, so that nobody learns which clients there are; the log has the cause.

mod private_key_jwt;
mod secret;

use std::sync::Arc;

pub(in crate::flows) use self::private_key_jwt::NumericDate;
pub(super) use self::private_key_jwt::has_signed;
pub use self::private_key_jwt::{ASSERTION_TYPE, MOST_AHEAD, TAKEN_ALGORITHMS};
use crate::{
    base::{jws::JwsError, secret::Secret},
    domain::{
        client::{AuthMethod, Client},
        oauth_error::{ErrorCode, OAuthError},
    },
    flows::Provider,
    store::error::StoreError,
};

/// What a request presents to show which client it is from. It holds secrets, and does not print.
#[derive(Default)]
pub struct PresentedClient<'a> {
    /// The `client_id` of the form.
    pub client_id: Option<&'a str>,
    /// What the Authorization header says.
    pub authorization: Option<Authorization>,
    /// The `client_secret` of the form.
    pub client_secret: Option<&'a str>,
    /// The `client_assertion` (RFC 7521 section 4.2).
    pub client_assertion: Option<&'a str>,
    /// The `client_assertion_type`.
    pub client_assertion_type: Option<&'a str>,
}

/// An Authorization header.
#[derive(Debug)]
pub enum Authorization {
    /// `Basic`, decoded (RFC 7617, RFC 6749 section 2.3.1).
    Basic {
        /// The client.
        id: String,
        /// Its secret.
        secret: Secret<String>,
    },
    /// Another scheme, more than one, or one that does not read.
    Other,
}

/// Why a client is not authenticated.
#[derive(Debug, thiserror::Error)]
pub enum ClientAuthError {
    /// It is told why.
    #[error(transparent)]
    Refused(#[from] OAuthError),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is wrong with a proof: for the log alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Flaw {
    #[error("no such client, or it was disabled")]
    UnknownClient,
    #[error("it is registered with {registered} and presented {presented}")]
    OtherMethod {
        registered: AuthMethod,
        presented: AuthMethod,
    },
    #[error("client_id names another client than the proof")]
    OtherClientId,
    #[error("the Authorization header is no Basic credential")]
    BadHeader,
    #[error("no secret of it that is still good")]
    WrongSecret,
    #[error("the assertion does not read: {0}")]
    Assertion(#[from] JwsError),
    #[error("the assertion is not signed with an algorithm that the client may use")]
    Algorithm,
    #[error("it is a request object")]
    OtherType,
    #[error("its keys could not be fetched")]
    NoKeys,
    #[error("none of its keys made the signature")]
    Signature,
    #[error("iss and sub are not its client_id")]
    Subject,
    #[error("aud is not this server as the client has to name it")]
    Audience,
    #[error("exp, nbf or iat is out of bounds")]
    Time,
    #[error("jti is missing or too long")]
    Id,
    #[error("the assertion was used before")]
    Replay,
}

/// How a request tries to show which client it is from.
enum Way<'a> {
    None(&'a str),
    Secret(AuthMethod, &'a str, &'a str),
    Assertion(&'a str),
}

/// The client that a request is from.
pub async fn authenticate(
    provider: &Provider,
    presented: &PresentedClient<'_>,
) -> Result<Arc<Client>, ClientAuthError> {
    match one_way(presented)? {
        Way::None(id) => told(registered(provider, id, AuthMethod::None), id),
        Way::Secret(method, id, secret) => match registered(provider, id, method) {
            Ok(client) => told(secret::check(provider, client, secret).await?, id),
            Err(flaw) => told(Err(flaw), id),
        },
        Way::Assertion(assertion) => {
            let checked = private_key_jwt::check(provider, assertion, presented.client_id).await?;
            told(checked, presented.client_id.unwrap_or("?"))
        }
    }
}

/// The one way that is presented. More than one is refused, whatever each of them proves: who checks only the first of
/// them lets the second stand for somebody else.
fn one_way<'a>(presented: &'a PresentedClient<'_>) -> Result<Way<'a>, ClientAuthError> {
    let has_assertion = presented.client_assertion.is_some() || presented.client_assertion_type.is_some();
    let ways = [
        presented.authorization.is_some(),
        presented.client_secret.is_some(),
        has_assertion,
    ];
    if ways.into_iter().filter(|presented| *presented).count() > 1 {
        let hint =
            "authenticate in one way: by the Authorization header, by client_secret or by client_assertion";
        return Err(OAuthError::new(ErrorCode::InvalidClient, hint).into());
    }
    if let Some(authorization) = &presented.authorization {
        let Authorization::Basic { id, secret } = authorization else {
            return refuse(&Flaw::BadHeader, presented.client_id.unwrap_or("?"));
        };
        if presented.client_id.is_some_and(|other| other != id) {
            return refuse(&Flaw::OtherClientId, id);
        }
        return Ok(Way::Secret(AuthMethod::ClientSecretBasic, id, secret.expose()));
    }
    if has_assertion {
        let assertion = presented
            .client_assertion
            .filter(|_| presented.client_assertion_type == Some(ASSERTION_TYPE));
        let hint = "send client_assertion, a JWT, together with client_assertion_type, which is \
                    urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        return Ok(Way::Assertion(
            assertion.ok_or_else(|| OAuthError::new(ErrorCode::InvalidClient, hint))?,
        ));
    }
    let id = presented
        .client_id
        .ok_or_else(|| OAuthError::invalid_request("client_id is missing"))?;
    Ok(match presented.client_secret {
        Some(secret) => Way::Secret(AuthMethod::ClientSecretPost, id, secret),
        None => Way::None(id),
    })
}

/// A client that is registered with this way.
fn registered(provider: &Provider, id: &str, presented: AuthMethod) -> Result<Arc<Client>, Flaw> {
    let client = provider.clients.find(id).ok_or(Flaw::UnknownClient)?;
    let registered = client.settings.token_endpoint_auth_method;
    if registered == presented {
        Ok(client)
    } else {
        Err(Flaw::OtherMethod {
            registered,
            presented,
        })
    }
}

fn told(checked: Result<Arc<Client>, Flaw>, id: &str) -> Result<Arc<Client>, ClientAuthError> {
    checked.or_else(|flaw| refuse(&flaw, id))
}

fn refuse<T>(flaw: &Flaw, id: &str) -> Result<T, ClientAuthError> {
    // Whoever is refused does not fill the log.
    let id: String = id.chars().take(64).collect();
    tracing::info!(client = id, %flaw, "a client could not be authenticated");
    Err(OAuthError::invalid_client().into())
}
