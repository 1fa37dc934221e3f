//! People who have signed in, the database that knows of them, and the crowd of their apps.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use postern::{
    base::{id::DeviceSessionId, time::Clock},
    store::{
        db::{Db, Location, Statement},
        events,
    },
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{PATIENCE, device::Device, node::Node};
use crate::harness::{ALICE, Postern};

/// A database with sessions, and the folder with its root secret.
pub(super) struct World {
    postern: Postern,
    /// Where PostgreSQL is, unless the database is embedded.
    url: Option<String>,
    pub(super) devices: Vec<Arc<Device>>,
}

impl World {
    /// Opens so many sessions of Alice, in process: that they survive is what these tests are about.
    pub(super) async fn open(database: Option<(String, Location)>, sessions: usize) -> Self {
        let (url, location) = database.unzip();
        let postern = Postern::start_at(Clock::system(), None, |config| {
            if let Some(location) = location {
                config.database.location = location;
            }
        })
        .await;
        let mut browser = postern.browser();
        let mut devices = Vec::new();
        for _ in 0..sessions {
            let tokens = postern.phone().signed_in(&mut browser, ALICE).await;
            devices.push(Arc::new(Device::new(&tokens)));
        }
        postern.provider().db.clone().close().await;
        Self {
            postern,
            url,
            devices,
        }
    }

    pub(super) async fn node(&self) -> Arc<Node> {
        self.node_at(self.url.clone()).await
    }

    /// A node that reaches the database in another way.
    pub(super) async fn node_at(&self, url: Option<String>) -> Arc<Node> {
        Arc::new(Node::start(self.postern.folder().to_owned(), url).await)
    }

    /// The database, as it is where this says.
    pub(super) async fn found(&self, location: Option<&Location>) -> Found {
        let location = location.unwrap_or(&self.postern.config.database.location);
        let db = Db::open(location).await.expect("the database opens");
        let rows = db.read_all(ROWS, ()).await.expect("rows");
        let rows = rows
            .into_iter()
            .map(|(id, state, generation, reason)| (id, (state, generation, reason)));
        let listed = db.read_all(events::LIST, (100_000,)).await.expect("events");
        let found = Found {
            rows: rows.collect(),
            events: listed
                .into_iter()
                .map(|event| (event.2, event.5, event.6))
                .collect(),
        };
        db.close().await;
        found
    }
}

/// State, generation and the reason of an end, of every session.
const ROWS: Statement<(), (DeviceSessionId, String, i64, Option<String>)> =
    Statement::new("SELECT id, state, generation, end_reason FROM device_sessions");

/// What is in the database.
pub(super) struct Found {
    /// State, generation and the reason of an end.
    rows: HashMap<DeviceSessionId, (String, i64, Option<String>)>,
    /// Kind, session and what else is told.
    pub(super) events: Vec<(String, Option<DeviceSessionId>, String)>,
}

impl Found {
    /// Every app holds the newest token of its row, or its session has ended.
    pub(super) fn agrees_with(&self, devices: &[Arc<Device>]) {
        assert_eq!(self.rows.len(), devices.len(), "no session came or went");
        for device in devices {
            let (state, generation, _) = &self.rows[&device.id];
            if device.has_ended() {
                assert_eq!(state, "ended", "{}", device.id);
            } else {
                let own = device.held().generation();
                assert_eq!((state.as_str(), *generation), ("active", own), "{}", device.id);
            }
        }
    }

    pub(super) fn end_reason(&self, device: &Device) -> Option<&str> {
        self.rows[&device.id].2.as_deref()
    }

    /// How often something of this kind happened.
    pub(super) fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|event| event.0 == kind).count()
    }
}

/// Apps that refresh at the same time.
pub(super) struct Crowd {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
}

impl Crowd {
    pub(super) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            stop: Arc::default(),
        }
    }

    /// One more, which asks this node. Once its session has ended it tries what a thief tries.
    pub(super) fn join(&mut self, device: &Arc<Device>, node: &Arc<Node>) {
        let (device, node, stop) = (Arc::clone(device), Arc::clone(node), Arc::clone(&self.stop));
        let seed = u64::try_from(self.tasks.len()).expect("a few");
        self.tasks.spawn(async move {
            device.lives(&node, &stop, seed).await;
            while !stop.load(Ordering::SeqCst) {
                if device.has_ended() {
                    device.is_refused(&node).await;
                }
                sleep(Duration::from_millis(500)).await;
            }
        });
    }

    /// A thief with the tokens of a session that has ended, at this node.
    pub(super) fn thief(&mut self, device: &Arc<Device>, node: &Arc<Node>) {
        let (device, node, stop) = (Arc::clone(device), Arc::clone(node), Arc::clone(&self.stop));
        self.tasks.spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                device.is_refused(&node).await;
                sleep(Duration::from_millis(100)).await;
            }
        });
    }

    /// Lets everybody finish what is under way; what one of them has seen fails the test.
    pub(super) async fn stops(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(done) = self.tasks.join_next().await {
            if let Err(error) = done {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}

/// Waits until each of them has been refreshed so often more.
pub(super) async fn go_on(devices: &[Arc<Device>], times: u64) {
    let refreshed = |device: &Arc<Device>| device.refreshed.load(Ordering::SeqCst);
    let goals: Vec<u64> = devices.iter().map(|device| refreshed(device) + times).collect();
    let late = || {
        let pairs = devices.iter().zip(&goals);
        let late = pairs.filter(|(device, goal)| refreshed(device) < **goal);
        late.map(|(device, _)| device.state()).collect::<Vec<_>>()
    };
    let working = async {
        while !late().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let worked = timeout(PATIENCE, working).await;
    assert!(worked.is_ok(), "no progress within {PATIENCE:?}: {:#?}", late());
}
