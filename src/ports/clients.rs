//! Clients in memory, with their secrets: reading one for each refresh would cost a fifth of the rate.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;

use crate::{
    base::{
        id::{ClientId, ClientSecretId},
        time::{Instant, Lifetime},
        url::{Resource, WebOrigin},
    },
    domain::{
        api::ApiRules, authorization_details::AuthorizationType, client::Client, client_secret::KeptSecret,
        policy::Lifetimes,
    },
    store::{client_secrets, clients, db::Db, error::Result, facts::Versions},
};

/// Every client, as of one version.
#[derive(Debug, Default)]
pub struct ClientDirectory {
    held: ArcSwap<Snapshot>,
    uses: Uses<ClientId>,
    secret_uses: Uses<ClientSecretId>,
}

#[derive(Debug, Default)]
struct Snapshot {
    version: i64,
    clients: HashMap<ClientId, Arc<Client>>,
    secrets: HashMap<ClientId, Arc<[KeptSecret]>>,
    has_native_sso: bool,
    /// The origins of all clients that may be used.
    origins: HashSet<WebOrigin>,
    apis: HashMap<String, Arc<ApiRules>>,
    types: BTreeMap<String, AuthorizationType>,
}

/// To how much the last use of a client is remembered.
pub const COARSE: Lifetime = Lifetime::from_days(1);

/// What this node has written of last uses, so that it writes no more than one a day.
#[derive(Debug)]
struct Uses<K>(Mutex<HashMap<K, Instant>>);

impl<K> Default for Uses<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> Uses<K> {
    /// Whether this use is the first for a day.
    fn is_news(&self, of: K, now: Instant) -> bool {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = written.get(&of).is_none_or(|at| now.since(*at) >= COARSE);
        if is_news {
            written.insert(of, now);
        }
        is_news
    }
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
        self.held
            .load()
            .clients
            .get(&id)
            .filter(|client| client.is_enabled())
            .cloned()
    }

    /// A client, also one that may not be used any more.
    pub fn held(&self, id: &ClientId) -> Option<Arc<Client>> {
        self.held.load().clients.get(id).cloned()
    }

    /// Every client, by id.
    pub fn all(&self) -> Vec<Arc<Client>> {
        let mut all: Vec<_> = self.held.load().clients.values().cloned().collect();
        all.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        all
    }

    /// Every client that may be used, by id.
    pub fn enabled(&self) -> Vec<Arc<Client>> {
        let mut all = self.all();
        all.retain(|client| client.is_enabled());
        all
    }

    /// Whether there is an app by which others sign in.
    pub fn has_native_sso(&self) -> bool {
        self.held.load().has_native_sso
    }

    /// Whether the pages of some client are at this origin.
    pub fn has_origin(&self, origin: &WebOrigin) -> bool {
        self.held.load().origins.contains(origin)
    }

    /// What an API says about its tokens; nothing when no service is registered as this API.
    pub fn api(&self, api: &Resource) -> Option<Arc<ApiRules>> {
        self.held.load().apis.get(api.as_str()).cloned()
    }

    /// A type of `authorization_details` (RFC 9396) that an API has.
    pub fn authorization_type(&self, name: &str) -> Option<AuthorizationType> {
        self.held.load().types.get(name).cloned()
    }

    /// The names of all types.
    pub fn authorization_types(&self) -> Vec<String> {
        self.held.load().types.keys().cloned().collect()
    }

    /// The secrets of a client, also those that have ended.
    pub fn secrets(&self, id: &ClientId) -> Arc<[KeptSecret]> {
        let held = self.held.load();
        held.secrets.get(id).cloned().unwrap_or_default()
    }

    /// Whether the use of a client's key has to be written.
    pub fn is_first_use_today(&self, client: &ClientId, now: Instant) -> bool {
        self.uses.is_news(client.clone(), now)
    }

    /// Whether the use of a secret has to be written.
    pub fn is_first_use_of_secret_today(&self, secret: ClientSecretId, now: Instant) -> bool {
        self.secret_uses.is_news(secret, now)
    }

    /// The name of a client for people, also of one that may not be used any more.
    pub fn name(&self, id: &ClientId) -> String {
        self.held
            .load()
            .clients
            .get(id)
            .map_or_else(|| id.to_string(), |client| client.name.to_string())
    }

    /// The lifetimes of a client: its own over the server's, and the server's alone of one that was removed.
    pub fn lifetimes(&self, id: &ClientId, server: &Lifetimes) -> Lifetimes {
        let held = self.held.load();
        let client = held.clients.get(id);
        client.map_or(*server, |client| client.lifetimes(server))
    }

    /// The longest of the lives that `life` picks, the server's own and every client's.
    pub fn longest(&self, server: &Lifetimes, life: impl Fn(&Lifetimes) -> Lifetime) -> Lifetime {
        let held = self.held.load();
        let own = held
            .clients
            .values()
            .map(|client| life(&client.lifetimes(server)));
        own.fold(life(server), Lifetime::max)
    }

    /// Reads them again when their version is another, or `always`: a database that went back may have come to the same
    /// number by another way. Asked for by the poll: a command beside the server, or another node, may have made a change.
    pub async fn follow(&self, db: &Db, versions: &Versions, always: bool) -> Result<()> {
        if always || versions.of(clients::VERSION) != self.held.load().version {
            self.reload(db).await?;
        }
        Ok(())
    }

    /// Reads them again: this node has just made a change.
    pub async fn reload(&self, db: &Db) -> Result<()> {
        let (version, all) = clients::all(db).await?;
        let mut secrets: HashMap<ClientId, Vec<KeptSecret>> = HashMap::new();
        for secret in client_secrets::all(db).await? {
            secrets.entry(secret.client.clone()).or_default().push(secret);
        }
        let has_native_sso = all
            .iter()
            .any(|client| client.is_enabled() && client.lets_others_in());
        let enabled = all.iter().filter(|client| client.is_enabled());
        let origins = enabled.flat_map(|client| client.settings.allowed_origins.iter().cloned());
        let origins = origins.collect();
        let (apis, types) = (apis(&all), types(&all));
        let clients = all
            .into_iter()
            .map(|client| (client.id.clone(), Arc::new(client)))
            .collect();
        let secrets = secrets.into_iter().map(|(id, own)| (id, own.into()));
        self.held.store(Arc::new(Snapshot {
            version,
            clients,
            secrets: secrets.collect(),
            has_native_sso,
            origins,
            apis,
            types,
        }));
        Ok(())
    }
}

/// The types of `authorization_details` that the enabled services have.
fn types(all: &[Client]) -> BTreeMap<String, AuthorizationType> {
    let enabled = all.iter().filter(|client| client.is_enabled());
    let mut types: BTreeMap<String, AuthorizationType> = BTreeMap::new();
    for own in enabled.flat_map(|client| &client.settings.audience_authorization_types) {
        let known = types.remove(own.name());
        let both = known.map_or_else(|| own.clone(), |known| known.and(own.clone()));
        types.insert(own.name().to_owned(), both);
    }
    types
}

/// The APIs that the enabled services are.
fn apis(all: &[Client]) -> HashMap<String, Arc<ApiRules>> {
    let mut apis: HashMap<String, ApiRules> = HashMap::new();
    for settings in all
        .iter()
        .filter(|client| client.is_enabled())
        .map(|client| &client.settings)
    {
        if let Some(api) = &settings.audience {
            let known = apis.entry(api.to_string()).or_default();
            *known = std::mem::take(known).and(settings.api_rules());
        }
    }
    apis.into_iter()
        .map(|(api, rules)| (api, Arc::new(rules)))
        .collect()
}
