//! What this server can do: OpenID Connect Discovery section 3 and RFC 8414 section 2, one document for both.

use postern_resource_server::PROOF_ALGORITHMS;
use serde_json::{Value, json};

use crate::{
    domain::{
        answer::ResponseMode,
        browser_session::ACR_ONE_FACTOR,
        client::{AuthMethod, GrantType},
        policy::Links,
        scope,
    },
    flows::{Provider, client_auth::TAKEN_ALGORITHMS},
};

/// The document. It tells the truth: what is not on is not in it.
pub fn document(provider: &Provider) -> Value {
    let issuer = &provider.issuer;
    let rs256 = provider.keys.load().rs256.is_some();
    let id_token_algorithms = if rs256 {
        &["ES256", "RS256"][..]
    } else {
        &["ES256"]
    };
    let mut document = json!({
        "issuer": issuer.as_str(),
        "authorization_endpoint": issuer.at("/authorize"),
        "token_endpoint": issuer.at("/token"),
        "userinfo_endpoint": issuer.at("/userinfo"),
        "jwks_uri": issuer.at("/jwks.json"),
        "revocation_endpoint": issuer.at("/revoke"),
        "introspection_endpoint": issuer.at("/introspect"),
        "end_session_endpoint": issuer.at("/logout"),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "response_types_supported": ["code"],
        "response_modes_supported": ResponseMode::WORDS,
        "authorization_signing_alg_values_supported": id_token_algorithms,
        "grant_types_supported": GrantType::ALL,
        "pushed_authorization_request_endpoint": issuer.at("/par"),
        "require_pushed_authorization_requests": false,
        "device_authorization_endpoint": issuer.at("/device_authorization"),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": id_token_algorithms,
        "userinfo_signing_alg_values_supported": id_token_algorithms,
        "introspection_signing_alg_values_supported": id_token_algorithms,
        "claim_types_supported": ["normal"],
        "token_endpoint_auth_methods_supported": AuthMethod::ALL,
        "token_endpoint_auth_signing_alg_values_supported": assertion_algorithms(),
        "revocation_endpoint_auth_methods_supported": AuthMethod::ALL,
        "revocation_endpoint_auth_signing_alg_values_supported": assertion_algorithms(),
        "introspection_endpoint_auth_methods_supported": confidential(),
        "introspection_endpoint_auth_signing_alg_values_supported": assertion_algorithms(),
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": PROOF_ALGORITHMS,
        "scopes_supported": scope::OF_PEOPLE,
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash",
            "name", "updated_at", "email", "email_verified",
        ],
        "acr_values_supported": [ACR_ONE_FACTOR],
        "ui_locales_supported": ["en"],
        "prompt_values_supported": ["none", "login", "consent"],
        "claims_parameter_supported": true,
        "request_parameter_supported": true,
        "request_object_signing_alg_values_supported": TAKEN_ALGORITHMS,
        "require_signed_request_object": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
    });
    // Ours: docs/revocations.md.
    document["revocation_stream_endpoint"] = issuer.at("/revocations").into();
    if provider.clients.has_native_sso() {
        add(&mut document, "scopes_supported", scope::DEVICE_SSO);
        add(&mut document, "claims_supported", "ds_hash");
        // OpenID Connect Native SSO for Mobile Apps 1.0 section 5.
        document["native_sso_supported"] = json!(true);
    }
    if provider.registration.is_on() {
        document["registration_endpoint"] = issuer.at("/register").into();
    }
    if provider.registration.metadata_documents {
        document["client_id_metadata_document_supported"] = true.into();
    }
    let Links {
        service_documentation,
        op_policy_uri,
        op_tos_uri,
    } = &provider.links;
    for (member, link) in [
        ("service_documentation", service_documentation),
        ("op_policy_uri", op_policy_uri),
        ("op_tos_uri", op_tos_uri),
    ] {
        if let Some(link) = link {
            document[member] = link.as_str().into();
        }
    }
    // Where an API has any (RFC 9396 section 10).
    let types = provider.clients.authorization_types();
    if !types.is_empty() {
        document["authorization_details_types_supported"] = json!(types);
    }
    document
}

fn add(document: &mut Value, list: &str, member: &str) {
    if let Some(list) = document[list].as_array_mut() {
        list.push(json!(member));
    }
}

/// Ed25519 is taken under its old and its new name (RFC 9864), and who looks for one does not know the other.
fn assertion_algorithms() -> Vec<&'static str> {
    let all = TAKEN_ALGORITHMS.iter().map(|algorithm| algorithm.as_str());
    all.chain(["Ed25519"]).collect()
}

/// Who asks about tokens has to authenticate (RFC 7662 section 2.1).
fn confidential() -> Vec<AuthMethod> {
    let all = AuthMethod::ALL.iter().copied();
    all.filter(|method| *method != AuthMethod::None).collect()
}
