//! What the app knows of the provider: its discovery document, and its keys for ID tokens.

use anyhow::{Context, bail};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde::Deserialize;
use serde_json::Value;

use crate::cli::demo::http::Http;

/// The parts of the discovery document that the app uses (OpenID Connect Discovery section 3).
#[derive(Debug, Deserialize)]
pub(super) struct Provider {
    /// Who it says it is.
    pub(super) issuer: String,
    /// Where people are sent.
    pub(super) authorization_endpoint: String,
    /// Where codes and refresh tokens are redeemed.
    pub(super) token_endpoint: String,
    /// Where its keys are.
    pub(super) jwks_uri: String,
}

impl Provider {
    /// Where the document of an issuer is.
    pub(super) fn document_url(issuer: &str) -> String {
        format!("{issuer}/.well-known/openid-configuration")
    }

    /// Reads the document; it has to be this issuer's own.
    pub(super) async fn discover(http: &Http, issuer: &str) -> anyhow::Result<Self> {
        let provider: Self = http.json(&Self::document_url(issuer)).await?;
        if provider.issuer != issuer {
            bail!("the discovery document names another issuer: {}", provider.issuer);
        }
        Ok(provider)
    }

    /// The claims of an ID token of ours (OpenID Connect Core section 3.1.3.7): signed by the issuer, for this client,
    /// not expired, and the answer to this very request.
    pub(super) async fn check_id_token(
        &self,
        http: &Http,
        token: &str,
        client: &str,
        nonce: &str,
    ) -> anyhow::Result<Value> {
        let keys: JwkSet = http.json(&self.jwks_uri).await?;
        let kid = decode_header(token)?
            .kid
            .context("the ID token does not name its key")?;
        let key = keys
            .find(&kid)
            .context("the ID token is signed with a key that is not published")?;
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[client]);
        rules.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        rules.leeway = 5;
        let claims = decode::<Value>(token, &DecodingKey::from_jwk(key)?, &rules);
        let claims = claims.context("the ID token is not valid")?.claims;
        if claims.get("nonce").and_then(Value::as_str) != Some(nonce) {
            bail!("the ID token answers another request: its nonce is not ours");
        }
        Ok(claims)
    }
}
