//! What commands do that a running server can do for them: each verb on the database, or through the admin API.

mod clients;
mod mass_ends;
mod people;
mod server;
mod sessions;

use http::Method;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    app::App,
    base::time::{Clock, Instant, Lifetime},
    cli::remote::Remote,
    flows::confirm::{Confirmation, Reached},
};

/// How long one request waits for APIs; a server may shorten it, and it is asked again.
const WAIT: Lifetime = Lifetime::from_secs(20);

/// Where verbs are done.
#[derive(Debug)]
pub(super) enum Admin {
    /// On the database.
    Here(Box<App>),
    /// By a running server.
    There(Box<Remote>, Clock),
}

impl Admin {
    /// The time where it is done.
    pub(super) fn now(&self) -> Instant {
        match self {
            Self::Here(app) => app.provider.clock.now(),
            Self::There(_, clock) => clock.now(),
        }
    }
}

/// Asks until every API has confirmed it or the patience is over, since a server ends each request after a while: what has
/// ended ends nothing more.
async fn wait<T: DeserializeOwned>(
    server: &Remote,
    clock: &Clock,
    method: Method,
    path: &str,
    body: Option<Value>,
    patience: Lifetime,
) -> anyhow::Result<Reached<T>> {
    let until = clock.now().plus(patience);
    let mut first = None;
    loop {
        let left = until.since(clock.now());
        let query = [("wait", format!("{}ms", left.min(WAIT).millis()))];
        let asked = server.send(method.clone(), path, &query, body.clone()).await;
        let reached: Reached<T> = match asked {
            Err(error) if first.is_some() => {
                return Err(error.context("it is done, but how far it has come is not known any more"));
            }
            asked => asked?,
        };
        let is_whole = reached.confirmation.as_ref().is_some_and(Confirmation::is_whole);
        let done = first.take().unwrap_or(reached.done);
        if is_whole || clock.now() >= until {
            return Ok(Reached {
                done,
                confirmation: reached.confirmation,
            });
        }
        first = Some(done);
    }
}

/// A filter as parameters: times are dates there, and who acted is a word.
fn parameters(filter: &impl Serialize) -> anyhow::Result<Vec<(String, String)>> {
    let Value::Object(parts) = serde_json::to_value(filter)? else {
        return Ok(Vec::new());
    };
    let text = |value: Value| match value {
        Value::Number(at) => Instant::from_millis(at.as_i64().unwrap_or_default()).to_rfc3339(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(parts
        .into_iter()
        .map(|(name, value)| (name, text(value)))
        .collect())
}

fn borrowed(query: &[(String, String)]) -> Vec<(&str, String)> {
    query
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect()
}
