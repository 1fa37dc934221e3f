//! What clients say of themselves, when they register (RFC 7591) and at the address that is their id.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::{
    base::{time::Lifetime, url::Issuer},
    domain::{
        client::{AuthMethod, ClientKind, RegistrationMode},
        registration::{Bounds, Metadata, Proposed, RegistrationPolicy, of_document},
    },
};

const ADDRESS: &str = "https://app.example/client.json";

fn check(proposed: &Proposed, bounds: Bounds<'_>) {
    let settings = &proposed.settings;
    assert!(settings.contradictions(bounds.issuer).is_empty());
    assert!(settings.scope.is_within(bounds.scope));
    assert_ne!(settings.kind, ClientKind::Service, "nobody vouches for it");
    for link in ["client_uri", "logo_uri", "policy_uri", "tos_uri"] {
        let link = proposed.told.get(link).map(|link| link.as_str().expect("a text"));
        assert!(link.is_none_or(|link| link.starts_with("https://")));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let policy = RegistrationPolicy {
        mode: RegistrationMode::Open,
        scope: "openid profile email offline_access".parse().expect("scopes"),
        resources: Vec::new(),
        preset: None,
        unused_life: Lifetime::from_days(1),
        unused_most: 1,
        software_statement_required: false,
        metadata_documents: true,
        software_statement_issuers: Vec::new(),
    };
    let issuer: Issuer = "https://id.example".parse().expect("an issuer");
    let bounds = Bounds {
        issuer: &issuer,
        policy: &policy,
        scope: &policy.scope,
        is_open: true,
    };
    let read = str::from_utf8(bytes).ok().and_then(|text| Metadata::parse(text).ok());
    if let Some(Ok(proposed)) = read.map(|read| read.propose(bounds)) {
        check(&proposed, bounds);
    }
    let id = ADDRESS.parse().expect("an id");
    if let Ok(proposed) = of_document(&id, bytes, bounds) {
        check(&proposed, bounds);
        let method = proposed.settings.token_endpoint_auth_method;
        assert!(matches!(method, AuthMethod::None | AuthMethod::PrivateKeyJwt));
    }
});
