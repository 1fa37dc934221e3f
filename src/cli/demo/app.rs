//! The app that the demo plays, written with the `oauth2` crate as any native app would be.

use oauth2::{
    AuthUrl, AuthorizationCode, Client, ClientId, CsrfToken, EndpointNotSet, EndpointSet, ExtraTokenFields,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
    basic::{
        BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse,
        BasicTokenIntrospectionResponse, BasicTokenType,
    },
};
use serde::{Deserialize, Serialize};

use crate::cli::demo::{
    callback::Arrival,
    home::{CLIENT, SCOPE},
    http::Http,
    provider::Provider,
};

/// What OpenID Connect adds to a token response.
#[derive(Debug, Serialize, Deserialize)]
struct WithIdToken {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

impl ExtraTokenFields for WithIdToken {}

type Answer = StandardTokenResponse<WithIdToken, BasicTokenType>;
type OAuth = Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The app.
#[derive(Debug)]
pub(super) struct DemoApp {
    oauth: OAuth,
    http: Http,
    issuer: String,
    attempts: Vec<Attempt>,
}

/// One request for a sign-in.
#[derive(Debug)]
pub(super) struct Attempt {
    state: CsrfToken,
    /// What the ID token has to repeat.
    pub(super) nonce: String,
    /// What proves that the request was ours (RFC 7636).
    pub(super) verifier: PkceCodeVerifier,
}

/// What the browser brought.
#[derive(Debug)]
pub(super) enum Brought {
    /// A code for one of our requests.
    Code(Attempt, AuthorizationCode),
    /// An error for one of our requests: its code.
    Refused(String),
    /// Nothing that we asked for; why not.
    NotOurs(&'static str),
}

/// The tokens of a moment. They do not print.
pub(super) struct Tokens {
    /// For the API.
    pub(super) access: String,
    /// For the next refresh.
    pub(super) refresh: String,
    /// About the sign-in; a refresh brings none.
    pub(super) id: Option<String>,
}

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The server refuses the grant, for good.
    #[error("refused: invalid_grant")]
    InvalidGrant,
    /// Anything else; worth another try with the same token.
    #[error("{0}")]
    Other(String),
}

impl DemoApp {
    /// An app that knows its provider and listens at `redirect_uri`.
    pub(super) fn new(http: Http, provider: &Provider, redirect_uri: String) -> anyhow::Result<Self> {
        let oauth: OAuth = Client::new(ClientId::new(CLIENT.to_owned()))
            .set_auth_uri(AuthUrl::new(provider.authorization_endpoint.clone())?)
            .set_token_uri(TokenUrl::new(provider.token_endpoint.clone())?)
            .set_redirect_uri(RedirectUrl::new(redirect_uri)?);
        Ok(Self {
            oauth,
            http,
            issuer: provider.issuer.clone(),
            attempts: Vec::new(),
        })
    }

    /// A new request: the link that the browser opens.
    pub(super) fn begin(&mut self) -> String {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let nonce = CsrfToken::new_random();
        let (url, state) = self
            .oauth
            .authorize_url(CsrfToken::new_random)
            .add_scopes(SCOPE.split(' ').map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(challenge)
            .add_extra_param("nonce", nonce.secret().clone())
            .url();
        self.attempts.push(Attempt {
            state,
            nonce: nonce.secret().clone(),
            verifier,
        });
        url.into()
    }

    /// What the browser brought, once it is known to be meant for us: by its `state`, and by its issuer (RFC 9207
    /// section 2.4).
    pub(super) fn receive(&mut self, arrival: &Arrival) -> Brought {
        let state = arrival.one("state").unwrap_or_default();
        let Some(at) = self
            .attempts
            .iter()
            .position(|attempt| attempt.state.secret() == state)
        else {
            return Brought::NotOurs("its state is not ours");
        };
        if arrival.one("iss") != Some(self.issuer.as_str()) {
            return Brought::NotOurs("it is from another issuer (RFC 9207)");
        }
        match (arrival.one("code"), arrival.one("error")) {
            (Some(code), None) => Brought::Code(
                self.attempts.swap_remove(at),
                AuthorizationCode::new(code.to_owned()),
            ),
            (None, Some(error)) => {
                self.attempts.swap_remove(at);
                Brought::Refused(error.to_owned())
            }
            _ => Brought::NotOurs("it has neither a code nor an error"),
        }
    }

    /// The tokens for a code, with the proof that this app began the request (RFC 7636).
    pub(super) async fn redeem(
        &self,
        code: AuthorizationCode,
        verifier: PkceCodeVerifier,
    ) -> Result<Tokens, Refusal> {
        let http = |request| self.http.send(request);
        let asked = self
            .oauth
            .exchange_code(code)
            .set_pkce_verifier(verifier)
            .request_async(&http)
            .await;
        tokens(asked)
    }

    /// The next tokens.
    pub(super) async fn refresh(&self, refresh_token: &str) -> Result<Tokens, Refusal> {
        let http = |request| self.http.send(request);
        let token = RefreshToken::new(refresh_token.to_owned());
        let asked = self
            .oauth
            .exchange_refresh_token(&token)
            .request_async(&http)
            .await;
        tokens(asked)
    }
}

fn tokens(
    asked: Result<Answer, RequestTokenError<reqwest::Error, BasicErrorResponse>>,
) -> Result<Tokens, Refusal> {
    let answer = asked.map_err(|error| match error {
        RequestTokenError::ServerResponse(refused)
            if *refused.error() == BasicErrorResponseType::InvalidGrant =>
        {
            Refusal::InvalidGrant
        }
        RequestTokenError::ServerResponse(refused) => Refusal::Other(format!("refused: {refused}")),
        RequestTokenError::Request(error) => Refusal::Other(format!("{:#}", anyhow::Error::new(error))),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            Refusal::Other("the token endpoint did not answer with tokens".to_owned())
        }
    })?;
    let refresh = answer.refresh_token().map(|token| token.secret().clone());
    let refresh = refresh.ok_or_else(|| Refusal::Other("the answer has no refresh token".to_owned()))?;
    let id = answer.extra_fields().id_token.clone();
    Ok(Tokens {
        access: answer.access_token().secret().clone(),
        refresh,
        id,
    })
}
