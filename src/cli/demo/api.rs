//! The demo's API: a backend of somebody else, which trusts the issuer's published keys and asks it nothing more.

use std::{net::Ipv4Addr, sync::Arc};

use anyhow::Context;
use axum::{Json, Router, routing::get};
use postern_resource_server::{AccessToken, ProtectedResource, Rejection, ResourceServer};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// The API at work; it ends with this.
#[derive(Debug)]
pub(super) struct Api {
    /// Where it answers.
    pub(super) url: String,
    task: JoinHandle<()>,
}

impl Api {
    /// Reads the issuer's keys and begins to answer.
    pub(super) async fn start(issuer: &str, audience: &str) -> anyhow::Result<Self> {
        let resource_server = ResourceServer::discover(issuer, audience).await;
        let resource_server = resource_server.context("the demo API cannot read the issuer's keys")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no free port for the demo API")?;
        let origin = format!("http://{}", listener.local_addr()?);
        let url = format!("{origin}/hello");
        let about = ProtectedResource::new(audience, issuer)?.served_at(&origin)?;
        let about = about.name("The demo's API").scopes(["profile"]);
        let router = about
            .describe(Router::new().route("/hello", get(hello)))
            .with_state(Arc::new(resource_server));
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

/// A handler that names an access token cannot run without a valid one.
async fn hello(token: AccessToken) -> Result<Json<Value>, Rejection> {
    token.require_scope("profile")?;
    Ok(Json(
        json!({ "hello": token.sub, "from": token.client_id, "sid": token.sid }),
    ))
}
