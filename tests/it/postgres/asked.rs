//! What people and apps ask a server whose database fails, and what it may answer.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::{FutureExt, future::join_all};
use postern::{
    base::time::{Clock, Lifetime},
    config::Config,
    jobs::poll::Poll,
    store::db::Location,
};

use crate::harness::{ALICE, Answer, BOB, Browser, Form, PASSWORD, Phone, Postern, Tokens};

/// More than any of the limits together: 5 s for a connection, half a second for a statement, 2 s for the network.
const LIMIT: Duration = Duration::from_secs(25);

/// Alice, signed in on a phone and in a browser, a code that waits, and Bob before the sign-in page.
pub(super) struct Asked<'a> {
    postern: &'a Postern,
    poll: Poll<'a>,
    phone: Phone<'a>,
    tokens: Tokens,
    revoked: Tokens,
    code: String,
    browser: Browser<'a>,
    bob: Browser<'a>,
    sign_in: Form,
}

/// Which requests are answered otherwise than always while the database fails in some way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fails {
    /// It can neither be read nor changed.
    Everything,
    /// It can be read.
    Changes,
}

/// A server on a database. Its codes wait for as long as the longest of these tests takes.
pub(super) async fn start(location: Location) -> Postern {
    let change = |config: &mut Config| {
        config.database.location = location;
        config.lifetimes.authorization_code = Lifetime::from_secs(600);
    };
    Postern::start_by(Clock::system(), change).await
}

impl<'a> Asked<'a> {
    pub(super) async fn of(postern: &'a Postern) -> Self {
        let (mut browser, phone) = (postern.browser(), postern.phone());
        let tokens = phone.signed_in(&mut browser, ALICE).await;
        let revoked = phone.signed_in(&mut browser, ALICE).await;
        let code = phone.allowed_code(&mut browser, ALICE).await;
        let mut bob = postern.browser();
        let sign_in = bob.open("/account").await.page().form("/sign-in");
        let mut poll = Poll::new(postern.provider());
        poll.round().await.expect("the database answers");
        let asked = Self {
            postern,
            poll,
            phone,
            tokens,
            revoked,
            code,
            browser,
            bob,
            sign_in: sign_in.with("email", BOB).with("password", PASSWORD),
        };
        asked.is_ready(true).await;
        asked
    }

    /// Asks for everything at once. Each request goes from browsers and phones as they are now.
    async fn ask(&self) -> Vec<(&'static str, Answer)> {
        let phone = &self.phone;
        let authorize = phone.authorize_url(&[]);
        let page = |path: String| {
            let mut browser = self.browser.clone();
            async move { browser.open(&path).await.page().answer }
        };
        let requests = [
            ("refresh", phone.refresh(&self.tokens.refresh).boxed_local()),
            ("redeem", phone.redeem(&self.code).boxed_local()),
            ("revoke", phone.revoke(&self.revoked.refresh).boxed_local()),
            ("sign in", self.sign_in().boxed_local()),
            ("userinfo", phone.userinfo(&self.tokens.access).boxed_local()),
            ("account page", page("/account".to_owned()).boxed_local()),
            ("authorize page", page(authorize).boxed_local()),
        ];
        let asked = requests.map(|(name, request)| async move {
            let answer = tokio::time::timeout(LIMIT, request).await;
            (
                name,
                answer.unwrap_or_else(|_| panic!("{name}: no answer in time")),
            )
        });
        join_all(asked).await
    }

    async fn sign_in(&self) -> Answer {
        self.bob.clone().submit(&self.sign_in).await.page().answer
    }

    /// Bob signs in again and again until that is refused. How often it was not.
    pub(super) async fn sign_ins_until_refused(&self) -> i64 {
        for count in 0..5000 {
            let answer = self.sign_in().await;
            if answer.status != 200 {
                assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "2"));
                self.is_ready(false).await;
                return count;
            }
        }
        panic!("nothing was refused");
    }

    /// Everybody is told when to come back, the node wants no requests and does not want to be started anew either.
    pub(super) async fn is_refused(&mut self, fails: Fails) {
        for (name, answer) in self.ask().await {
            let reads = ["userinfo", "account page", "authorize page"].contains(&name);
            if reads && fails == Fails::Changes {
                assert!([200, 503].contains(&answer.status.as_u16()), "{name}: {answer:?}");
                continue;
            }
            assert_eq!(answer.status, 503, "{name}: {answer:?}");
            assert_eq!(answer.header("retry-after"), "2", "{name}");
            for internal in ["sqlx", "pool", "postgres", "statement"] {
                assert!(!answer.body.contains(internal), "{name}: {}", answer.body);
            }
        }
        self.is_ready(false).await;
        let round = tokio::time::timeout(LIMIT, self.poll.round()).await;
        round.expect("in time").expect_err("the database fails");
        self.is_ready(false).await;
    }

    async fn is_ready(&self, is_ready: bool) {
        assert_eq!(self.postern.get("/health/live").await.status, 200);
        let answer = self.postern.get("/health/ready").await;
        let wanted = if is_ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        assert_eq!(answer.status, wanted, "{answer:?}");
        if !is_ready {
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert_eq!(answer.header("retry-after"), "2");
        }
    }

    /// Polls until the node is ready, as it does by itself.
    pub(super) async fn recovers(&mut self) {
        let mut last = None;
        for _ in 0..200 {
            match self.poll.round().await {
                Ok(()) => return self.is_ready(true).await,
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the node does not recover: {last:?}");
    }

    /// Everything that was refused is done now.
    pub(super) async fn is_served(&mut self) {
        for (name, answer) in self.ask().await {
            assert!([200, 303].contains(&answer.status.as_u16()), "{name}: {answer:?}");
        }
        assert_eq!(
            self.phone.refresh(&self.revoked.refresh).await.error(),
            "invalid_grant"
        );
        self.recovers().await;
    }
}
