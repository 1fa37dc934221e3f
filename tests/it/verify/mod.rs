//! APIs of others in front of the real server: what checks their tokens, and what it must refuse. The sidecar behind each
//! proxy, the snippets of `docs/verify`, and the example.

mod envoy_and_traefik;
mod issuer;
mod nginx;
mod notes_api;
mod page;
mod sidecar;
mod snippets;
mod upstream;

use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::Value;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::cli::program::Program;

/// What the API under test is called in its tokens, and where apps ask it.
const API: &str = "https://notes.example";
const OTHER_API: &str = "https://other.example";

/// An app that asks APIs.
fn app() -> Client {
    let built = Client::builder().no_proxy().build();
    built.expect("a client")
}

/// A virtual machine that starts on a busy machine takes a while.
const PATIENCE: Duration = Duration::from_mins(2);

/// Waits until a program listens at this address of the machine.
async fn reached(program: &mut Program, port: u16) {
    let listens = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            // A panic if it has ended: what it said tells why.
            program.until("port", |_, _| true).await;
            sleep(Duration::from_millis(10)).await;
        }
    };
    let listens = timeout(PATIENCE, listens).await;
    listens.unwrap_or_else(|_| panic!("it does not listen: {}", program.state()));
}

/// What an API answered.
#[derive(Debug)]
struct Told {
    status: u16,
    /// Each `WWW-Authenticate` header.
    challenges: Vec<String>,
    body: String,
}

impl Told {
    async fn of(response: Response) -> Self {
        let headers = response.headers().get_all("www-authenticate").iter();
        Self {
            status: response.status().as_u16(),
            challenges: headers
                .map(|value| value.to_str().expect("ASCII").to_owned())
                .collect(),
            body: response.text().await.expect("a text"),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Refused for its proof, which concerns one scheme.
    #[track_caller]
    fn refused_dpop(&self, error: &str) {
        assert_eq!(self.status, 401, "{self:?}");
        let told = self.challenges.join(", ");
        let says = told.starts_with("DPoP") && told.contains(&format!("error=\"{error}\""));
        assert!(says, "{self:?}");
    }

    /// Refused, with a challenge that says this of a bearer token.
    #[track_caller]
    fn refused(&self, status: u16, error: &str) {
        assert_eq!(self.status, status, "{self:?}");
        let told = self.challenges.join(", ");
        assert!(told.starts_with("Bearer"), "{self:?}");
        if error.is_empty() {
            // Who sent no token is told no error (RFC 6750 section 3.1).
            assert!(!told.contains("error="), "{self:?}");
        } else {
            assert!(told.contains(&format!("error=\"{error}\"")), "{self:?}");
        }
    }
}
