//! Random interleavings against a model of the refresh rules, written from the rules and not from the code: never two
//! live branches, never a live token after an acknowledged end, never a logout that the rules do not demand.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};
use postern::{
    base::time::{Instant, Lifetime},
    domain::{
        device_session::State,
        ending::{Ending, Reason},
        event::Subject,
    },
    flows::{end::end, token::TokenError},
    store::device_sessions,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};

use super::{Prover, refresh_loss::soak, session, set, signed_in};
use crate::harness::{Phone, Postern, Tokens};

const SECOND: i64 = 1000;
const DAY: i64 = 86_400 * SECOND;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// Somebody presents the token that is `back` generations behind the newest that was ever given out.
    Refresh { back: usize, by: Who, times: usize },
    /// The app refreshes with what it has stored, and hears nothing of the answer.
    LostAnswer,
    /// The app refreshes with what it has stored, and stores the answer.
    Refreshed,
    /// Time passes.
    Pass(i64),
    /// The app gives back a token, whatever its generation.
    Revoke { back: usize },
    /// An operator ends the session, while the app refreshes many times.
    EndInARace { times: usize },
    /// The database goes back by some generations: a restored backup.
    GoBack { by: i64 },
}

/// Who presents a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// The client, without a proof.
    Plain,
    /// The client, with a proof of the session's key made so many milliseconds ago.
    Proved { age: i64 },
    /// The client, with a proof of another key.
    AnotherKey,
    /// Another client.
    Foreign,
}

fn who() -> impl Strategy<Value = Who> {
    let ages = prop_oneof![Just(0), Just(30 * SECOND), Just(61 * SECOND), Just(DAY)];
    prop_oneof![
        4 => Just(Who::Plain),
        4 => ages.prop_map(|age| Who::Proved { age }),
        1 => Just(Who::AnotherKey),
        1 => Just(Who::Foreign),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let moments = vec![
        1,
        SECOND,
        30 * SECOND,
        59 * SECOND,
        60 * SECOND,
        60 * SECOND + 1,
        300 * SECOND,
        DAY,
        40 * DAY,
        89 * DAY,
    ];
    prop_oneof![
        6 => Just(Step::Refreshed),
        4 => Just(Step::LostAnswer),
        5 => (prop_oneof![4 => 0usize..2, 1 => 2usize..5], who(), prop_oneof![3 => Just(1usize), 1 => Just(6)])
            .prop_map(|(back, by, times)| Step::Refresh { back, by, times }),
        6 => proptest::sample::select(moments).prop_map(Step::Pass),
        1 => (0usize..4).prop_map(|back| Step::Revoke { back }),
        1 => (1usize..6).prop_map(|times| Step::EndInARace { times }),
        2 => (1i64..4).prop_map(|by| Step::GoBack { by }),
    ]
}

/// The rules. Nothing here knows the code.
#[derive(Debug)]
struct Model {
    bound: bool,
    alive: bool,
    generation: i64,
    rotated_at: i64,
    ends_at: i64,
}

/// What a refresh must give: the token of this generation, or nothing.
type Given = Option<i64>;

impl Model {
    fn refresh(&mut self, presented: i64, by: Who, now: i64) -> Given {
        if !self.alive || now >= self.ends_at || now >= self.rotated_at + 90 * DAY {
            return None;
        }
        let proved = match by {
            Who::Foreign => return None,
            Who::Plain | Who::AnotherKey if self.bound => return None,
            Who::Proved { age } if self.bound => Some(now - age),
            _ => None,
        };
        let minute_is_over = |time: i64| time > self.rotated_at + 60 * SECOND;
        match self.generation - presented {
            ..=0 => {
                (self.generation, self.rotated_at) = (presented + 1, now);
                Some(self.generation)
            }
            1 if self.bound || !minute_is_over(now) => Some(self.generation),
            2.. if proved.is_some_and(|made_at| !minute_is_over(made_at)) => None,
            _ => {
                self.alive = false;
                None
            }
        }
    }
}

/// A session, the app that holds it, and everything that was ever given out for it.
struct World<'a> {
    postern: &'a Postern,
    phone: Phone<'a>,
    other: Phone<'a>,
    prover: Prover<'a>,
    thief: Prover<'a>,
    first: Tokens,
    model: Model,
    /// The one token of each generation: a second one would be a second branch.
    given: BTreeMap<i64, String>,
    /// The last access token, and when it was given.
    access: (String, i64),
    /// The generation that the app has stored.
    stored: i64,
}

impl<'a> World<'a> {
    async fn new(postern: &'a Postern, bound: bool) -> World<'a> {
        let prover = Prover::new(postern, "the phone's key");
        let (phone, first) = if bound {
            (postern.phone(), prover.signed_in().await)
        } else {
            signed_in(postern, "notes").await
        };
        let now = postern.clock.now().millis();
        Self {
            postern,
            phone,
            other: postern.phone_of("other"),
            thief: Prover::new(postern, "another key"),
            prover,
            model: Model {
                bound,
                alive: true,
                generation: 1,
                rotated_at: now,
                ends_at: now + 365 * DAY,
            },
            given: BTreeMap::from([(1, first.refresh.clone())]),
            access: (first.access.clone(), now),
            stored: 1,
            first,
        }
    }

    fn now(&self) -> i64 {
        self.postern.clock.now().millis()
    }

    /// The app itself proves its key where there is one.
    fn app(&self) -> Who {
        if self.model.bound {
            Who::Proved { age: 0 }
        } else {
            Who::Plain
        }
    }

    /// The generation that is `back` behind the newest that was given out.
    fn behind(&self, back: usize) -> i64 {
        *self.given.keys().rev().nth(back).unwrap_or(&1)
    }

    async fn present(&self, generation: i64, by: Who) -> Option<Tokens> {
        let token = &self.given[&generation];
        let over_http = async |phone: &Phone<'_>| {
            let answer = phone.refresh(token).await;
            (answer.status == 200).then(|| Tokens::of(&answer)).or_else(|| {
                assert_eq!(
                    (answer.status.as_u16(), answer.error().as_str()),
                    (400, "invalid_grant")
                );
                None
            })
        };
        let proved = |done: Result<Tokens, TokenError>| match done {
            Ok(tokens) => Some(tokens),
            Err(TokenError::Refused(error)) if error.code.as_str() == "invalid_grant" => None,
            Err(error) => panic!("{error}"),
        };
        match by {
            Who::Plain => over_http(&self.phone).await,
            Who::Foreign => over_http(&self.other).await,
            Who::AnotherKey => proved(self.thief.refresh(token).await),
            Who::Proved { age } => {
                let made_at = Instant::from_millis(self.now() - age);
                proved(self.prover.refresh_proved_at(token, made_at).await)
            }
        }
    }

    /// Notes what was given, and that no generation has two tokens.
    fn note(&mut self, generation: i64, tokens: Tokens) -> Result<(), TestCaseError> {
        let known = self
            .given
            .entry(generation)
            .or_insert_with(|| tokens.refresh.clone());
        prop_assert_eq!(
            known.as_str(),
            tokens.refresh.as_str(),
            "two live branches at generation {}",
            generation
        );
        if tokens.claims().get("cnf").is_none() {
            self.access = (tokens.access, self.now());
        }
        Ok(())
    }

    async fn refresh(&mut self, generation: i64, by: Who, times: usize) -> Result<Given, TestCaseError> {
        let now = self.now();
        let answers = join_all((0..times).map(|_| self.present(generation, by))).await;
        let mut expected = None;
        for answer in answers {
            expected = self.model.refresh(generation, by, now);
            match (answer, expected) {
                (Some(tokens), Some(expected)) => self.note(expected, tokens)?,
                (None, None) => {}
                (answer, expected) => {
                    let given = answer.map(|tokens| tokens.refresh);
                    return Err(TestCaseError::fail(format!(
                        "generation {generation} by {by:?}: expected {expected:?}, got {given:?}; {:?}",
                        self.model
                    )));
                }
            }
        }
        Ok(expected)
    }

    async fn run(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Refresh { back, by, times } => {
                self.refresh(self.behind(back), by, times).await?;
            }
            Step::LostAnswer => {
                self.refresh(self.stored, self.app(), 1).await?;
            }
            Step::Refreshed => {
                if let Some(successor) = self.refresh(self.stored, self.app(), 1).await? {
                    self.stored = successor;
                }
            }
            Step::Pass(time) => self.postern.clock.advance(Lifetime::from_millis(time)),
            Step::Revoke { back } => {
                let answer = self.phone.revoke(&self.given[&self.behind(back)]).await;
                prop_assert_eq!(answer.status.as_u16(), 200);
                self.model.alive = false;
            }
            Step::EndInARace { times } => self.end_in_a_race(times).await?,
            Step::GoBack { by } => {
                let generation = (self.model.generation - by).max(1);
                set(self.postern, &self.first, &format!("generation = {generation}")).await;
                self.model.generation = generation;
            }
        }
        self.check().await
    }

    async fn end_in_a_race(&mut self, times: usize) -> Result<(), TestCaseError> {
        let newest = self.behind(0);
        let refreshes = join_all((0..times).map(|_| self.present(newest, self.app())));
        let node = Ending::Device {
            id: session(&self.first),
        };
        let ending = end(
            self.postern.provider(),
            node,
            Reason::EndedByOperator,
            Subject::default(),
        );
        let (answers, ended) = join(refreshes, ending).await;
        prop_assert!(ended.is_ok());
        // Before the end each may have been served; which, nobody can say.
        let now = self.now();
        let expected = self.model.refresh(newest, self.app(), now);
        for tokens in answers.into_iter().flatten() {
            match expected {
                Some(generation) => self.note(generation, tokens)?,
                None => prop_assert!(false, "served although the rules refuse it: {:?}", self.model),
            }
        }
        self.model.alive = false;
        Ok(())
    }

    /// The row says what the model says, and an access token is worth what its session is.
    async fn check(&self) -> Result<(), TestCaseError> {
        let found = device_sessions::find(&self.postern.provider().db, session(&self.first)).await;
        let state = found.expect("the database answers").expect("a row").session.state;
        match state {
            State::Active {
                generation,
                rotated_at,
                ..
            } => {
                prop_assert!(self.model.alive, "it lives on: {:?}", self.model);
                prop_assert_eq!(generation.to_i64(), self.model.generation);
                prop_assert_eq!(rotated_at.millis(), self.model.rotated_at);
            }
            _ => prop_assert!(!self.model.alive, "an end that no rule demands: {:?}", self.model),
        }
        let (access, given_at) = &self.access;
        let status = self.phone.userinfo(access).await.status.as_u16();
        if !self.model.alive || self.first.claims().get("cnf").is_some() && *access == self.first.access {
            prop_assert_eq!(status, 401, "a live token after an end");
        } else if self.now() < given_at + 300 * SECOND && self.now() < self.model.ends_at {
            prop_assert_eq!(status, 200, "a token that should live");
        }
        Ok(())
    }
}

#[test]
fn random_interleavings_do_what_the_rules_say() {
    let cases = if soak() { 5_000 } else { 300 };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let postern = runtime.block_on(async {
        let postern = Postern::start().await;
        postern.add_client("other", |_| {}).await;
        postern
    });
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let stories = (any::<bool>(), proptest::collection::vec(step(), 1..40));
    let outcome = TestRunner::new(config).run(&stories, |(bound, steps)| {
        runtime.block_on(async {
            let mut world = World::new(&postern, bound).await;
            for step in &steps {
                world.run(step).await?;
            }
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
