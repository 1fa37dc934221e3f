//! Clients in memory: reading one for each refresh would cost a fifth of the rate.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    base::{id::ClientId, time::Lifetime},
    domain::{client::Client, policy::Lifetimes},
    store::{clients, db::Db, error::Result, facts::Versions},
};

/// Every client, as of one version.
#[derive(Debug, Default)]
pub struct ClientDirectory(ArcSwap<Snapshot>);

#[derive(Debug, Default)]
struct Snapshot {
    version: i64,
    clients: HashMap<ClientId, Arc<Client>>,
}

impl ClientDirectory {
    /// Reads them all.
    pub async fn load(db: &Db) -> Result<Self> {
        let directory = Self::default();
        directory.reload(db).await?;
        Ok(directory)
    }

    /// A client that may be used.
    pub fn find(&self, id: &str) -> Option<Arc<Client>> {
        let id: ClientId = id.parse().ok()?;
        self.0
            .load()
            .clients
            .get(&id)
            .filter(|client| client.is_enabled())
            .cloned()
    }

    /// The name of a client for people, also of one that may not be used any more.
    pub fn name(&self, id: &ClientId) -> String {
        self.0
            .load()
            .clients
            .get(id)
            .map_or_else(|| id.to_string(), |client| client.name.to_string())
    }

    /// The lifetimes of a client: its own over the server's, and the server's alone of one that was removed.
    pub fn lifetimes(&self, id: &ClientId, server: &Lifetimes) -> Lifetimes {
        let held = self.0.load();
        let client = held.clients.get(id);
        client.map_or(*server, |client| client.lifetimes(server))
    }

    /// The longest of the lives that `life` picks, the server's own and every client's.
    pub fn longest(&self, server: &Lifetimes, life: impl Fn(&Lifetimes) -> Lifetime) -> Lifetime {
        let held = self.0.load();
        let own = held
            .clients
            .values()
            .map(|client| life(&client.lifetimes(server)));
        own.fold(life(server), Lifetime::max)
    }

    /// Reads them again when their version is another, or `always`: a database that went back may have come to the same
    /// number by another way. Asked for by the poll: a command beside the server, or another node, may have made a change.
    pub async fn follow(&self, db: &Db, versions: &Versions, always: bool) -> Result<()> {
        if always || versions.of(clients::VERSION) != self.0.load().version {
            self.reload(db).await?;
        }
        Ok(())
    }

    /// Reads them again: this node has just made a change.
    pub async fn reload(&self, db: &Db) -> Result<()> {
        let (version, all) = clients::all(db).await?;
        let clients = all
            .into_iter()
            .map(|client| (client.id.clone(), Arc::new(client)))
            .collect();
        self.0.store(Arc::new(Snapshot { version, clients }));
        Ok(())
    }
}
