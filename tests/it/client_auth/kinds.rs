//! Kinds, presets and the settings that contradict each other.

use std::borrow::Cow;

use postern::{
    base::jws::JwsAlgorithm,
    domain::client::{
        AuthMethod, ClientKind, ClientSettings, Contradiction, GrantType, IdTokenAlgorithm, PkcePolicy,
        Preset, RefreshRotation,
    },
    flows::clients::{self, ClientError},
};

use super::{API, Key};
use crate::harness::Postern;

type Change = fn(&mut ClientSettings);

async fn broken(postern: &Postern, settings: ClientSettings) -> Option<Cow<'static, str>> {
    let (id, name) = ("app".parse().expect("an id"), "App".parse().expect("a name"));
    match clients::add(postern.provider(), id, name, settings).await {
        Ok(_) => None,
        Err(ClientError::Contradictions(mut all)) => {
            let Contradiction { setting, rule } = all.swap_remove(0);
            assert!(rule.len() > 20, "{rule}");
            Some(setting)
        }
        Err(other) => panic!("{other}"),
    }
}

fn valid(kind: ClientKind) -> ClientSettings {
    let mut settings = ClientSettings::new(kind);
    if kind != ClientKind::Service {
        settings.redirect_uris = vec!["https://app.example/cb".parse().expect("valid")];
        settings.scope = "openid".parse().expect("valid");
    }
    settings
}

fn jwks() -> postern::base::jwk::JwkSet {
    let text = serde_json::json!({ "keys": [Key::es256("k").public()] }).to_string();
    text.parse().expect("a key set")
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused_by_name() {
    use AuthMethod::{ClientSecretBasic, None as Public, PrivateKeyJwt};
    use ClientKind::{Native, Service, Web};
    let postern = Postern::start().await;
    let cases: [(ClientKind, Change, &str); 19] = [
        (
            Native,
            |s| s.token_endpoint_auth_method = ClientSecretBasic,
            "token_endpoint_auth_method",
        ),
        (
            Service,
            |s| s.token_endpoint_auth_method = Public,
            "token_endpoint_auth_method",
        ),
        (Web, |s| s.token_endpoint_auth_method = PrivateKeyJwt, "jwks"),
        (Native, |s| s.jwks = Some(jwks()), "jwks"),
        (
            Web,
            |s| (s.jwks, s.jwks_uri) = (Some(jwks()), "https://app.example/jwks".parse().ok()),
            "jwks_uri",
        ),
        (
            Web,
            |s| s.token_endpoint_auth_signing_alg = Some(JwsAlgorithm::Ps256),
            "token_endpoint_auth_signing_alg",
        ),
        (Native, |s| s.pkce = PkcePolicy::Optional, "pkce"),
        (
            Web,
            |s| (s.pkce, s.token_endpoint_auth_method) = (PkcePolicy::RequiredUnlessNonce, Public),
            "pkce",
        ),
        (
            Native,
            |s| s.refresh_rotation = RefreshRotation::Keep,
            "refresh_rotation",
        ),
        (
            Native,
            |s| s.grant_types.extend([GrantType::ClientCredentials]),
            "grant_types",
        ),
        (
            Service,
            |s| {
                s.grant_types.insert(GrantType::AuthorizationCode);
                s.redirect_uris = vec!["https://app.example/cb".parse().expect("valid")];
            },
            "grant_types",
        ),
        (
            Service,
            |s| s.grant_types.extend([GrantType::RefreshToken]),
            "grant_types",
        ),
        (Web, |s| s.redirect_uris.clear(), "redirect_uris"),
        (Native, |s| s.redirect_uris.clear(), "redirect_uris"),
        (
            Service,
            |s| s.redirect_uris = vec!["https://a.example/".parse().expect("valid")],
            "redirect_uris",
        ),
        (
            Web,
            |s| {
                s.redirect_uris
                    .push("com.example.app:/cb".parse().expect("valid"));
            },
            "redirect_uris",
        ),
        (
            Service,
            |s| s.scope = "read openid".parse().expect("valid"),
            "scope",
        ),
        (Web, |s| s.audience = API.parse().ok(), "audience"),
        (
            Service,
            |s| s.audience = "http://localhost:8080".parse().ok(),
            "audience",
        ),
    ];
    assert_eq!(postern.issuer(), "http://localhost:8080");
    for (place, (kind, change, setting)) in cases.into_iter().enumerate() {
        let mut settings = valid(kind);
        change(&mut settings);
        let found = broken(&postern, settings).await;
        assert_eq!(found.as_deref(), Some(setting), "case {place}");
    }
    for kind in ClientKind::ALL {
        assert_eq!(broken(&postern, valid(*kind)).await, None, "{kind}");
        clients::remove(postern.provider(), "app".parse().expect("an id"), None)
            .await
            .expect("removed");
    }
    // A web app without a server is public, and PKCE stays.
    let mut public = valid(Web);
    public.token_endpoint_auth_method = Public;
    assert_eq!(broken(&postern, public).await, None);
}

#[test]
fn presets_are_what_they_promise() {
    let fapi = Preset::Fapi2.settings();
    assert_eq!(fapi.token_endpoint_auth_method, AuthMethod::PrivateKeyJwt);
    assert_eq!(
        (fapi.pkce, fapi.refresh_rotation),
        (PkcePolicy::Required, RefreshRotation::Keep)
    );
    assert_eq!(fapi.id_token_signed_response_alg, IdTokenAlgorithm::Es256);
    assert!(Preset::Fapi2.contradictions(&fapi).is_empty());
    let changes: [(Change, &str); 5] = [
        (
            |s| s.token_endpoint_auth_method = AuthMethod::ClientSecretBasic,
            "token_endpoint_auth_method",
        ),
        (
            |s| s.token_endpoint_auth_signing_alg = Some(JwsAlgorithm::Rs256),
            "token_endpoint_auth_signing_alg",
        ),
        (
            |s| s.assertion_audience = postern::domain::client::AssertionAudience::IssuerOrTokenEndpoint,
            "assertion_audience",
        ),
        (|s| s.pkce = PkcePolicy::Optional, "pkce"),
        (
            |s| s.id_token_signed_response_alg = IdTokenAlgorithm::Rs256,
            "id_token_signed_response_alg",
        ),
    ];
    for (change, setting) in changes {
        let mut settings = fapi.clone();
        change(&mut settings);
        let found: Vec<_> = Preset::Fapi2
            .contradictions(&settings)
            .iter()
            .map(|found| found.setting.clone())
            .collect();
        assert_eq!(found, [setting]);
    }
    let basic = Preset::OidcBasic.settings();
    assert_eq!(basic.token_endpoint_auth_method, AuthMethod::ClientSecretBasic);
    assert_eq!(basic.pkce, PkcePolicy::RequiredUnlessNonce);
    assert_eq!(basic.id_token_signed_response_alg, IdTokenAlgorithm::Rs256);
}

#[test]
fn rows_of_the_time_before_read_as_the_native_apps_that_they_are() {
    let old =
        r#"{"kind":"native","redirect_uris":["http://127.0.0.1/callback"],"scope":"openid","consent":"ask"}"#;
    let read: ClientSettings = serde_json::from_str(old).expect("it reads");
    let mut expected = ClientSettings::new(ClientKind::Native);
    expected.redirect_uris = vec!["http://127.0.0.1/callback".parse().expect("valid")];
    expected.scope = "openid".parse().expect("valid");
    assert_eq!(read, expected);
    let written = serde_json::to_string(&read).expect("JSON");
    assert_eq!(
        serde_json::from_str::<ClientSettings>(&written).expect("it reads"),
        read
    );
}
