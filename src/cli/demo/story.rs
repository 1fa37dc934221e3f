//! The story: an app signs a person in, calls an API, refreshes, loses an answer, and stays signed in until it is ended.

use std::time::Duration;

use anyhow::{Context, bail};
use http::StatusCode;
use oauth2::AuthorizationCode;
use postern_resource_server::Follow;

use crate::cli::{
    demo::{
        api::Api,
        app::{Attempt, Brought, DemoApp, Refusal, Tokens},
        browser,
        callback::{Callback, Page},
        claims::shorten,
        home::{API_CLIENT, CLIENT, RESOURCE},
        http::Http,
        provider::Provider,
        screen::Screen,
    },
    words::count,
};

/// How often the app refreshes at the end.
const REFRESH_EVERY: Duration = Duration::from_secs(3);
/// How often the API is asked whether it refuses what has ended.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long it may take until it does.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells it, until the process is told to stop.
pub(super) async fn tell(
    issuer: &str,
    api_secret: String,
    opens_browser: bool,
    screen: &mut Screen<'_>,
) -> anyhow::Result<()> {
    let http = Http::new()?;
    screen.start();
    let provider = Provider::discover(&http, issuer).await?;
    screen.step("Discovery: the app asks who the provider is")?;
    screen.note(format!("GET {}", Provider::document_url(issuer)))?;
    screen.note("the issuer in it is the one that was asked, as it has to be")?;

    let mut callback = Callback::listen().await?;
    let mut app = DemoApp::new(http.clone(), &provider, callback.uri.clone())?;
    let (attempt, code) = sign_in(opens_browser, &mut app, &mut callback, screen).await?;
    callback.close();

    screen.start();
    let first = app.redeem(code, attempt.verifier).await?;
    screen.step("The app redeems the code with its PKCE verifier")?;
    screen.token("access token", &first.access, None)?;
    screen.token("refresh token", &first.refresh, None)?;
    screen.note("opaque to the app; a new one with every refresh")?;
    let id_token = first.id.as_deref().context("the answer has no ID token")?;
    screen.token("ID token", id_token, None)?;

    screen.start();
    let nonce = &attempt.nonce;
    provider.check_id_token(&http, id_token, CLIENT, nonce).await?;
    screen.step("The app checks the ID token with the published keys")?;
    screen.note(format!("GET {}", provider.jwks_uri))?;
    screen.note("signature, iss, aud, exp and nonce are right")?;

    let api = Api::start(issuer, RESOURCE, Follow::as_client(API_CLIENT, api_secret)).await?;
    call_api(&api, &http, &first.access, id_token, screen).await?;
    let second = refresh(&app, &first, screen).await?;
    let last = stay(issuer, &app, second, screen).await?;
    refused_by_api(&api, &http, &last.access, screen).await?;
    screen.say("The server goes on. Ctrl-C ends the demo.")?;
    std::future::pending().await
}

async fn sign_in(
    opens_browser: bool,
    app: &mut DemoApp,
    callback: &mut Callback,
    screen: &mut Screen<'_>,
) -> anyhow::Result<(Attempt, AuthorizationCode)> {
    screen.start();
    let link = app.begin();
    screen.step("The app makes a link: PKCE S256, state, nonce")?;
    screen.note(format!("the answer will come to {}", callback.uri))?;
    let text = if opens_browser && browser::open(&link).await {
        "Your browser is opening. If it does not, open this link yourself:"
    } else {
        "Open this link in a browser on this machine:"
    };
    screen.link(text, &link)?;
    screen.note("sign in with the address and the password above, then tap Allow")?;
    screen.start();
    loop {
        let arrival = callback.next().await?;
        match app.receive(&arrival) {
            Brought::Code(attempt, code) => {
                arrival.answer(Page::Done);
                screen.step("The browser brought a code to the app")?;
                screen.note("its state is ours, its iss is the provider's (RFC 9207)")?;
                return Ok((attempt, code));
            }
            Brought::Refused(error) => {
                arrival.answer(Page::NotDone);
                screen.warn(match error.as_str() {
                    "access_denied" => {
                        "You denied it: the app got access_denied, and nothing else.".to_owned()
                    }
                    // From the URL: shown without what could move the cursor.
                    other => format!("The app got an error: {}", other.escape_default()),
                })?;
                screen.link("To try again:", &app.begin())?;
            }
            Brought::NotOurs(why) => {
                arrival.answer(Page::NotOurs);
                screen.warn(format!(
                    "Somebody brought an answer that the app does not take: {why}. Still waiting."
                ))?;
            }
        }
    }
}

async fn call_api(
    api: &Api,
    http: &Http,
    access_token: &str,
    id_token: &str,
    screen: &mut Screen<'_>,
) -> anyhow::Result<()> {
    screen.start();
    let (status, body) = http.get(&api.url, Some(access_token)).await?;
    if status != StatusCode::OK {
        let body = String::from_utf8_lossy(&body);
        bail!("the demo API answered {status}: {body}");
    }
    screen.step("The app calls an API with the access token")?;
    screen.note(format!("GET {}  {status}", api.url))?;
    screen.rows("answer", &serde_json::from_slice(&body)?)?;
    screen.note("the API checked the token by itself, with the published keys and what has ended")?;
    let (status, body) = http.get(&api.url, Some(id_token)).await?;
    if status != StatusCode::UNAUTHORIZED {
        bail!("the demo API should have refused the ID token, and answered {status}");
    }
    let problem: serde_json::Value = serde_json::from_slice(&body)?;
    screen.note("")?;
    screen.note("the same with the ID token, which is for the app and not for APIs:")?;
    screen.note(format!(
        "{status}: {}",
        problem["detail"].as_str().unwrap_or_default()
    ))?;
    Ok(())
}

async fn refresh(app: &DemoApp, first: &Tokens, screen: &mut Screen<'_>) -> anyhow::Result<Tokens> {
    screen.start();
    let second = app.refresh(&first.refresh).await?;
    screen.step("The app refreshes")?;
    screen.token("access token", &second.access, Some(&first.access))?;
    screen.token("refresh token", &second.refresh, None)?;

    screen.start();
    let repeated = app.refresh(&first.refresh).await?;
    if repeated.refresh != second.refresh {
        bail!("the repeated refresh brought another refresh token");
    }
    screen.step("The same refresh again, as if the answer had been lost")?;
    let (sent, answer) = (shorten(&first.refresh), shorten(&second.refresh));
    screen.note(format!("sent again      {sent}"))?;
    screen.note(format!("first answer    {answer}"))?;
    screen.note(format!("second answer   {answer}  the same"))?;
    screen.note("a lost answer logs nobody out: the same successor comes again")?;
    Ok(repeated)
}

/// The app stays signed in: refreshes quietly until it is refused. Its last tokens.
async fn stay(
    issuer: &str,
    app: &DemoApp,
    mut tokens: Tokens,
    screen: &mut Screen<'_>,
) -> anyhow::Result<Tokens> {
    let every = REFRESH_EVERY.as_secs();
    let account = screen.strong(&format!("{issuer}/account"));
    screen.say(format!(
        "The app stays signed in and refreshes every {every} seconds. See it, and end it, at\n\n    {account}\n\n\
         then look here. Ctrl-C ends the demo."
    ))?;
    for round in 1.. {
        tokio::time::sleep(REFRESH_EVERY).await;
        screen.start();
        match app.refresh(&tokens.refresh).await {
            Ok(next) => {
                tokens = next;
                let (times, took) = (count(round, "time"), screen.took());
                screen.status(&format!("signed in; refreshed {times}, the last in {took}"))?;
            }
            Err(Refusal::InvalidGrant) => break,
            // The same token again: that is what the last step was about.
            Err(Refusal::Other(why)) => screen.status(&format!("not answered, trying again: {why}"))?,
        }
    }
    screen.warn("refused: invalid_grant. Ended means ended.")?;
    screen.note("The app has to ask the person again: start the demo anew for that.")?;
    Ok(tokens)
}

/// The API follows what has ended, so it refuses a token that has not expired.
async fn refused_by_api(
    api: &Api,
    http: &Http,
    access_token: &str,
    screen: &mut Screen<'_>,
) -> anyhow::Result<()> {
    screen.start();
    let refused = async {
        loop {
            let (status, body) = http.get(&api.url, Some(access_token)).await?;
            if status == StatusCode::UNAUTHORIZED {
                return anyhow::Ok(serde_json::from_slice::<serde_json::Value>(&body)?);
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    };
    let problem = tokio::time::timeout(PATIENCE, refused).await;
    let problem = problem.context("the demo API takes the token of a session that has ended")??;
    screen.step("The API refuses the last access token, which has not expired")?;
    screen.note(format!("401: {}", problem["detail"].as_str().unwrap_or_default()))?;
    screen.note("it follows the revocation stream (docs/revocations.md); an API that only checks")?;
    screen.note("signatures takes the token until it expires, within 5 minutes")?;
    Ok(())
}
