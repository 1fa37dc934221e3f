//! An operation under way: an `async fn` that is polled by hand, once for each answer of the host.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use crate::{
    clock::Moment,
    effect::{Effect, Input},
    error::{ErrorCode, SdkError},
    event::Event,
    link::Link,
    outcome::Outcome,
};

/// The host's answer to a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The number of the step, as `Need` has it. An answer that was taken already changes nothing.
    pub id: u32,
    /// What came of its effect.
    pub input: Input,
}

/// How far an operation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What comes next.
    pub next: Next,
    /// What happened since the last step, in order. Each is said once.
    pub events: Vec<Event>,
}

/// What comes next in an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Do this one effect, and step with what comes of it.
    Need {
        /// The number of this step, for the answer: from 1, one more each time.
        id: u32,
        /// What to do.
        effect: Effect,
    },
    /// The operation is done; it takes no more answers.
    Done {
        /// What it ends with.
        outcome: Outcome,
    },
    /// The operation failed; it takes no more answers.
    Failed {
        /// Why, and what the app does about it.
        error: SdkError,
    },
}

type Work = Pin<Box<dyn Future<Output = Result<Outcome, SdkError>> + Send>>;

/// An operation under way. It is closed when it is over; to close it before loses nothing: what matters is in the store.
pub struct Operation {
    work: Option<Work>,
    link: Link,
    /// The step that the host is at; what it says is said again when an old answer is delivered again.
    at: u32,
    next: Option<Next>,
}

impl Operation {
    pub(crate) fn new<F>(link: Link, work: F) -> Self
    where
        F: Future<Output = Result<Outcome, SdkError>> + Send + 'static,
    {
        Self {
            work: Some(Box::pin(work)),
            link,
            at: 0,
            next: None,
        }
    }

    /// Goes on with what came of the last effect, without an answer at first, and never blocks. An answer that was taken
    /// already changes nothing and gets the present step again, without its events; one of a step that never was fails with
    /// `OutOfOrder`.
    pub fn step(&mut self, answer: Option<Answer>, now: &Moment) -> Step {
        match (&self.next, answer) {
            (None, None) => self.go_on(None, now),
            (Some(Next::Need { id, .. }), Some(answer)) if *id == answer.id => {
                self.go_on(Some(answer.input), now)
            }
            (Some(next), None) => quiet(next.clone()),
            (Some(next), Some(answer)) if answer.id <= self.at => quiet(next.clone()),
            _ => quiet(failed(ErrorCode::OutOfOrder)),
        }
    }

    fn go_on(&mut self, input: Option<Input>, now: &Moment) -> Step {
        {
            let mut slot = self.link.slot();
            slot.now = now.clone();
            slot.input = input;
        }
        let next = match self.work.as_mut() {
            None => failed(ErrorCode::OutOfOrder),
            Some(work) => match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(outcome)) => Next::Done { outcome },
                Poll::Ready(Err(error)) => Next::Failed { error },
                Poll::Pending => self.needed(),
            },
        };
        if !matches!(next, Next::Need { .. }) {
            self.work = None;
        }
        self.next = Some(next.clone());
        let events = std::mem::take(&mut self.link.slot().events);
        Step { next, events }
    }

    fn needed(&mut self) -> Next {
        match self.link.slot().effect.take() {
            Some(effect) => {
                self.at += 1;
                Next::Need { id: self.at, effect }
            }
            None => failed(ErrorCode::Internal),
        }
    }
}

fn failed(code: ErrorCode) -> Next {
    Next::Failed { error: code.into() }
}

fn quiet(next: Next) -> Step {
    Step {
        next,
        events: Vec::new(),
    }
}
