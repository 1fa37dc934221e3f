//! Presets: the settings of clients that many have, so that nobody has to know each of them.

use super::{
    AssertionAudience, AuthMethod, ClientKind, ClientLifetimes, ClientSettings, Contradiction, DpopPolicy,
    IdTokenAlgorithm, PkcePolicy, RefreshRotation,
};
use crate::base::{jws::JwsAlgorithm, time::Lifetime};

pub use super::words::Preset;

impl Preset {
    /// The settings that it stands for.
    pub fn settings(self) -> ClientSettings {
        let web = ClientSettings::new(ClientKind::Web);
        match self {
            Self::Fapi2 => ClientSettings {
                token_endpoint_auth_method: AuthMethod::PrivateKeyJwt,
                // FAPI 2.0 Security Profile sections 5.3.2.2 and 5.3.2.1.
                require_pushed_authorization_requests: true,
                dpop: DpopPolicy::Required,
                // FAPI 2.0 Security Profile section 5.3.2.1: refresh tokens are not rotated.
                refresh_rotation: RefreshRotation::Keep,
                // Section 5.3.2.2: less than 600 seconds.
                lifetimes: ClientLifetimes {
                    request_uri: Some(Lifetime::from_secs(60)),
                    ..ClientLifetimes::default()
                },
                ..web
            },
            Self::Fapi2MessageSigning => ClientSettings {
                // FAPI 2.0 Message Signing sections 5.3.1 and 5.4.1.
                require_signed_request_object: true,
                require_signed_authorization_response: true,
                ..Self::Fapi2.settings()
            },
            Self::OidcBasic => ClientSettings {
                assertion_audience: AssertionAudience::IssuerOrTokenEndpoint,
                pkce: PkcePolicy::RequiredUnlessNonce,
                refresh_rotation: RefreshRotation::Keep,
                id_token_signed_response_alg: IdTokenAlgorithm::Rs256,
                ..web
            },
        }
    }

    /// What settings say that the preset forbids.
    pub fn contradictions(self, settings: &ClientSettings) -> Vec<Contradiction> {
        if self == Self::OidcBasic {
            return Vec::new();
        }
        let rules = [
            (
                settings.token_endpoint_auth_method != AuthMethod::PrivateKeyJwt,
                "token_endpoint_auth_method",
                "FAPI 2.0 clients authenticate with private_key_jwt (Security Profile section 5.3.2.1)",
            ),
            (
                settings.token_endpoint_auth_signing_alg == Some(JwsAlgorithm::Rs256),
                "token_endpoint_auth_signing_alg",
                "FAPI 2.0 forbids RS256 (Security Profile section 5.4.1): write ES256, PS256 or EdDSA",
            ),
            (
                settings.assertion_audience != AssertionAudience::IssuerOnly,
                "assertion_audience",
                "an assertion of a FAPI 2.0 client is for the issuer (Security Profile section 5.3.2.1): write issuer_only",
            ),
            (
                settings.pkce != PkcePolicy::Required,
                "pkce",
                "FAPI 2.0 requires PKCE (Security Profile section 5.3.2.2): write required",
            ),
            (
                settings.dpop != DpopPolicy::Required,
                "dpop",
                "FAPI 2.0 binds tokens to a key (Security Profile section 5.3.2.1): write required",
            ),
            (
                settings.id_token_signed_response_alg == IdTokenAlgorithm::Rs256,
                "id_token_signed_response_alg",
                "FAPI 2.0 forbids RS256 (Security Profile section 5.4.1): write ES256",
            ),
            (
                settings.request_object_signing_alg == Some(JwsAlgorithm::Rs256),
                "request_object_signing_alg",
                "FAPI 2.0 forbids RS256 (Security Profile section 5.4.1): write ES256, PS256 or EdDSA",
            ),
            (
                settings.authorization_signed_response_alg == IdTokenAlgorithm::Rs256,
                "authorization_signed_response_alg",
                "FAPI 2.0 forbids RS256 (Security Profile section 5.4.1): write ES256",
            ),
            (
                settings
                    .lifetimes
                    .request_uri
                    .is_none_or(|life| life >= Lifetime::from_secs(600)),
                "request_uri",
                "a FAPI 2.0 request_uri is good for less than 600 seconds (Security Profile section 5.3.2.2)",
            ),
        ];
        let broken = rules.into_iter().filter(|(broken, ..)| *broken);
        broken
            .map(|(_, setting, rule)| Contradiction::new(setting, rule))
            .collect()
    }
}
