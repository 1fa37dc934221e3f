//! The story: an app signs a person in, calls an API, refreshes, loses an answer, and stays signed in until it is ended.

use std::time::Duration;

use anyhow::{Context, bail};
use http::StatusCode;
use oauth2::{AuthorizationCode, PkceCodeVerifier};

use crate::{
    base::time::{Clock, Instant, Lifetime},
    cli::{
        demo::{
            api::Api,
            app::{Attempt, Brought, DemoApp, Refusal, Tokens},
            browser,
            callback::{Callback, Page},
            claims::shorten,
            home::{CLIENT, RESOURCE},
            http::Http,
            provider::Provider,
            screen::Screen,
        },
        words::{count, took},
        world::World,
    },
};

/// How often the app refreshes at the end.
const REFRESH_EVERY: Duration = Duration::from_secs(3);

/// What the story needs.
#[derive(Debug)]
pub(super) struct Story<'a> {
    /// The server.
    pub(super) issuer: &'a str,
    /// The time.
    pub(super) clock: Clock,
    /// Whether to open the system browser.
    pub(super) opens_browser: bool,
}

impl Story<'_> {
    /// Tells it, until the process is told to stop.
    pub(super) async fn tell(&self, screen: &mut Screen<'_>, world: &World) -> anyhow::Result<()> {
        let http = Http::new()?;
        let began = self.clock.now();
        let provider = Provider::discover(&http, self.issuer).await?;
        screen.step("Discovery: the app asks who the provider is", self.since(began))?;
        screen.note(format!("GET {}", Provider::document_url(self.issuer)))?;
        screen.note("the issuer in it is the one that was asked, as it has to be")?;

        let mut callback = Callback::listen().await?;
        let mut app = DemoApp::new(http.clone(), &provider, callback.uri.clone())?;
        let (attempt, code) = self.sign_in(&mut app, &mut callback, screen, world).await?;
        callback.close();

        let Attempt { nonce, verifier, .. } = attempt;
        let first = self.redeem(&app, code, verifier, screen).await?;
        self.check_id_token(&http, &provider, &first, &nonce, screen)
            .await?;
        self.call_api(&http, &first, screen).await?;
        let second = self.refresh(&app, &first, screen).await?;
        self.stay(&app, second, screen).await
    }

    fn since(&self, began: Instant) -> Lifetime {
        self.clock.now().since(began)
    }

    async fn sign_in(
        &self,
        app: &mut DemoApp,
        callback: &mut Callback,
        screen: &mut Screen<'_>,
        world: &World,
    ) -> anyhow::Result<(Attempt, AuthorizationCode)> {
        let began = self.clock.now();
        let mut link = app.begin();
        screen.step("The app makes a link: PKCE S256, state, nonce", self.since(began))?;
        screen.note(format!("the answer will come to {}", callback.uri))?;
        let opened = self.opens_browser && browser::open(&link, world).await;
        let text = if opened {
            "Your browser is opening. If it does not, open this link yourself:"
        } else {
            "Open this link in a browser on this machine:"
        };
        screen.link(text, &link)?;
        screen.note("sign in with the address and the password above, then tap Allow")?;
        let began = self.clock.now();
        loop {
            let arrival = callback.next().await?;
            match app.receive(&arrival) {
                Brought::Code(attempt, code) => {
                    arrival.answer(Page::Done);
                    screen.step("The browser brought a code to the app", self.since(began))?;
                    screen.note("its state is ours, its iss is the provider's (RFC 9207)")?;
                    return Ok((attempt, code));
                }
                Brought::Refused(error) => {
                    arrival.answer(Page::NotDone);
                    let text = match error.as_str() {
                        "access_denied" => {
                            "You denied it: the app got access_denied, and nothing else.".to_owned()
                        }
                        // From the URL: shown without what could move the cursor.
                        other => format!("The app got an error: {}", other.escape_default()),
                    };
                    screen.warn(text)?;
                    link = app.begin();
                    screen.link("To try again:", &link)?;
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

    async fn redeem(
        &self,
        app: &DemoApp,
        code: AuthorizationCode,
        verifier: PkceCodeVerifier,
        screen: &mut Screen<'_>,
    ) -> anyhow::Result<Tokens> {
        let began = self.clock.now();
        let tokens = app.redeem(code, verifier).await?;
        screen.step(
            "The app redeems the code with its PKCE verifier",
            self.since(began),
        )?;
        let now = self.clock.now();
        screen.token("access token", &tokens.access, now)?;
        screen.token("refresh token", &tokens.refresh, now)?;
        screen.note("opaque to the app; a new one with every refresh")?;
        if let Some(id_token) = &tokens.id {
            screen.token("ID token", id_token, now)?;
        }
        Ok(tokens)
    }

    async fn check_id_token(
        &self,
        http: &Http,
        provider: &Provider,
        tokens: &Tokens,
        nonce: &str,
        screen: &mut Screen<'_>,
    ) -> anyhow::Result<()> {
        let began = self.clock.now();
        let id_token = tokens.id.as_deref().context("the answer has no ID token")?;
        provider.check_id_token(http, id_token, CLIENT, nonce).await?;
        screen.step(
            "The app checks the ID token with the published keys",
            self.since(began),
        )?;
        screen.note(format!("GET {}", provider.jwks_uri))?;
        screen.note("signature, iss, aud, exp and nonce are right")?;
        Ok(())
    }

    async fn call_api(&self, http: &Http, tokens: &Tokens, screen: &mut Screen<'_>) -> anyhow::Result<()> {
        let api = Api::start(self.issuer, RESOURCE).await?;
        let began = self.clock.now();
        let (status, body) = http.get(&api.url, Some(&tokens.access)).await?;
        let took = self.since(began);
        if status != StatusCode::OK {
            bail!(
                "the demo API answered {status}: {}",
                String::from_utf8_lossy(&body)
            );
        }
        screen.step("The app calls an API with the access token", took)?;
        screen.note(format!("GET {}  {status}", api.url))?;
        if let Ok(answer) = serde_json::from_slice(&body) {
            screen.rows("answer", &answer, self.clock.now())?;
        }
        screen.note("the API checked the token by itself, with the published keys")?;
        let id_token = tokens.id.as_deref().unwrap_or_default();
        let (status, body) = http.get(&api.url, Some(id_token)).await?;
        if status != StatusCode::UNAUTHORIZED {
            bail!("the demo API should have refused the ID token, and answered {status}");
        }
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let detail = problem
            .get("detail")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        screen.note("")?;
        screen.note("the same with the ID token, which is for the app and not for APIs:")?;
        screen.note(format!("{status}: {detail}"))?;
        Ok(())
    }

    async fn refresh(
        &self,
        app: &DemoApp,
        first: &Tokens,
        screen: &mut Screen<'_>,
    ) -> anyhow::Result<Tokens> {
        let began = self.clock.now();
        let second = app.refresh(&first.refresh).await?;
        screen.step("The app refreshes", self.since(began))?;
        let now = self.clock.now();
        screen.news("access token", &second.access, &first.access, now)?;
        screen.token("refresh token", &second.refresh, now)?;

        let began = self.clock.now();
        let repeated = app.refresh(&first.refresh).await?;
        let took = self.since(began);
        if repeated.refresh != second.refresh {
            bail!("the repeated refresh brought another refresh token");
        }
        screen.step("The same refresh again, as if the answer had been lost", took)?;
        screen.note(format!("sent again      {}", shorten(&first.refresh)))?;
        screen.note(format!("first answer    {}", shorten(&second.refresh)))?;
        screen.note(format!(
            "second answer   {}  the same",
            shorten(&repeated.refresh)
        ))?;
        screen.note("a lost answer logs nobody out: the same successor comes again")?;
        Ok(repeated)
    }

    /// The app stays signed in: refreshes quietly until it is refused, then goes no further.
    async fn stay(&self, app: &DemoApp, mut tokens: Tokens, screen: &mut Screen<'_>) -> anyhow::Result<()> {
        let every = REFRESH_EVERY.as_secs();
        let account = screen.strong(&format!("{}/account", self.issuer));
        screen.say(format!(
            "The app stays signed in and refreshes every {every} seconds. See it, and end it, at\n\n    {account}\n\n\
             then look here. Ctrl-C ends the demo."
        ))?;
        for round in 1.. {
            tokio::time::sleep(REFRESH_EVERY).await;
            let began = self.clock.now();
            match app.refresh(&tokens.refresh).await {
                Ok(next) => {
                    tokens = next;
                    let took = took(self.since(began));
                    let times = count(round, "time");
                    screen.status(&format!("signed in; refreshed {times}, the last in {took}"))?;
                }
                Err(Refusal::InvalidGrant) => break,
                // The same token again: that is what the last step was about.
                Err(Refusal::Other(why)) => screen.status(&format!("not answered, trying again: {why}"))?,
            }
        }
        screen.warn("refused: invalid_grant. Ended means ended.")?;
        screen.note("The app has to ask the person again: start the demo anew for that.")?;
        screen.note("APIs that only check signatures take its last access token until it")?;
        screen.note("expires, within 5 minutes.")?;
        screen.say("The server goes on. Ctrl-C ends the demo.")?;
        std::future::pending().await
    }
}
