//! What this server can do: OpenID Connect Discovery section 3 and RFC 8414 section 2, one document for both.

use serde_json::{Value, json};

use crate::{
    base::url::Issuer,
    domain::{browser_session::ACR_ONE_FACTOR, scope},
};

/// The document. It tells the truth: what is not on is not in it.
pub fn document(issuer: &Issuer) -> Value {
    json!({
        "issuer": issuer.as_str(),
        "authorization_endpoint": issuer.at("/authorize"),
        "token_endpoint": issuer.at("/token"),
        "userinfo_endpoint": issuer.at("/userinfo"),
        "jwks_uri": issuer.at("/jwks.json"),
        "revocation_endpoint": issuer.at("/revoke"),
        "end_session_endpoint": issuer.at("/logout"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": [scope::OPENID, scope::PROFILE, scope::EMAIL, scope::OFFLINE_ACCESS],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash",
            "name", "updated_at", "email", "email_verified",
        ],
        "acr_values_supported": [ACR_ONE_FACTOR],
        "ui_locales_supported": ["en"],
        "prompt_values_supported": ["none", "login", "consent"],
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
    })
}
