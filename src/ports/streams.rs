//! The revocation streams that are open at this node: a bounded number, one for each copy of a resource server.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{
    base::id::ClientId,
    domain::{instance::InstanceName, policy::StreamLimits},
};

type Whose = (ClientId, InstanceName);

/// The streams that are open.
#[derive(Debug, Default)]
pub struct Streams(Mutex<HashMap<Whose, Arc<Notify>>>);

/// There is no place for one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// At this node.
    Node,
    /// For this client.
    Client,
}

/// The place of a stream, as long as this is held.
#[derive(Debug)]
pub struct Place {
    streams: Arc<Streams>,
    whose: Whose,
    /// Rung when another stream takes the place.
    pub taken: Arc<Notify>,
}

impl Streams {
    fn open(&self) -> MutexGuard<'_, HashMap<Whose, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.open().len()
    }

    /// A place. A copy that comes again takes its own: it knows better than we do whether its old stream is still there.
    pub fn enter(
        self: &Arc<Self>,
        client: ClientId,
        name: InstanceName,
        limits: StreamLimits,
    ) -> Result<Place, Full> {
        let whose = (client, name);
        let mut open = self.open();
        if let Some(old) = open.remove(&whose) {
            old.notify_one();
        }
        if open.len() >= limits.at_node {
            return Err(Full::Node);
        }
        if open.keys().filter(|(client, _)| *client == whose.0).count() >= limits.of_client {
            return Err(Full::Client);
        }
        let taken = Arc::new(Notify::new());
        open.insert(whose.clone(), Arc::clone(&taken));
        Ok(Place {
            streams: Arc::clone(self),
            whose,
            taken,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        if open
            .get(&self.whose)
            .is_some_and(|own| Arc::ptr_eq(own, &self.taken))
        {
            open.remove(&self.whose);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_given_back_and_who_comes_again_takes_his_own() {
        let streams = Arc::new(Streams::default());
        let limits = StreamLimits {
            at_node: 3,
            of_client: 2,
        };
        let enter = |client: &str, name: &str| {
            let (client, name) = (client.parse().expect("an id"), name.parse().expect("a name"));
            streams.enter(client, name, limits)
        };
        let first = enter("one", "a").expect("a place");
        let second = enter("one", "b").expect("a place");
        assert_eq!(enter("one", "c").err(), Some(Full::Client));
        let other = enter("two", "a").expect("a place");
        assert_eq!(enter("two", "b").err(), Some(Full::Node));
        let again = enter("one", "a").expect("its own");
        assert_eq!(streams.count(), 3);
        drop(first);
        assert_eq!(streams.count(), 3, "it is not its place any more");
        drop((again, second, other));
        assert_eq!(streams.count(), 0);
    }
}
