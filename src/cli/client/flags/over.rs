//! What was written in the place of what is there. What was not written stays.

use super::Flags;
use crate::{
    base::url::Resource,
    cli::client::checked::Checked,
    domain::{
        client::{AssertionIssuer, ClientLifetimes, ClientSettings, GrantType},
        scope::ScopeSet,
    },
};

impl Flags {
    /// The settings with what was written in their place. What contradicts what is the verb's to say.
    pub(in crate::cli::client) fn over(
        &self,
        settings: ClientSettings,
        checked: &mut Checked,
    ) -> ClientSettings {
        let mut settings = self.written(settings, checked);
        settings.lifetimes = self.lifetimes(settings.lifetimes, checked);
        settings
    }

    fn written(&self, mut settings: ClientSettings, checked: &mut Checked) -> ClientSettings {
        if let Some(scope) = &self.scope
            && let Some(read) = checked.parse::<ScopeSet>("--scope", scope)
        {
            if read.is_empty() {
                checked.refuse("--scope", scope, "name at least one scope, such as openid");
            }
            settings.scope = read;
        }
        self.choose(&mut settings, checked);
        self.name_algorithms(&mut settings, checked);
        self.list(&mut settings, checked);
        checked.place(
            "--backchannel-logout-uri",
            self.backchannel_logout_uri.as_ref(),
            &mut settings.backchannel_logout_uri,
        );
        checked.place("--sso-group", self.sso_group.as_ref(), &mut settings.sso_group);
        checked.place("--audience", self.audience.as_ref(), &mut settings.audience);
        checked.place("--jwks-uri", self.jwks_uri.as_ref(), &mut settings.jwks_uri);
        settings.answers_without_tap |= self.without_tap;
        settings.may_end_browser_session |= self.may_end_browser_session;
        settings.require_pushed_authorization_requests |= self.require_par;
        settings.require_signed_request_object |= self.require_signed_request;
        settings.require_signed_authorization_response |= self.require_signed_response;
        checked.place(
            "--audience-token-life",
            self.audience_token_life.as_ref(),
            &mut settings.audience_access_token,
        );
        if let Some(file) = &self.jwks {
            settings.jwks = checked.keys("--jwks", file);
        }
        if self.assertion_issuer.is_some() {
            settings.assertion_issuer = self.vouching(checked);
        }
        settings
    }

    /// Where there is always one of a few.
    fn choose(&self, settings: &mut ClientSettings, checked: &mut Checked) {
        checked.replace("--consent", self.consent.as_ref(), &mut settings.consent);
        checked.replace(
            "--auth-method",
            self.auth_method.as_ref(),
            &mut settings.token_endpoint_auth_method,
        );
        checked.replace(
            "--assertion-audience",
            self.assertion_audience.as_ref(),
            &mut settings.assertion_audience,
        );
        checked.replace("--pkce", self.pkce.as_ref(), &mut settings.pkce);
        checked.replace("--dpop", self.dpop.as_ref(), &mut settings.dpop);
        checked.replace(
            "--refresh-rotation",
            self.refresh_rotation.as_ref(),
            &mut settings.refresh_rotation,
        );
    }

    /// What it signs with, and what is signed for it.
    fn name_algorithms(&self, settings: &mut ClientSettings, checked: &mut Checked) {
        checked.replace(
            "--id-token-alg",
            self.id_token_alg.as_ref(),
            &mut settings.id_token_signed_response_alg,
        );
        checked.replace(
            "--response-alg",
            self.response_alg.as_ref(),
            &mut settings.authorization_signed_response_alg,
        );
        checked.place(
            "--assertion-alg",
            self.assertion_alg.as_ref(),
            &mut settings.token_endpoint_auth_signing_alg,
        );
        checked.place(
            "--userinfo-alg",
            self.userinfo_alg.as_ref(),
            &mut settings.userinfo_signed_response_alg,
        );
        checked.place(
            "--introspection-alg",
            self.introspection_alg.as_ref(),
            &mut settings.introspection_signed_response_alg,
        );
        checked.place(
            "--request-object-alg",
            self.request_object_alg.as_ref(),
            &mut settings.request_object_signing_alg,
        );
    }

    /// What there may be several of.
    fn list(&self, settings: &mut ClientSettings, checked: &mut Checked) {
        checked.list("--redirect-uri", &self.redirect_uris, &mut settings.redirect_uris);
        checked.list("--android-app", &self.android_apps, &mut settings.android_apps);
        checked.list("--apple-app", &self.apple_apps, &mut settings.apple_apps);
        checked.list(
            "--post-logout-redirect-uri",
            &self.post_logout_redirect_uris,
            &mut settings.post_logout_redirect_uris,
        );
        checked.list(
            "--audience-authorization-type",
            &self.audience_authorization_types,
            &mut settings.audience_authorization_types,
        );
        checked.list("--origin", &self.origins, &mut settings.allowed_origins);
        if !self.resources.is_empty() {
            let all = checked.parse_all::<Resource>("--resource", &self.resources);
            let mut all = all.into_iter();
            (settings.resource, settings.resources) = (all.next(), all.collect());
        }
        if !self.audience_scopes.is_empty() {
            settings.audience_scope = checked.parse("--audience-scope", &self.audience_scopes.join(" "));
        }
        if !self.authorization_details_types.is_empty() {
            settings.authorization_details_types = self.authorization_details_types.iter().cloned().collect();
        }
        if !self.grant_types.is_empty() {
            let grants = checked.parse_all::<GrantType>("--grant-type", &self.grant_types);
            settings.grant_types = grants.into_iter().collect();
        }
    }

    /// Who vouches for its people.
    fn vouching(&self, checked: &mut Checked) -> Option<AssertionIssuer> {
        let issuer = checked.word("--assertion-issuer", self.assertion_issuer.as_ref());
        let subject = checked.word("--assertion-subject", self.assertion_subject.as_ref());
        let file = self.assertion_issuer_jwks.as_ref();
        let jwks = file.and_then(|file| checked.keys("--assertion-issuer-jwks", file));
        let place = self.assertion_issuer_jwks_uri.as_ref();
        let jwks_uri = checked.word("--assertion-issuer-jwks-uri", place);
        Some(AssertionIssuer {
            issuer: issuer?,
            jwks,
            jwks_uri,
            subject: subject?,
        })
    }

    fn lifetimes(&self, own: ClientLifetimes, checked: &mut Checked) -> ClientLifetimes {
        let mut life = |word, value: &Option<String>| checked.word(word, value.as_ref());
        ClientLifetimes {
            access_token: life("--access-token-life", &self.access_token_life).or(own.access_token),
            device_session_idle: life("--session-idle", &self.session_idle).or(own.device_session_idle),
            device_session_absolute: life("--session-absolute", &self.session_absolute)
                .or(own.device_session_absolute),
            request_uri: life("--request-uri-life", &self.request_uri_life).or(own.request_uri),
        }
    }
}
