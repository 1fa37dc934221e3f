//! The `oauth2` crate, which knows nothing of Postern.

use std::net::{SocketAddr, TcpListener};

use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope, TokenResponse,
    TokenUrl, basic::BasicClient,
};
use postern::server::serve;
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
        let at = |path: &str| format!("http://{}{path}", self.address);
        BasicClient::new(ClientId::new("notes".to_owned()))
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
