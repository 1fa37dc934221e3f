//! Nodes behind one address, the database that they share, and people who have signed in.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use postern::{
    base::time::{Clock, Lifetime},
    domain::{
        client::{AuthMethod, ClientKind, ClientSettings},
        role::Permission,
    },
    store::db::{Db, Location},
};
use reqwest::{Client, RequestBuilder};

use super::super::write_by_hand;
use crate::{
    cli::program::command,
    client_auth::register,
    durability::{
        door::Door,
        node::{DATABASE, Node},
        surely,
    },
    harness::{ALICE, BOB, Phone, Postern, ProofKey, Tokens, free_port, postgres},
};

/// What the API is called in tokens.
pub(super) const API: &str = "https://notes.example";
/// As long as a test may take on a busy machine: what is refused is refused because it ended.
const LIFE: &str = "1h";

/// A session of the app, with an access token for the API.
pub(super) struct Session {
    pub(super) sid: String,
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) key: Option<Arc<ProofKey>>,
}

/// A node, and where its private listener is.
pub(super) struct Server {
    pub(super) node: Node,
    private: u16,
}

pub(super) struct World {
    pub(super) postern: Postern,
    /// Where apps and APIs ask the server.
    pub(super) front: Door,
    pub(super) servers: Vec<Server>,
    /// The secret of the service `api`, which follows.
    pub(super) secret: String,
    admin: String,
    url: Option<String>,
    sessions: Mutex<Vec<Session>>,
    http: Client,
}

impl World {
    /// With the embedded database and its one node.
    pub(super) async fn embedded(sessions: usize) -> Self {
        let mut world = Self::open(None, sessions).await;
        world.add_server(None).await;
        world.meets_everybody();
        world
    }

    /// With PostgreSQL and two nodes; nothing where it is not installed.
    pub(super) async fn of_two_nodes(sessions: usize) -> Option<Self> {
        let database = postgres::database().await?;
        let place = (database.url(), database.location.clone());
        let mut world = Self::open(Some(place), sessions).await;
        world.postern.database = Some(Arc::new(database));
        world.add_server(None).await;
        world.add_server(None).await;
        world.meets_everybody();
        Some(world)
    }

    /// Both.
    pub(super) async fn of_each(sessions: usize) -> Vec<Self> {
        let mut worlds = vec![Self::embedded(sessions).await];
        worlds.extend(Self::of_two_nodes(sessions).await);
        worlds
    }

    /// Without any node. The sessions are opened in process: that people can sign in is not what these tests are about.
    pub(super) async fn open(database: Option<(String, Location)>, sessions: usize) -> Self {
        let (url, location) = database.unzip();
        let front = Door::closed().await;
        let issuer = format!("http://127.0.0.1:{}", front.port);
        let postern = Postern::start_at(Clock::system(), None, |config| {
            config.server.public_url = issuer.parse().expect("a public URL");
            config.lifetimes.access_token = LIFE.parse::<Lifetime>().expect("a length of time");
            if let Some(location) = location {
                config.database.location = location;
            }
        })
        .await;
        let scope = Permission::ALL.iter().map(|permission| permission.scope());
        let scope = scope.collect::<Vec<_>>().join(" ");
        let (_, admin) = register(&postern, "admin", ClientKind::Service, |settings| {
            settings.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
            settings.scope = scope.parse().expect("scopes");
            settings.resource = format!("{issuer}/api/v1").parse().ok();
        })
        .await;
        let (_, secret) = register(&postern, "api", ClientKind::Service, |settings| {
            settings.scope = "revocations".parse().expect("scopes");
            settings.audience = API.parse().ok();
        })
        .await;
        let is_for_the_api = |settings: &mut ClientSettings| {
            settings.resource = API.parse().ok();
            settings.scope = "openid offline_access notes:read".parse().expect("valid");
        };
        postern.add_client("app", is_for_the_api).await;
        let mut phone = postern.phone_of("app");
        phone.scope = "openid offline_access notes:read";
        let mut opened = Vec::new();
        let mut browser = postern.browser();
        for _ in 0..sessions {
            opened.push(Session::of(&phone, &phone.signed_in(&mut browser, ALICE).await));
        }
        let bound = phone.proving(Some(ProofKey::new()));
        let mut other_browser = postern.browser();
        opened.push(Session::of(
            &bound,
            &bound.signed_in(&mut other_browser, BOB).await,
        ));
        postern.provider().db.clone().close().await;
        Self {
            front,
            servers: Vec::new(),
            secret: secret.expect("a service"),
            admin: admin.expect("a service"),
            url,
            sessions: Mutex::new(opened),
            http: Client::builder().no_proxy().build().expect("a client"),
            postern,
        }
    }

    /// Starts one more node, which reaches the database in its own way.
    pub(super) async fn add_server(&mut self, database: Option<String>) {
        let private = free_port();
        let mut environment = self.environment(database);
        environment.push(("POSTERN__SERVER__PRIVATE_LISTEN", format!("127.0.0.1:{private}")));
        let node = Node::start_by(self.folder(), environment).await;
        self.servers.push(Server { node, private });
    }

    fn environment(&self, database: Option<String>) -> Vec<(&'static str, String)> {
        let mut environment = vec![
            ("POSTERN__SERVER__PUBLIC_URL", self.issuer().to_owned()),
            ("POSTERN__TOKENS__ACCESS_TOKEN", LIFE.to_owned()),
        ];
        environment.extend(database.or_else(|| self.url.clone()).map(|url| (DATABASE, url)));
        environment
    }

    fn folder(&self) -> PathBuf {
        self.postern.folder().to_owned()
    }

    pub(super) fn issuer(&self) -> &str {
        self.postern.issuer()
    }

    /// Who comes is led to this node. Connections that are open break.
    pub(super) fn meets(&self, server: usize) {
        self.front.lead(self.servers[server].node.port());
    }

    /// Who comes is led to each node in turn.
    pub(super) fn meets_everybody(&self) {
        let ports = self.servers.iter().map(|server| server.node.port());
        self.front.lead_to_each(ports.collect());
    }

    /// One of the sessions, which nobody else gets.
    pub(super) fn session(&self) -> Session {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let at = sessions.iter().position(|session| session.key.is_none());
        sessions.swap_remove(at.expect("one more session"))
    }

    pub(super) fn sessions(&self, count: usize) -> Vec<Session> {
        (0..count).map(|_| self.session()).collect()
    }

    /// Bob's, whose tokens are bound to a key; the others are Alice's.
    pub(super) fn bound_session(&self) -> Session {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let at = sessions.iter().position(|session| session.key.is_some());
        sessions.swap_remove(at.expect("it is asked for once"))
    }

    /// A token for the admin API.
    pub(super) async fn admins_token(&self, server: usize) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "admin"),
            ("client_secret", &self.admin),
        ];
        let answer = self.servers[server].node.post("/token", &form).send().await;
        let answer: serde_json::Value = answer.expect("an answer").json().await.expect("JSON");
        let token = answer["access_token"].as_str();
        token.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// What an admin's click sends to this node.
    pub(super) fn end(&self, server: usize, token: &str, session: &Session) -> RequestBuilder {
        let (port, sid) = (self.servers[server].private, &session.sid);
        let url = format!("http://127.0.0.1:{port}/api/v1/sessions/{sid}/end");
        self.http.post(url).bearer_auth(token)
    }

    /// An admin ends a session at this node, until that is acknowledged.
    pub(super) async fn ends(&self, server: usize, session: &Session) {
        surely("an acknowledged end", async {
            let token = self.admins_token(server).await;
            let answer = self.end(server, &token, session).send().await;
            let answer = answer.expect("an answer");
            let status = answer.status();
            assert_eq!(status, 200, "{:?}", answer.text().await);
        })
        .await;
    }

    /// The service that follows may not open streams from now on; that it may ask about tokens is another matter.
    pub(super) async fn may_not_follow(&self) {
        let words = ["client", "set", "api", "--scope", "read"];
        let (code, said) = self.runs(&words).await;
        assert_eq!(code, 0, "{said}");
    }

    /// Writes revocations of so many clients that nobody knows.
    pub(super) async fn revokes_much(&self, count: i64) {
        let db = Db::open(&self.postern.config.database.location).await;
        let db = db.expect("the database opens");
        write_by_hand(&db, count, "nobody", Clock::system().now()).await;
        db.close().await;
    }

    /// `postern session end --wait`: its exit code, and what it said.
    pub(super) async fn ends_and_waits(&self, session: &Session) -> (i32, String) {
        self.runs(&["session", "end", &session.sid, "--wait", "--timeout", "60s"])
            .await
    }

    /// The same for all that somebody has in the app: as a job.
    pub(super) async fn ends_all_of(&self, email: &str) -> (i32, String) {
        self.runs(&["session", "end", "--user", email, "--client", "app", "--wait"])
            .await
    }

    /// A command on the machine of the server.
    async fn runs(&self, words: &[&str]) -> (i32, String) {
        let mut command = command(words, &self.folder());
        command.envs(self.environment(None));
        let ended = tokio::task::spawn_blocking(move || command.output()).await;
        let ended = ended.expect("no panic").expect("it starts");
        let said = [ended.stdout, ended.stderr].concat();
        let said = String::from_utf8(said).expect("text");
        (ended.status.code().expect("no signal"), said)
    }
}

impl Session {
    fn of(phone: &Phone<'_>, tokens: &Tokens) -> Self {
        Self {
            sid: tokens.sid(),
            access: tokens.access.clone(),
            refresh: tokens.refresh.clone(),
            key: phone.key.clone(),
        }
    }
}
