//! The demo's API: a backend of somebody else, which trusts the issuer's published keys and follows what has ended.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::Context;
use axum::{Json, Router, routing::get};
use postern_resource_server::{Follow, HasScope, Postern, ProtectedResource, Scope, scopes};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// How long it may take until the API knows what has ended.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often somebody looks whether it does.
const LOOK: Duration = Duration::from_millis(20);

/// The API at work; it ends with this.
#[derive(Debug)]
pub(super) struct Api {
    /// Where it answers.
    pub(super) url: String,
    task: JoinHandle<()>,
}

impl Api {
    /// Reads the issuer's keys and what has ended, and begins to answer.
    pub(super) async fn start(issuer: &str, audience: &str, follow: Follow) -> anyhow::Result<Self> {
        let postern = Postern::discover(issuer, audience).follow(follow).await;
        let postern = postern.context("the demo API cannot read the issuer's keys")?;
        let ready = async {
            while !postern.health().ready {
                sleep(LOOK).await;
            }
        };
        let ready = timeout(PATIENCE, ready).await;
        ready.context("the demo API does not hear what has ended")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no free port for the demo API")?;
        let origin = format!("http://{}", listener.local_addr()?);
        let url = format!("{origin}/hello");
        let about = ProtectedResource::new(audience, issuer)?.served_at(&origin)?;
        let about = about.name("The demo's API").scopes([Profile::NAME]);
        let router = Router::new().route("/hello", get(hello));
        let router: Router = about.describe(router.layer(postern.layer()));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the demo API failed");
            }
        });
        Ok(Self { url, task })
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.task.abort();
    }
}

scopes! { Profile = "profile"; }

/// A handler that names a scope cannot run without it.
async fn hello(token: HasScope<Profile>) -> Json<Value> {
    Json(json!({ "hello": token.sub, "from": token.client_id, "sid": token.sid }))
}
