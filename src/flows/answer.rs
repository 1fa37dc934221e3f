//! The answer to an authorization request, signed where the client asked for that (JARM, the JWT Secured Authorization
//! Response Mode).

use crate::{
    domain::{
        answer::{Answer, SignedAnswer},
        client::Client,
        oauth_error::OAuthError,
        request::{AnswerTo, Outcome},
    },
    flows::Provider,
    ports::{
        keys::KeysError,
        signer::{BadKey, TokenType},
    },
    store::error::{Result, StoreError},
};

/// The answer with a code.
pub async fn with_code(provider: &Provider, client: &Client, to: &AnswerTo, code: String) -> Result<Answer> {
    send(provider, client, to, Outcome::Code(code)).await
}

/// The answer with an error, which is signed likewise (JARM section 2.1.2).
pub async fn with_error(
    provider: &Provider,
    client: &Client,
    to: &AnswerTo,
    error: &OAuthError,
) -> Result<Answer> {
    send(provider, client, to, Outcome::Error(error)).await
}

async fn send(provider: &Provider, client: &Client, to: &AnswerTo, outcome: Outcome<'_>) -> Result<Answer> {
    if to.mode().is_signed() {
        provider.keys.ensure_recent(&provider.db, &provider.clock).await?;
    }
    let keys = provider.keys.load();
    let algorithm = client.settings.authorization_signed_response_alg;
    let now = provider.clock.now();
    let answer = to.answer(&provider.issuer, outcome, |parameters| {
        let signer = keys.signer_of(algorithm)?;
        let claims = SignedAnswer::new(&client.id, parameters, now);
        signer.sign(TokenType::AuthorizationResponse, &claims)
    });
    answer.map_err(|bad: BadKey| StoreError::from(KeysError::from(bad)))
}
