//! The `oauth2` crate, which knows nothing of Postern.

use std::net::{SocketAddr, TcpListener};

use oauth2::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IntrospectionUrl, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, TokenIntrospectionResponse, TokenResponse, TokenUrl,
    basic::BasicClient,
};
use postern::{
    domain::client::{AuthMethod, ClientKind, ClientSettings, GrantType},
    server::serve,
};
use tokio::{sync::oneshot, task::JoinHandle};
use url::Url;

use crate::harness::{ALICE, Postern};

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The server on a socket, until it is dropped or stopped.
struct Listening {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Listening {
    fn start(postern: &Postern) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let (router, config) = (postern.app.router(), postern.config.server.clone());
        let stopped = async { drop(stopped.await) };
        let server = tokio::spawn(async move { serve(listener, router, &config, stopped).await });
        Self {
            address,
            stop: Some(stop),
            server,
        }
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        self.server.await.expect("no panic").expect("a clean end");
    }

    fn client(&self) -> Client {
        self.client_named("notes")
    }

    fn client_named(&self, id: &str) -> Client {
        let at = |path: &str| format!("http://{}{path}", self.address);
        BasicClient::new(ClientId::new(id.to_owned()))
            .set_auth_uri(AuthUrl::new(at("/authorize")).expect("a URL"))
            .set_token_uri(TokenUrl::new(at("/token")).expect("a URL"))
            .set_redirect_uri(RedirectUrl::new("http://127.0.0.1:50000/callback".to_owned()).expect("a URL"))
    }
}

async fn http(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let response = client.execute(request.try_into()?).await?;
    let mut answer = oauth2::http::Response::builder().status(response.status());
    for (name, value) in response.headers() {
        answer = answer.header(name, value);
    }
    Ok(answer
        .body(response.bytes().await?.to_vec())
        .expect("parts of a response"))
}

/// The authorization URL's query on the test's own router, walked by the small browser.
async fn allow(postern: &Postern, url: &Url) -> Url {
    let mut browser = postern.browser();
    let page = browser
        .open(&format!("/authorize?{}", url.query().expect("a query")))
        .await
        .page();
    let page = browser.sign_in(&page, ALICE).await.page();
    browser.press(&page, "allow").await.app()
}

fn begin(client: &Client) -> (Url, CsrfToken, PkceCodeVerifier) {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let scopes = ["openid", "email", "offline_access"].map(|scope| Scope::new(scope.to_owned()));
    let request = client
        .authorize_url(CsrfToken::new_random)
        .add_scopes(scopes)
        .set_pkce_challenge(challenge);
    let (url, state) = request.url();
    (url, state, verifier)
}

fn parameter(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(key, _)| key == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {url}"))
        .1
        .into_owned()
}

#[tokio::test]
async fn signs_in_refreshes_and_gives_its_token_back() {
    let postern = Postern::start().await;
    let listening = Listening::start(&postern);
    let client = listening.client();

    let (url, state, verifier) = begin(&client);
    let back = allow(&postern, &url).await;
    assert_eq!(parameter(&back, "state"), *state.secret());
    let code = AuthorizationCode::new(parameter(&back, "code"));
    let tokens = client
        .exchange_code(code)
        .set_pkce_verifier(verifier)
        .request_async(&http)
        .await
        .expect("tokens");
    assert_eq!(tokens.expires_in().expect("a life").as_secs(), 300);

    let first = tokens.refresh_token().expect("a refresh token").clone();
    let refreshed = client
        .exchange_refresh_token(&first)
        .request_async(&http)
        .await
        .expect("tokens");
    let second = refreshed.refresh_token().expect("a refresh token").clone();
    assert_ne!(second.secret(), first.secret());
    let repeated = client
        .exchange_refresh_token(&first)
        .request_async(&http)
        .await
        .expect("tokens");
    assert_eq!(
        repeated.refresh_token().expect("a refresh token").secret(),
        second.secret()
    );

    // The crate's own revocation wants https.
    assert_eq!(postern.phone().revoke(second.secret()).await.status, 200);
    assert_eq!(refusal(&client, &second).await, "invalid_grant");
    listening.stop().await;
}

async fn refusal(client: &Client, token: &RefreshToken) -> String {
    match client.exchange_refresh_token(token).request_async(&http).await {
        Err(RequestTokenError::ServerResponse(error)) => error.error().as_ref().to_owned(),
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn is_refused_with_another_verifier() {
    let postern = Postern::start().await;
    let listening = Listening::start(&postern);
    let client = listening.client();
    let (url, _, _) = begin(&client);
    let (_, _, other) = begin(&client);
    let code = AuthorizationCode::new(parameter(&allow(&postern, &url).await, "code"));
    match client
        .exchange_code(code)
        .set_pkce_verifier(other)
        .request_async(&http)
        .await
    {
        Err(RequestTokenError::ServerResponse(error)) => assert_eq!(error.error().as_ref(), "invalid_grant"),
        other => panic!("a refusal was expected, not {other:?}"),
    }
    listening.stop().await;
}

/// Registers a client; its secret.
async fn register(postern: &Postern, id: &str, settings: ClientSettings) -> String {
    let secret = postern.register(id, settings).await.secret.expect("a secret");
    secret.secret.expose().to_owned()
}

#[tokio::test]
async fn a_web_server_authenticates_by_header_or_form_and_a_service_speaks_for_itself() {
    let postern = Postern::start().await;
    let listening = Listening::start(&postern);
    for (id, method, kind) in [
        ("header", AuthMethod::ClientSecretBasic, AuthType::BasicAuth),
        ("form", AuthMethod::ClientSecretPost, AuthType::RequestBody),
    ] {
        let mut settings = ClientSettings::new(ClientKind::Web);
        settings.token_endpoint_auth_method = method;
        settings.redirect_uris = vec!["http://127.0.0.1/callback".parse().expect("valid")];
        settings.scope = "openid email offline_access read".parse().expect("valid");
        settings.grant_types.insert(GrantType::ClientCredentials);
        let secret = register(&postern, id, settings).await;
        let named = listening
            .client_named(id)
            .set_client_secret(ClientSecret::new(secret))
            .set_auth_type(kind);
        let (url, _, verifier) = begin(&named);
        let code = AuthorizationCode::new(parameter(&allow(&postern, &url).await, "code"));
        let tokens = named
            .exchange_code(code)
            .set_pkce_verifier(verifier)
            .request_async(&http)
            .await
            .expect("tokens");
        let refresh = tokens.refresh_token().expect("a refresh token").clone();
        named
            .exchange_refresh_token(&refresh)
            .request_async(&http)
            .await
            .expect("tokens");
        let own = named
            .exchange_client_credentials()
            .add_scope(Scope::new("read".to_owned()))
            .request_async(&http)
            .await
            .expect("a token");
        assert!(own.refresh_token().is_none());
        // The same client without its secret.
        assert_eq!(refusal(&listening.client(), &refresh).await, "invalid_grant");
    }
    listening.stop().await;
}

#[tokio::test]
async fn an_api_asks_about_a_token_that_is_for_it() {
    let postern = Postern::start().await;
    let listening = Listening::start(&postern);
    let mut settings = ClientSettings::new(ClientKind::Service);
    settings.audience = Some("https://api.example".parse().expect("valid"));
    let secret = register(&postern, "api", settings).await;
    postern
        .add_client("app", |settings| {
            settings.resource = "https://api.example".parse().ok();
        })
        .await;
    let tokens = postern
        .phone_of("app")
        .signed_in(&mut postern.browser(), ALICE)
        .await;
    let place = format!("http://{}/introspect", listening.address);
    let api = BasicClient::new(ClientId::new("api".to_owned()))
        .set_client_secret(ClientSecret::new(secret))
        .set_introspection_url(IntrospectionUrl::new(place).expect("a URL"));
    for (token, is_active) in [(tokens.access.clone(), true), ("x".to_owned(), false)] {
        let token = AccessToken::new(token);
        let told = api
            .introspect(&token)
            .request_async(&http)
            .await
            .expect("an answer");
        assert_eq!(told.active(), is_active);
        assert_eq!(told.client_id().is_some_and(|id| id.as_str() == "app"), is_active);
    }
    listening.stop().await;
}
