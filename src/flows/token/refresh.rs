//! `grant_type=refresh_token` (RFC 6749 section 6): one conditional statement, and a rule for everything that it does
//! not find.
//!
//! The predecessor of the newest token gives the same successor again, because an answer gets lost: in a tunnel, with a
//! killed app, between two processes. Retries are counted and visible, never an end.

use crate::{
    base::{
        text::AppVersion,
        time::{Instant, Lifetime},
    },
    domain::{
        binding::Proof,
        client::Client,
        device_session::{DeviceSession, PresentedRefreshToken, RefreshRules, Refusal, State, Verdict},
        ending::{Ending, Reason},
        event::{Event, Subject},
        oauth_error::OAuthError,
        refresh_token::RefreshToken,
        scope::ScopeSet,
    },
    flows::{
        Provider,
        end::end,
        issue::{Order, Tokens, issue},
        token::{
            TokenError,
            live::{self, NotEnded},
            narrow::{Narrowed, Wanted},
        },
        went_back,
    },
    ports::{clients::COARSE, keys::Keys},
    store::{
        device_sessions::{self, FastForward, Found, ROTATE, RepeatSince, STAY, STAY_AND_TOUCH, UsedSince},
        error::StoreError,
        events::RecordEvent,
    },
};

/// What the client sends.
pub struct RefreshRequest<'a> {
    /// The refresh token.
    pub refresh_token: &'a str,
    /// A narrower scope for the access token; never touches the grant.
    pub scope: Option<ScopeSet>,
    /// The API that the access token is for.
    pub resource: &'a [String],
    /// What of the granted details the access token is for (RFC 9396 section 6.1).
    pub details: Option<&'a str>,
    /// The DPoP proof, checked in everything but its key.
    pub proof: Option<Proof>,
    /// Where the request came from.
    pub address: Option<String>,
    /// Which version the app says that it is.
    pub app_version: Option<AppVersion>,
}

/// A row can only move so often between the statement and the reading that explains it.
const TRIES: usize = 4;

/// Refreshes: the newest token and its predecessor give the same successor.
pub async fn refresh(
    provider: &Provider,
    client: &Client,
    request: RefreshRequest<'_>,
) -> Result<Tokens, TokenError> {
    let refused = OAuthError::invalid_refresh_token;
    let keys = &provider.keys;
    let parse = |keys: &Keys| keys.mac.parse(request.refresh_token);
    let parsed = keys.with_newer_keys(&provider.db, &provider.clock, parse).await?;
    let token = parsed.map_err(|_| TokenError::NotOurs(refused()))?;
    let holds = |found: &Found| found.has_handle(token.handle.digest());
    let wanted = Wanted::new(client, request.resource, request.details, request.scope.as_ref())?;
    let session = live::not_remembered(provider, client, token.session).await?;
    let session = session.ok_or_else(refused)?;
    let narrowed = wanted.of(provider, client, session, holds).await?;
    let rules = client.refresh_rules(&provider.lifetimes);
    let call = Call {
        provider,
        client,
        request: &request,
        token: &token,
        session,
        narrowed,
        rules,
    };
    for _ in 0..TRIES {
        let tokens = if rules.keep {
            call.stay().await?
        } else {
            call.rotate().await?
        };
        if let Some(tokens) = tokens {
            return Ok(tokens);
        }
        match call.explain().await? {
            Outcome::Again => {}
            Outcome::Tokens(tokens) => return Ok(tokens),
            Outcome::Refused => return Err(refused().into()),
        }
    }
    Err(StoreError::Busy.into())
}

/// One refresh request with everything that its parts need.
struct Call<'a> {
    provider: &'a Provider,
    client: &'a Client,
    request: &'a RefreshRequest<'a>,
    token: &'a RefreshToken,
    session: NotEnded,
    narrowed: Narrowed,
    rules: RefreshRules,
}

enum Outcome {
    /// The row moved meanwhile: try again.
    Again,
    Tokens(Tokens),
    Refused,
}

impl Call<'_> {
    /// The hot path: one statement, and the signature while it becomes durable.
    async fn rotate(&self) -> Result<Option<Tokens>, TokenError> {
        let now = self.provider.clock.now();
        let binds = (
            self.session.id(),
            self.token.handle.digest(),
            self.client.id.clone(),
            self.token.generation.to_i64(),
            self.request.proof.map(|proof| proof.key),
            now,
            UsedSince(now.minus(self.rules.idle)),
            RepeatSince(now.minus(self.rules.retry_window)),
            self.request.app_version.as_ref().map(ToString::to_string),
            self.request.address.clone(),
        );
        let issued = self.provider.db.execute_while(ROTATE, binds, |row| {
            row.map(|redeemed| issue(self.provider, &self.order(now), &redeemed, &self.successor()))
        });
        Ok(issued.await?.transpose()?)
    }

    /// The token stays. Its use is written only now and then: an end is seen all the same, and what is signed at the same
    /// moment was issued before it.
    async fn stay(&self) -> Result<Option<Tokens>, TokenError> {
        let now = self.provider.clock.now();
        let coarse = Lifetime::from_millis(self.rules.idle.millis() / 8).min(COARSE);
        let (session, handle) = (self.session.id(), self.token.handle.digest());
        let (client, generation) = (&self.client.id, self.token.generation.to_i64());
        let binds = (
            session,
            handle,
            client.clone(),
            generation,
            now,
            UsedSince(now.minus(coarse)),
        );
        let db = &self.provider.db;
        let mut found = db.read(STAY, binds).await?;
        if found.is_none() {
            let version = self.request.app_version.as_ref().map(ToString::to_string);
            let since = UsedSince(now.minus(self.rules.idle));
            let address = self.request.address.clone();
            let client = client.clone();
            let binds = (session, handle, client, generation, now, since, version, address);
            found = db.execute(STAY_AND_TOUCH, binds).await?;
        }
        let issued = found.map(|redeemed| issue(self.provider, &self.order(now), &redeemed, self.token));
        Ok(issued.transpose()?)
    }

    /// Says what the token means for the row that is there, and does what follows.
    async fn explain(&self) -> Result<Outcome, TokenError> {
        let now = self.provider.clock.now();
        let Some(found) = device_sessions::find(&self.provider.db, self.session.id()).await? else {
            tracing::info!(session = %self.session.id(), "a refresh token of no session was presented");
            return Ok(Outcome::Refused);
        };
        let session = found.session;
        let presented = PresentedRefreshToken {
            client: &self.client.id,
            handle: self.token.handle.digest(),
            generation: self.token.generation,
            proof: self.request.proof,
        };
        match session.judge(&presented, self.rules, now) {
            Verdict::Rotate | Verdict::Retry | Verdict::Keep => Ok(Outcome::Again),
            Verdict::FastForward => self.fast_forward(&session, now).await,
            Verdict::Reuse => {
                tracing::warn!(session = %session.id, "a refresh token was used again: its session ends");
                let ending = Ending::Device { id: session.id };
                end(
                    self.provider,
                    ending,
                    Reason::RefreshReuse,
                    self.subject(&session),
                )
                .await?;
                Ok(Outcome::Refused)
            }
            Verdict::Refuse(refusal) => {
                tracing::info!(session = %session.id, ?refusal, "a refresh token was refused");
                let event = match refusal {
                    Refusal::SlowProcess => Event::RefreshSlowProcess,
                    Refusal::Forged => Event::KeyForgerySuspected,
                    _ => return Ok(Outcome::Refused),
                };
                let record = self.provider.event(now, self.subject(&session), event);
                self.provider.db.write(RecordEvent(record)).await?;
                Ok(Outcome::Refused)
            }
        }
    }

    /// The token proves that the row is older than the world: a restored backup, a lagging replica.
    async fn fast_forward(&self, session: &DeviceSession, now: Instant) -> Result<Outcome, TokenError> {
        let State::Active { generation: row, .. } = session.state else {
            return Ok(Outcome::Again);
        };
        let presented = self.token.generation;
        tracing::warn!(session = %session.id, "a refresh token is newer than its row: the database went back");
        let event = Event::RefreshFastForwarded {
            from: row.to_i64(),
            to: presented.successor().to_i64(),
        };
        let event = self.provider.event(now, self.subject(session), event);
        let change = FastForward {
            id: session.id,
            row,
            presented,
            now,
            event,
        };
        let Some(redeemed) = self.provider.db.write(change).await? else {
            return Ok(Outcome::Again);
        };
        went_back::fast_forwarded(self.provider, now).await?;
        let tokens = issue(self.provider, &self.order(now), &redeemed, &self.successor());
        Ok(Outcome::Tokens(tokens?))
    }

    fn order(&self, now: Instant) -> Order<'_> {
        Order {
            client: self.client,
            session: self.session.id(),
            scope: self.request.scope.as_ref(),
            resource: self.narrowed.resource.as_ref(),
            details: self.narrowed.details.as_ref(),
            key: self.request.proof.map(|proof| proof.key),
            with_id_token: false,
            device_secret: None,
            now,
        }
    }

    fn successor(&self) -> RefreshToken {
        RefreshToken {
            generation: self.token.generation.successor(),
            ..self.token.clone()
        }
    }

    fn subject(&self, session: &DeviceSession) -> Subject {
        Subject {
            user: Some(session.user),
            client: Some(session.client.clone()),
            session: Some(session.id),
            address: self.request.address.clone(),
        }
    }
}
