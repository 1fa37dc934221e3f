//! The words of `postern client add`: all of them checked, everything that is wrong told at once.

use std::{collections::BTreeSet, fmt::Display, fs, str::FromStr};

use anyhow::bail;
use clap::Args;

use crate::{
    base::{
        id::ClientId,
        jwk::JwkSet,
        text::DisplayName,
        time::Lifetime,
        url::{Issuer, RedirectUri, Resource, WebOrigin},
    },
    domain::{
        client::{
            AssertionIssuer, ClientKind, ClientLifetimes, ClientSettings, ConsentPolicy, Contradiction,
            GrantType, Preset,
        },
        key::rotation,
        policy::Lifetimes,
        scope::ScopeSet,
    },
};

/// Register an app.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct AddClient {
    #[arg(help = "Its client_id: 1 to 64 of the characters A-Z a-z 0-9 . _ ~ -")]
    id: String,
    /// What people see when they are asked to allow it
    #[arg(long)]
    name: String,
    #[arg(long = "redirect-uri", value_name = "URI", help = REDIRECT_URI)]
    redirect_uris: Vec<String>,
    #[arg(long, help = KIND)]
    kind: Option<String>,
    /// Settings under one name: fapi2, fapi2-message-signing or oidc-basic. What else is written here comes on top
    #[arg(long)]
    preset: Option<String>,
    #[arg(long, help = SCOPE)]
    scope: Option<String>,
    /// Whether people are asked to allow it: ask, or never (an app of your own)
    #[arg(long, default_value = "ask")]
    consent: String,
    /// Whether its tokens are bound to a key of its own (DPoP): off, allowed or required
    #[arg(long)]
    dpop: Option<String>,
    /// Refuse its authorization requests unless they were pushed (PAR)
    #[arg(long)]
    require_par: bool,
    #[arg(
        long,
        value_name = "LIFE",
        help = "How long a request that it has pushed is good, such as 60s [default: 10m, with the presets of FAPI 2.0 60s]"
    )]
    request_uri_life: Option<String>,
    /// Refuse its authorization requests unless it has signed them (JAR)
    #[arg(long)]
    require_signed_request: bool,
    #[arg(long, value_name = "ALG", help = REQUEST_ALG)]
    request_object_alg: Option<String>,
    /// Refuse its authorization requests unless they ask for a signed answer (JARM)
    #[arg(long)]
    require_signed_response: bool,
    /// What the answers are signed with that it asks to be signed: ES256 or RS256 [default: ES256]
    #[arg(long, value_name = "ALG")]
    response_alg: Option<String>,
    #[arg(long = "resource", value_name = "URI", help = RESOURCE)]
    resources: Vec<String>,
    #[arg(long = "post-logout-redirect-uri", value_name = "URI", help = POST_LOGOUT)]
    post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session of its people has ended (back-channel logout), an https URL
    #[arg(long, value_name = "URL")]
    backchannel_logout_uri: Option<String>,
    /// Send people back without a tap when there is nothing to ask; for https redirect URIs that the app claims
    #[arg(long)]
    without_tap: bool,
    /// An Android app of it, which gets this server's links and passwords; once for each
    #[arg(long = "android-app", value_name = "PACKAGE=FINGERPRINT")]
    android_apps: Vec<String>,
    /// An iOS app of it, likewise; once for each
    #[arg(long = "apple-app", value_name = "TEAM.BUNDLE")]
    apple_apps: Vec<String>,
    #[arg(long, value_name = "NAME", help = SSO_GROUP)]
    sso_group: Option<String>,
    /// Whose assertions open sessions of people here (RFC 7523): the iss of them; with --grant-type ..:jwt-bearer
    #[arg(long, value_name = "URL", requires = "assertion_subject")]
    assertion_issuer: Option<String>,
    /// A file with that issuer's public keys, a JWK set
    #[arg(long, value_name = "FILE", requires = "assertion_issuer")]
    assertion_issuer_jwks: Option<String>,
    /// Where that issuer's public keys are
    #[arg(long, value_name = "URL", requires = "assertion_issuer")]
    assertion_issuer_jwks_uri: Option<String>,
    #[arg(long, value_name = "WHAT", requires = "assertion_issuer", help = ASSERTION_SUBJECT)]
    assertion_subject: Option<String>,
    /// Let it sign people out of the browser too, by one request of its own that proves its key
    #[arg(long)]
    may_end_browser_session: bool,
    #[arg(
        long,
        value_name = "LIFE",
        help = "Life of its access and ID tokens, such as 5m [default: tokens.access_token]"
    )]
    access_token_life: Option<String>,
    #[arg(
        long,
        value_name = "LIFE",
        help = "How long a session lives unused, such as 90d [default: sessions.device_idle]"
    )]
    session_idle: Option<String>,
    #[arg(
        long,
        value_name = "LIFE",
        help = "How long a session lives at most, such as 365d [default: sessions.device_absolute]"
    )]
    session_absolute: Option<String>,
    #[arg(long, value_name = "METHOD", help = AUTH_METHOD)]
    auth_method: Option<String>,
    /// A file with its public keys, a JWK set
    #[arg(long, value_name = "FILE")]
    jwks: Option<String>,
    /// Where its public keys are
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    #[arg(long, value_name = "ALG", help = ASSERTION_ALG)]
    assertion_alg: Option<String>,
    #[arg(long, value_name = "WHICH", help = ASSERTION_AUDIENCE)]
    assertion_audience: Option<String>,
    #[arg(long, value_name = "WHEN", help = PKCE)]
    pkce: Option<String>,
    #[arg(long = "grant-type", value_name = "GRANT", help = GRANT_TYPES)]
    grant_types: Vec<String>,
    /// What becomes of its refresh tokens: rotate, or keep [default: rotate]
    #[arg(long, value_name = "WHICH")]
    refresh_rotation: Option<String>,
    /// What its ID tokens are signed with: ES256 or RS256 [default: ES256]
    #[arg(long, value_name = "ALG")]
    id_token_alg: Option<String>,
    /// What userinfo is signed with for it: ES256 or RS256 [default: it is not signed]
    #[arg(long, value_name = "ALG")]
    userinfo_alg: Option<String>,
    /// What answers to its questions about tokens are signed with, where it asks for signed ones: ES256 or RS256 [default: ES256]
    #[arg(long, value_name = "ALG")]
    introspection_alg: Option<String>,
    /// A web origin from which its pages call this server (CORS), such as `https://app.example`; once for each
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// The API that a service is: it may ask about the access tokens for this
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    /// A scope that the API understands: tokens for it carry no others; once for each [default: all there are]
    #[arg(long = "audience-scope", value_name = "SCOPE")]
    audience_scopes: Vec<String>,
    /// The longest life of the access tokens for the API, such as 2m [default: that of the app that asks]
    #[arg(long, value_name = "LIFE")]
    audience_token_life: Option<String>,
    #[arg(long = "audience-authorization-type", value_name = "NAME=FIELD,FIELD", help = API_DETAILS)]
    audience_authorization_types: Vec<String>,
    #[arg(long = "authorization-details-type", value_name = "NAME", help = DETAILS)]
    authorization_details_types: Vec<String>,
    /// How long its secret is good, such as 365d [default: until it is replaced]
    #[arg(long, value_name = "LIFE")]
    secret_expires_in: Option<String>,
}

/// What `postern client add` registers.
#[derive(Debug)]
pub(super) struct Adding {
    pub(super) id: ClientId,
    pub(super) name: DisplayName,
    pub(super) settings: ClientSettings,
    pub(super) secret_life: Option<Lifetime>,
}

const KIND: &str = "What it is: native (an app on people's devices), web (a server that people sign in to) or service \
                    (a program without people, or an API) [default: native]";
const SCOPE: &str =
    "The most that it may ask for [default: openid profile email offline_access, of a service nothing]";
const AUTH_METHOD: &str = "How it authenticates: none, client_secret_basic, client_secret_post or private_key_jwt [default: none for native, else client_secret_basic]";
const ASSERTION_ALG: &str =
    "The one algorithm of its assertions [default: ES256, PS256 or EdDSA, as its keys are]";
const API_DETAILS: &str =
    "A type of authorization_details that the API has, with its fields (RFC 9396); once for each";
const DETAILS: &str = "A type of authorization_details that it may ask people for; once for each";
const REQUEST_ALG: &str =
    "The one algorithm of its request objects [default: ES256, PS256 or EdDSA, as its keys are]";
const ASSERTION_AUDIENCE: &str =
    "What its assertions are made for: issuer_only, or issuer_or_token_endpoint [default: issuer_only]";
const PKCE: &str = "Whether it needs PKCE: required, required_unless_nonce or optional [default: required]";
const GRANT_TYPES: &str = "What it may send to the token endpoint; once for each [default: authorization_code and refresh_token, of a service client_credentials]";
const ASSERTION_SUBJECT: &str = "What that issuer calls a person in sub: user_id, or email";
const SSO_GROUP: &str = "The apps of its maker, which sign in by each other on a device (Native SSO): any name, the same for each of them";
const SCOPE_OF_PEOPLE: &str = "openid profile email offline_access";

const REDIRECT_URI: &str =
    "Where it gets its answers, such as http://127.0.0.1/callback (any port); once for each";

const RESOURCE: &str =
    "The API that its access tokens are for; once for each, the first is for requests that name none";
const POST_LOGOUT: &str =
    "Where people may be sent when it has signed them out, compared character by character; once for each";

impl AddClient {
    /// What to register, or every rule that is broken.
    pub(super) fn check(&self, server: &Lifetimes, issuer: &Issuer) -> anyhow::Result<Adding> {
        let mut checked = Checked::default();
        let id = checked.parse::<ClientId>("ID", &self.id);
        if id.as_ref().is_some_and(|id| id.host().is_some()) {
            let rule = "a client whose id is an address is not added: see registration.metadata_documents";
            checked.refuse("ID", &self.id, rule);
        }
        let name = checked.parse("--name", &self.name);
        let kind: Option<ClientKind> = checked.word("--kind", self.kind.as_ref());
        let preset: Option<Preset> = checked.word("--preset", self.preset.as_ref());
        let settings = preset.map_or_else(
            || ClientSettings::new(kind.unwrap_or(ClientKind::Native)),
            Preset::settings,
        );
        if let (Some(kind), Some(preset)) = (kind.filter(|kind| *kind != settings.kind), preset) {
            let rule = format!(
                "{preset} is a preset of the kind {}; leave --kind out",
                settings.kind
            );
            checked.refuse("--kind", kind.as_str(), rule);
        }
        let settings = self.over(settings, &mut checked);
        let faults = checked.faults.len();
        let mut lifetimes = self.lifetimes(&mut checked);
        lifetimes.request_uri = lifetimes.request_uri.or(settings.lifetimes.request_uri);
        // What does not read contradicts nothing yet.
        if checked.faults.len() == faults {
            checked.contradictions(lifetimes, server);
            let least = Lifetime::from_millis(server.retry_window.millis() * 2);
            if let Some(life) = settings.audience_access_token.filter(|life| *life < least) {
                let rule = format!("write at least twice tokens.retry_window, which is {least}");
                checked.refuse("--audience-token-life", &life.to_string(), rule);
            }
        }
        let settings = ClientSettings {
            lifetimes,
            ..settings
        };
        let secret_life = checked.life(
            "--secret-expires-in",
            self.secret_expires_in.as_ref(),
            SECRET_LIFE,
        );
        if let Some(life) = self.secret_expires_in.as_ref().filter(|_| !settings.has_secret()) {
            checked.refuse("--secret-expires-in", life, "this client has no secret");
        }
        if checked.faults.is_empty() {
            let of_preset = preset.map(|preset| preset.contradictions(&settings));
            let all = settings.contradictions(issuer);
            for broken in of_preset.into_iter().flatten().chain(all) {
                self.tell(&broken, &settings, &mut checked);
            }
        }
        match (id, name) {
            (Some(id), Some(name)) if checked.faults.is_empty() => Ok(Adding {
                id,
                name,
                settings,
                secret_life,
            }),
            _ => bail!(
                "this client cannot be added; correct what stands here:\n  {}",
                checked.faults.join("\n  ")
            ),
        }
    }

    /// The settings with what was written in their place.
    fn over(&self, mut settings: ClientSettings, checked: &mut Checked) -> ClientSettings {
        let is_service = settings.kind == ClientKind::Service;
        let usual = if is_service { "" } else { SCOPE_OF_PEOPLE };
        let scope = self.scope.as_deref().unwrap_or(usual);
        if let Some(read) = checked.parse::<ScopeSet>("--scope", scope) {
            if read.is_empty() && (!is_service || self.scope.is_some()) {
                checked.refuse("--scope", scope, "name at least one scope, such as openid");
            }
            settings.scope = read;
        }
        let redirect_uris = self.redirect_uris.iter();
        settings.redirect_uris = redirect_uris
            .filter_map(|uri| checked.parse::<RedirectUri>("--redirect-uri", uri))
            .collect();
        settings.android_apps = checked.parse_all("--android-app", &self.android_apps);
        settings.apple_apps = checked.parse_all("--apple-app", &self.apple_apps);
        settings.consent = checked
            .parse::<ConsentPolicy>("--consent", &self.consent)
            .unwrap_or(settings.consent);
        let mut resources = checked
            .parse_all::<Resource>("--resource", &self.resources)
            .into_iter();
        (settings.resource, settings.resources) = (resources.next(), resources.collect());
        settings.post_logout_redirect_uris =
            checked.parse_all("--post-logout-redirect-uri", &self.post_logout_redirect_uris);
        settings.backchannel_logout_uri =
            checked.word("--backchannel-logout-uri", self.backchannel_logout_uri.as_ref());
        settings.answers_without_tap = self.without_tap;
        settings.may_end_browser_session = self.may_end_browser_session;
        settings.sso_group = checked.word("--sso-group", self.sso_group.as_ref());
        settings.assertion_issuer = self.vouching(checked);
        settings.audience = checked.word::<Resource>("--audience", self.audience.as_ref());
        if !self.audience_scopes.is_empty() {
            settings.audience_scope =
                checked.parse::<ScopeSet>("--audience-scope", &self.audience_scopes.join(" "));
        }
        settings.audience_authorization_types = checked.parse_all(
            "--audience-authorization-type",
            &self.audience_authorization_types,
        );
        settings.authorization_details_types = self.authorization_details_types.iter().cloned().collect();
        let (word, life) = ("--audience-token-life", self.audience_token_life.as_ref());
        settings.audience_access_token = checked.life(word, life, Lifetime::from_days(1));
        settings.jwks = self.jwks.as_ref().and_then(|file| checked.keys("--jwks", file));
        settings.jwks_uri = checked.word("--jwks-uri", self.jwks_uri.as_ref());
        settings.token_endpoint_auth_signing_alg =
            checked.word("--assertion-alg", self.assertion_alg.as_ref());
        let or = &mut *checked;
        or.replace(
            "--auth-method",
            self.auth_method.as_ref(),
            &mut settings.token_endpoint_auth_method,
        );
        or.replace(
            "--assertion-audience",
            self.assertion_audience.as_ref(),
            &mut settings.assertion_audience,
        );
        or.replace("--pkce", self.pkce.as_ref(), &mut settings.pkce);
        or.replace("--dpop", self.dpop.as_ref(), &mut settings.dpop);
        or.replace(
            "--refresh-rotation",
            self.refresh_rotation.as_ref(),
            &mut settings.refresh_rotation,
        );
        or.replace(
            "--id-token-alg",
            self.id_token_alg.as_ref(),
            &mut settings.id_token_signed_response_alg,
        );
        settings.userinfo_signed_response_alg = or.word("--userinfo-alg", self.userinfo_alg.as_ref());
        settings.introspection_signed_response_alg =
            or.word("--introspection-alg", self.introspection_alg.as_ref());
        settings.allowed_origins = or.parse_all::<WebOrigin>("--origin", &self.origins);
        or.replace(
            "--response-alg",
            self.response_alg.as_ref(),
            &mut settings.authorization_signed_response_alg,
        );
        settings.require_pushed_authorization_requests |= self.require_par;
        settings.request_object_signing_alg =
            checked.word("--request-object-alg", self.request_object_alg.as_ref());
        settings.require_signed_request_object |= self.require_signed_request;
        settings.require_signed_authorization_response |= self.require_signed_response;
        if !self.grant_types.is_empty() {
            let grants = self.grant_types.iter();
            settings.grant_types = grants
                .filter_map(|grant| checked.parse::<GrantType>("--grant-type", grant))
                .collect::<BTreeSet<_>>();
        }
        settings
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

    fn lifetimes(&self, checked: &mut Checked) -> ClientLifetimes {
        let (day, session) = (Lifetime::from_days(1), Lifetime::from_days(3650));
        ClientLifetimes {
            access_token: checked.life("--access-token-life", self.access_token_life.as_ref(), day),
            device_session_idle: checked.life("--session-idle", self.session_idle.as_ref(), session),
            device_session_absolute: checked.life(
                "--session-absolute",
                self.session_absolute.as_ref(),
                session,
            ),
            request_uri: checked.life("--request-uri-life", self.request_uri_life.as_ref(), REQUEST_URI),
        }
    }

    /// Tells of a contradiction by the word that makes it.
    fn tell(&self, broken: &Contradiction, settings: &ClientSettings, checked: &mut Checked) {
        let written = |value: &Option<String>| value.clone().unwrap_or_default();
        let (word, value) = match broken.setting {
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
            "request_uri" => ("--request-uri-life", written(&self.request_uri_life)),
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
        checked.refuse(word, &value, broken.rule);
    }
}

/// No pushed request is given a longer life: it would outlive the pages that follow it.
const REQUEST_URI: Lifetime = Lifetime::from_secs(3600);
/// No secret is given a longer life.
const SECRET_LIFE: Lifetime = Lifetime::from_days(3650);

/// What was wrong so far.
#[derive(Default)]
struct Checked {
    faults: Vec<String>,
}

impl Checked {
    fn refuse(&mut self, word: &str, value: &str, rule: impl Display) {
        self.faults.push(format!("{word} {value:?}: {rule}"));
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, word: &str, value: &str) -> Option<T> {
        value.parse().map_err(|rule| self.refuse(word, value, rule)).ok()
    }

    /// The value of a word that need not be there.
    fn word<T: FromStr<Err: Display>>(&mut self, word: &str, value: Option<&String>) -> Option<T> {
        value.and_then(|value| self.parse(word, value))
    }

    /// Puts what was written in the place of what is there.
    fn replace<T: FromStr<Err: Display>>(&mut self, word: &str, value: Option<&String>, place: &mut T) {
        if let Some(read) = self.word(word, value) {
            *place = read;
        }
    }

    /// The keys in a file.
    fn keys(&mut self, word: &str, file: &str) -> Option<JwkSet> {
        match fs::read_to_string(file) {
            Ok(text) => text.parse().map_err(|rule| self.refuse(word, file, rule)).ok(),
            Err(error) => {
                self.refuse(word, file, format!("it cannot be read: {error}"));
                None
            }
        }
    }

    fn parse_all<T: FromStr<Err: Display>>(&mut self, word: &str, values: &[String]) -> Vec<T> {
        values
            .iter()
            .filter_map(|value| self.parse(word, value))
            .collect()
    }

    pub(super) fn life(&mut self, word: &str, value: Option<&String>, most: Lifetime) -> Option<Lifetime> {
        let value = value?;
        let life = self.parse::<Lifetime>(word, value)?;
        if life < Lifetime::from_secs(1) || life > most {
            self.refuse(word, value, format!("write a time from 1s to {most}"));
            return None;
        }
        Some(life)
    }

    /// What contradicts itself, or the server's settings; told with the names of the flags.
    fn contradictions(&mut self, own: ClientLifetimes, server: &Lifetimes) {
        let both = own.over(server);
        if let Some(life) = own
            .access_token
            .filter(|life| both.retry_window.millis() > life.millis() / 2)
        {
            let least = Lifetime::from_millis(both.retry_window.millis() * 2);
            let rule = format!("write at least twice tokens.retry_window, which is {least}");
            self.refuse("--access-token-life", &life.to_string(), rule);
        }
        if let Some(life) = own
            .access_token
            .filter(|life| both.key_rotation < rotation::shortest(*life))
        {
            let rule = format!(
                "with tokens that live so long, keys.rotate_every must be at least {}; it is {}",
                rotation::shortest(life),
                both.key_rotation
            );
            self.refuse("--access-token-life", &life.to_string(), rule);
        }
        let given = own.device_session_idle.or(own.device_session_absolute);
        if given.is_some() && both.device_session_idle > both.device_session_absolute {
            let rule = format!(
                "a session idles for at most as long as it lives, which is {} (--session-absolute)",
                both.device_session_absolute
            );
            self.refuse("--session-idle", &both.device_session_idle.to_string(), rule);
        }
    }
}
