//! What a client says of itself becomes a registration, or the first rule that it breaks (RFC 7591 section 2).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use url::Url;

use super::{Bounds, Metadata, Proposed, refused};
use crate::{
    base::{
        jwk::JwkSet,
        text::DisplayName,
        url::{HttpsUrl, RedirectUri},
    },
    domain::{
        client::{
            AuthMethod, ClientKind, ClientSettings, DpopPolicy, GrantType, IdTokenAlgorithm, Preset,
            RegisteredBy,
        },
        oauth_error::OAuthError,
        scope::{self, ScopeSet},
    },
};

/// Members that ask for a protection which is not there. Ignored, the client would believe that it has it.
const NOT_OFFERED: [&str; 8] = [
    "id_token_encrypted_response_alg",
    "userinfo_encrypted_response_alg",
    "introspection_encrypted_response_alg",
    "authorization_encrypted_response_alg",
    "request_object_encryption_alg",
    "tls_client_auth_subject_dn",
    "sector_identifier_uri",
    "require_auth_time",
];

/// Grants that a client may register for itself.
const REGISTRABLE: [GrantType; 4] = [
    GrantType::AuthorizationCode,
    GrantType::RefreshToken,
    GrantType::DeviceCode,
    GrantType::ClientCredentials,
];

/// Links that are shown to people elsewhere, if at all: kept to be told again.
const LINKS: [&str; 4] = ["client_uri", "logo_uri", "policy_uri", "tos_uri"];

impl Metadata {
    /// The registration that these members ask for, or the first rule that they break.
    pub fn propose(&self, bounds: Bounds<'_>) -> Result<Proposed, OAuthError> {
        self.refuse_what_is_not_offered()?;
        let redirect_uris = self.redirect_uris()?;
        let grant_types = self.grant_types(bounds)?;
        self.check_response_types(&grant_types)?;
        let method: Option<AuthMethod> = self.word("token_endpoint_auth_method")?;
        let kind = self.kind(&grant_types, &redirect_uris, method)?;
        let mut settings = base(bounds.policy.preset, kind, method);
        settings.token_endpoint_auth_method = method.unwrap_or(settings.token_endpoint_auth_method);
        settings.token_endpoint_auth_signing_alg = self.word("token_endpoint_auth_signing_alg")?;
        (settings.redirect_uris, settings.grant_types) = (redirect_uris, grant_types);
        settings.post_logout_redirect_uris = self.all("post_logout_redirect_uris")?;
        settings.backchannel_logout_uri = self.word("backchannel_logout_uri")?;
        let host = |url: &str| Url::parse(url).ok()?.host_str().map(str::to_owned);
        let told_at = settings
            .backchannel_logout_uri
            .as_ref()
            .and_then(|url| host(url.as_str()));
        let mut redirects = settings.redirect_uris.iter();
        if bounds.is_open && told_at.is_some() && !redirects.any(|uri| host(uri.as_str()) == told_at) {
            let rule = "name a place at the host of one of the redirect_uris: nobody else is told of ends";
            return Err(refused("backchannel_logout_uri", rule));
        }
        // Every logout token has a sid, whether one is wanted or not.
        self.flag("backchannel_logout_session_required")?;
        settings.allowed_origins = self.all("allowed_origins")?;
        settings.scope = self.scope(bounds, kind)?;
        settings.resources.clone_from(&bounds.policy.resources);
        settings.jwks = self.jwks()?;
        settings.jwks_uri = self.word("jwks_uri")?;
        settings.id_token_signed_response_alg = self
            .word("id_token_signed_response_alg")?
            .unwrap_or_else(|| usual_algorithm(bounds.policy.preset, &settings));
        settings.userinfo_signed_response_alg = self.word("userinfo_signed_response_alg")?;
        settings.request_object_signing_alg = self.word("request_object_signing_alg")?;
        settings.require_signed_request_object |=
            self.flag("require_signed_request_object")?.unwrap_or(false);
        if let Some(alg) = self.word("authorization_signed_response_alg")? {
            settings.authorization_signed_response_alg = alg;
        }
        settings.introspection_signed_response_alg = self.word("introspection_signed_response_alg")?;
        settings.require_pushed_authorization_requests |= self
            .flag("require_pushed_authorization_requests")?
            .unwrap_or(false);
        if self.flag("dpop_bound_access_tokens")?.unwrap_or(false) {
            settings.dpop = DpopPolicy::Required;
        }
        if bounds.is_open {
            settings.registered_by = RegisteredBy::Itself;
        }
        let broken = settings.contradictions(bounds.issuer).into_iter();
        let of_preset = bounds
            .policy
            .preset
            .map(|preset| preset.contradictions(&settings));
        if let Some(broken) = broken.chain(of_preset.into_iter().flatten()).next() {
            return Err(refused(&broken.setting, broken.rule));
        }
        Ok(Proposed {
            name: self.name(&settings)?,
            settings,
            told: self.told()?,
        })
    }

    fn refuse_what_is_not_offered(&self) -> Result<(), OAuthError> {
        if let Some(member) = NOT_OFFERED.into_iter().find(|member| self.has(member)) {
            return Err(refused(member, "this is not offered here: leave it out"));
        }
        if self.text("subject_type")?.is_some_and(|kind| kind != "public") {
            return Err(refused(
                "subject_type",
                "a person has the same sub for every client: write public",
            ));
        }
        if self.flag("tls_client_certificate_bound_access_tokens")? == Some(true) {
            let rule = "certificates are not looked at here: bind tokens by dpop_bound_access_tokens";
            return Err(refused("tls_client_certificate_bound_access_tokens", rule));
        }
        Ok(())
    }

    fn redirect_uris(&self) -> Result<Vec<RedirectUri>, OAuthError> {
        let mut uris: Vec<RedirectUri> = Vec::new();
        for text in self.list("redirect_uris")?.unwrap_or_default() {
            let uri = text.parse().map_err(|error| refused("redirect_uris", error))?;
            if !uris.contains(&uri) {
                uris.push(uri);
            }
        }
        Ok(uris)
    }

    fn grant_types(&self, bounds: Bounds<'_>) -> Result<BTreeSet<GrantType>, OAuthError> {
        // RFC 7591 section 2.
        let listed = self
            .list("grant_types")?
            .unwrap_or_else(|| vec![GrantType::AuthorizationCode.as_str()]);
        let mut grants = BTreeSet::new();
        for word in listed {
            let grant = word.parse().ok().filter(|grant| REGISTRABLE.contains(grant));
            let rule = "one of them cannot be registered; write authorization_code, refresh_token, client_credentials or \
                        urn:ietf:params:oauth:grant-type:device_code";
            grants.insert(grant.ok_or_else(|| refused("grant_types", rule))?);
        }
        let mut people = [GrantType::AuthorizationCode, GrantType::DeviceCode].into_iter();
        let has_people = people.any(|grant| grants.contains(&grant));
        if !has_people && !grants.contains(&GrantType::ClientCredentials) {
            let rule = "name how tokens are got first: authorization_code, client_credentials or \
                        urn:ietf:params:oauth:grant-type:device_code";
            return Err(refused("grant_types", rule));
        }
        if bounds.is_open && grants.contains(&GrantType::ClientCredentials) {
            let rule = "client_credentials is for clients that somebody vouches for: register with an initial access token";
            return Err(refused("grant_types", rule));
        }
        Ok(grants)
    }

    /// RFC 7591 section 2.1: they go together with the grant types.
    fn check_response_types(&self, grants: &BTreeSet<GrantType>) -> Result<(), OAuthError> {
        let Some(listed) = self.list("response_types")? else {
            return Ok(());
        };
        if listed.iter().any(|word| *word != "code") {
            return Err(refused(
                "response_types",
                "the only response type is code: no token is given out at the browser",
            ));
        }
        if listed.is_empty() == grants.contains(&GrantType::AuthorizationCode) {
            return Err(refused(
                "response_types",
                "code goes with the grant type authorization_code, and only with that",
            ));
        }
        Ok(())
    }

    fn kind(
        &self,
        grants: &BTreeSet<GrantType>,
        redirect_uris: &[RedirectUri],
        method: Option<AuthMethod>,
    ) -> Result<ClientKind, OAuthError> {
        let native = match self.text("application_type")? {
            Some("native") => true,
            Some("web") => false,
            Some(_) => return Err(refused("application_type", "write native or web")),
            // Plain OAuth knows no such member, so what it registers says it.
            None => {
                let elsewhere = redirect_uris
                    .iter()
                    .any(|uri| !uri.as_str().starts_with("https:"));
                method == Some(AuthMethod::None) && elsewhere
            }
        };
        let has_people =
            grants.contains(&GrantType::AuthorizationCode) || grants.contains(&GrantType::DeviceCode);
        Ok(match (has_people, native) {
            (false, _) => ClientKind::Service,
            (true, true) => ClientKind::Native,
            (true, false) => ClientKind::Web,
        })
    }

    fn scope(&self, bounds: Bounds<'_>, kind: ClientKind) -> Result<ScopeSet, OAuthError> {
        let Some(text) = self.text("scope")? else {
            let people = kind != ClientKind::Service;
            return Ok(if people {
                bounds.scope.clone()
            } else {
                ScopeSet::default()
            });
        };
        let asked: ScopeSet = text.parse().map_err(|error| refused("scope", error))?;
        if asked.is_within(bounds.scope) {
            Ok(asked)
        } else {
            let rule = format!("a client that registers itself may ask for: {}", bounds.scope);
            Err(refused("scope", rule))
        }
    }

    fn jwks(&self) -> Result<Option<JwkSet>, OAuthError> {
        let keys = self
            .get("jwks")
            .map(|document| document.to_string().parse::<JwkSet>());
        keys.transpose().map_err(|error| refused("jwks", error))
    }

    /// Its own, or where it is at home: people have to be told something.
    fn name(&self, settings: &ClientSettings) -> Result<DisplayName, OAuthError> {
        if let Some(name) = self.text("client_name")? {
            return name.parse().map_err(|error| refused("client_name", error));
        }
        let home = settings
            .redirect_uris
            .first()
            .and_then(|uri| Url::parse(uri.as_str()).ok());
        let host = home
            .as_ref()
            .and_then(|url| url.host_str().or(Some(url.scheme())));
        let name = host.unwrap_or("Unnamed").chars().take(80).collect::<String>();
        name.parse().map_err(|error| refused("client_name", error))
    }

    fn told(&self) -> Result<Map<String, Value>, OAuthError> {
        let mut told = Map::new();
        for member in LINKS {
            if let Some(link) = self.word::<HttpsUrl>(member)? {
                told.insert(member.to_owned(), json!(link));
            }
        }
        for member in ["software_id", "software_version", "software_statement"] {
            if let Some(text) = self.text(member)? {
                told.insert(member.to_owned(), json!(text));
            }
        }
        if let Some(contacts) = self.list("contacts")? {
            told.insert("contacts".to_owned(), json!(contacts));
        }
        Ok(told)
    }
}

/// What it gets that it cannot say itself. A client without a secret has what every such client has.
fn base(preset: Option<Preset>, kind: ClientKind, method: Option<AuthMethod>) -> ClientSettings {
    match preset.map(Preset::settings) {
        Some(settings) if settings.kind == kind && method != Some(AuthMethod::None) => settings,
        _ => ClientSettings::new(kind),
    }
}

/// What an OpenID client gets that does not say (OpenID Connect Registration section 2).
fn usual_algorithm(preset: Option<Preset>, settings: &ClientSettings) -> IdTokenAlgorithm {
    if settings.scope.has(scope::OPENID) && preset != Some(Preset::Fapi2) {
        IdTokenAlgorithm::Rs256
    } else {
        IdTokenAlgorithm::Es256
    }
}
