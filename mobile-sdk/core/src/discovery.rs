//! What a server says about itself (OpenID Connect Discovery section 3, RFC 8414 section 2), and what of it is believed.

use serde_json::{Map, Value, json};

use crate::{
    clock::Until,
    config::{Config, DpopPolicy, ParPolicy},
    effect::{Header, HttpFailure, HttpRequest},
    error::{ErrorCode, SdkError},
    host::{Host, Result},
    json,
    secret::Secret,
    url,
};

/// The endpoints of a server. They are stored with each session: a refresh asks nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) authorization: String,
    pub(crate) token: String,
    pub(crate) par: Option<String>,
    pub(crate) revocation: Option<String>,
    pub(crate) end_session: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) challenge: Option<String>,
    /// Every redirect says who answers (RFC 9207).
    pub(crate) says_iss: bool,
    pub(crate) dpop: bool,
}

/// An endpoint's URL.
const LONGEST: usize = 2048;
const DAY: i64 = 86_400_000;

impl Server {
    /// Reads the document of this issuer.
    pub(crate) fn parse(document: &[u8], config: &Config) -> std::result::Result<Self, ErrorCode> {
        let document = json::object(document).ok_or(ErrorCode::DiscoveryMalformed)?;
        if json::text(&document, "issuer") != Some(config.issuer.as_str()) {
            return Err(ErrorCode::DiscoveryIssuerMismatch);
        }
        // Without the list there is no PKCE (RFC 8414 section 2).
        if !json::lists(&document, "code_challenge_methods_supported", "S256") {
            return Err(ErrorCode::DiscoveryNoPkce);
        }
        let server = Self::from_members(&document, config)?;
        if config.dpop == DpopPolicy::Required && !server.dpop {
            return Err(ErrorCode::DiscoveryNoDpop);
        }
        if config.par == ParPolicy::Required && server.par.is_none() {
            return Err(ErrorCode::DiscoveryNoPar);
        }
        Ok(server)
    }

    /// Reads what was stored, under the same names.
    pub(crate) fn from_members(
        members: &Map<String, Value>,
        config: &Config,
    ) -> std::result::Result<Self, ErrorCode> {
        let endpoint = |name: &str| match members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_str() {
                // All of them are in each record.
                Some(url) if url.len() > LONGEST => Err(ErrorCode::DiscoveryMalformed),
                Some(url) if url::is_endpoint(url, config.allow_loopback) => Ok(Some(url.to_owned())),
                Some(_) => Err(ErrorCode::DiscoveryInsecureEndpoint),
                None => Err(ErrorCode::DiscoveryMalformed),
            },
        };
        Ok(Self {
            authorization: endpoint("authorization_endpoint")?.ok_or(ErrorCode::DiscoveryMalformed)?,
            token: endpoint("token_endpoint")?.ok_or(ErrorCode::DiscoveryMalformed)?,
            par: endpoint("pushed_authorization_request_endpoint")?,
            revocation: endpoint("revocation_endpoint")?,
            end_session: endpoint("end_session_endpoint")?,
            device: endpoint("device_authorization_endpoint")?,
            challenge: endpoint("challenge_endpoint")?,
            says_iss: json::flag(members, "authorization_response_iss_parameter_supported"),
            dpop: json::lists(members, "dpop_signing_alg_values_supported", "ES256"),
        })
    }

    /// To be stored.
    pub(crate) fn members(&self) -> Value {
        json!({
            "authorization_endpoint": self.authorization,
            "token_endpoint": self.token,
            "pushed_authorization_request_endpoint": self.par,
            "revocation_endpoint": self.revocation,
            "end_session_endpoint": self.end_session,
            "device_authorization_endpoint": self.device,
            "challenge_endpoint": self.challenge,
            "authorization_response_iss_parameter_supported": self.says_iss,
            "dpop_signing_alg_values_supported": if self.dpop { vec!["ES256"] } else { vec![] },
        })
    }
}

/// The server, asked at most once a day.
pub(crate) async fn server(host: &Host) -> Result<Server> {
    let now = host.now();
    if let Some((server, until)) = &host.memory().server
        && until.left(&now) > 0
    {
        return Ok(server.clone());
    }
    ask(host).await
}

/// The server as it is now.
pub(crate) async fn ask(host: &Host) -> Result<Server> {
    let now = host.now();
    let issuer = host.config().issuer.trim_end_matches('/').to_owned();
    let mut answer = get(host, format!("{issuer}/.well-known/openid-configuration")).await?;
    if answer.0 == 404 {
        answer = get(host, well_known(&issuer)).await?;
    }
    let (status, body) = answer;
    if status != 200 {
        return Err(ErrorCode::ServerUnavailable.into());
    }
    let server = Server::parse(body.bytes(), host.config()).map_err(SdkError::from)?;
    host.memory().server = Some((server.clone(), Until::after(&now, DAY)));
    Ok(server)
}

/// RFC 8414 section 3: between the host and the path.
fn well_known(issuer: &str) -> String {
    let origin = issuer.split('/').take(3).collect::<Vec<_>>().join("/");
    let path = issuer.get(origin.len()..).unwrap_or_default();
    format!("{origin}/.well-known/oauth-authorization-server{path}")
}

async fn get(host: &Host, url: String) -> Result<(u16, Secret)> {
    let request = HttpRequest {
        method: "GET".to_owned(),
        url,
        headers: vec![Header {
            name: "Accept".to_owned(),
            value: "application/json".into(),
        }],
        body: Secret::default(),
    };
    match host.send(request).await? {
        Ok(response) => Ok((response.status, response.body)),
        Err(HttpFailure::NotSent) => Err(ErrorCode::Offline.into()),
        Err(HttpFailure::Ambiguous) => Err(ErrorCode::NoAnswer.into()),
    }
}
