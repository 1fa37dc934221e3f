//! A contradiction between settings, told by the word that makes it.

use super::Flags;
use crate::{
    base::time::Lifetime,
    cli::client::checked::Checked,
    domain::client::{ClientSettings, Contradiction},
};

impl Flags {
    /// Tells of a contradiction by the word that makes it.
    pub(in crate::cli::client) fn tell(
        &self,
        broken: &Contradiction,
        settings: &ClientSettings,
        checked: &mut Checked,
    ) {
        let written = |value: &Option<String>| value.clone().unwrap_or_default();
        // As it was written, else as it is.
        let life = |value: &Option<String>, own: Option<Lifetime>| {
            let own = own.map(|own| own.to_string());
            value.clone().or(own).unwrap_or_default()
        };
        let own = settings.lifetimes;
        let (word, value) = match &*broken.setting {
            "token_endpoint_auth_method" => {
                ("--auth-method", settings.token_endpoint_auth_method.to_string())
            }
            "token_endpoint_auth_signing_alg" => ("--assertion-alg", written(&self.assertion_alg)),
            "assertion_audience" => ("--assertion-audience", settings.assertion_audience.to_string()),
            "jwks" => ("--jwks", written(&self.jwks)),
            "jwks_uri" => ("--jwks-uri", written(&self.jwks_uri)),
            "backchannel_logout_uri" => ("--backchannel-logout-uri", written(&self.backchannel_logout_uri)),
            "answers_without_tap" => ("--without-tap", settings.answers_without_tap.to_string()),
            "pkce" => ("--pkce", settings.pkce.to_string()),
            "dpop" => ("--dpop", settings.dpop.to_string()),
            "refresh_rotation" => ("--refresh-rotation", settings.refresh_rotation.to_string()),
            "id_token_signed_response_alg" => (
                "--id-token-alg",
                settings.id_token_signed_response_alg.to_string(),
            ),
            "request_object_signing_alg" => ("--request-object-alg", written(&self.request_object_alg)),
            "require_signed_request_object" => (
                "--require-signed-request",
                settings.require_signed_request_object.to_string(),
            ),
            "authorization_signed_response_alg" => (
                "--response-alg",
                settings.authorization_signed_response_alg.to_string(),
            ),
            "require_signed_authorization_response" => (
                "--require-signed-response",
                settings.require_signed_authorization_response.to_string(),
            ),
            "request_uri" | "lifetimes.request_uri" => (
                "--request-uri-life",
                life(&self.request_uri_life, own.request_uri),
            ),
            "lifetimes.access_token" => (
                "--access-token-life",
                life(&self.access_token_life, own.access_token),
            ),
            "lifetimes.device_session_idle" => (
                "--session-idle",
                life(&self.session_idle, own.device_session_idle),
            ),
            "lifetimes.device_session_absolute" => (
                "--session-absolute",
                life(&self.session_absolute, own.device_session_absolute),
            ),
            "audience_access_token" => (
                "--audience-token-life",
                life(&self.audience_token_life, settings.audience_access_token),
            ),
            "grant_types" => ("--grant-type", self.grant_types.join(" ")),
            "redirect_uris" => ("--redirect-uri", self.redirect_uris.join(" ")),
            "scope" => ("--scope", settings.scope.to_string()),
            "audience_scope" if self.audience_scopes.is_empty() => {
                ("--audience-token-life", written(&self.audience_token_life))
            }
            "audience_scope" => ("--audience-scope", self.audience_scopes.join(" ")),
            "audience_authorization_types" => (
                "--audience-authorization-type",
                self.audience_authorization_types.join(" "),
            ),
            "authorization_details_types" => (
                "--authorization-details-type",
                self.authorization_details_types.join(" "),
            ),
            "audience" => ("--audience", written(&self.audience)),
            "assertion_issuer" => ("--assertion-issuer", written(&self.assertion_issuer)),
            "sso_group" => ("--sso-group", written(&self.sso_group)),
            "userinfo_signed_response_alg" => ("--userinfo-alg", written(&self.userinfo_alg)),
            "introspection_signed_response_alg" => ("--introspection-alg", written(&self.introspection_alg)),
            "allowed_origins" => ("--origin", self.origins.join(" ")),
            other => (other, String::new()),
        };
        checked.refuse(word, &value, &broken.rule);
    }
}
