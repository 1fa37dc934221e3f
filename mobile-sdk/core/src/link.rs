//! The way from an operation to its host: one effect out, one input in.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use crate::{
    clock::Moment,
    effect::{Effect, Input},
    event::Event,
};

/// Shared by an operation's future, which asks, and its shell, which passes on.
#[derive(Clone, Default)]
pub(crate) struct Link(Arc<Mutex<Slot>>);

#[derive(Default)]
pub(crate) struct Slot {
    pub(crate) now: Moment,
    pub(crate) effect: Option<Effect>,
    pub(crate) input: Option<Input>,
    pub(crate) events: Vec<Event>,
}

impl Link {
    pub(crate) fn slot(&self) -> MutexGuard<'_, Slot> {
        // Nothing panics while it holds it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the host do something, and waits for what comes of it.
    pub(crate) async fn ask(&self, effect: Effect) -> Input {
        self.slot().effect = Some(effect);
        poll_fn(|_| self.slot().input.take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Tells the app something.
    pub(crate) fn tell(&self, event: Event) {
        self.slot().events.push(event);
    }

    pub(crate) fn now(&self) -> Moment {
        self.slot().now.clone()
    }
}
