//! Validates the access tokens of an OAuth 2.0 authorization server in the APIs that accept them (RFC 9068).
//!
//! An API names two things: the **issuer** whose tokens it accepts, and its own **audience**, the resource
//! that those tokens must be made for. Everything else is read from the issuer (RFC 8414), once at the
//! start and again in the background.
//!
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use postern_resource_server::{Authenticated, HasScope, Postern, scopes};
//!
//! scopes! { NotesRead = "notes:read"; NotesWrite = "notes:write"; }
//!
//! // A handler that names a scope cannot run without it.
//! async fn read(token: HasScope<NotesRead>) -> String {
//!     format!("the notes of {}, in session {:?}", token.sub, token.sid)
//! }
//!
//! async fn write(token: HasScope<NotesWrite>) {}
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let postern = Postern::discover("https://id.example.com", "https://notes.example.com").await?;
//! let app: Router = Router::new()
//!     .route("/notes", get(read).post(write))
//!     .layer(postern.layer());
//! # Ok(())
//! # }
//! ```
//!
//! # Without axum
//!
//! [`Postern::layer`] is a `tower` layer for any HTTP service: it answers requests without a valid token, and leaves the
//! claims of all others in their extensions.
//!
//! ```
//! # use postern_resource_server::{Authenticated, HasScope, Rejection, scopes};
//! # scopes! { NotesRead = "notes:read"; }
//! async fn read(request: http::Request<String>) -> http::Response<String> {
//!     match HasScope::<NotesRead>::of(request.extensions()) {
//!         Ok(token) => http::Response::new(format!("the notes of {}", token.sub)),
//!         Err(rejection) => rejection.into_http(),
//!     }
//! }
//! ```
//!
//! Without `tower`, [`Postern::authenticate`] takes a request's method, URI and headers. Without a network,
//! [`validate`] is a pure function of the token, a [`KeySet`], what is [`Expected`] and the time.
//! A [`Rejection`] knows the status and the `WWW-Authenticate` headers that the caller is owed.
//!
//! # What ends is refused
//!
//! A token says what was true when it was issued, and is good until it expires. A Postern server tells its APIs of every
//! session, token, client and key that ends before, by a stream; [`Discover::follow`] has it refused within a second, without
//! asking for each request:
//!
//! ```no_run
//! # use postern_resource_server::{Follow, Postern};
//! # async fn start(secret: String) -> Result<(), Box<dyn std::error::Error>> {
//! let postern = Postern::discover("https://id.example.com", "https://notes.example.com")
//!     .follow(Follow::as_client("notes-api", secret))
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! Until the first snapshot has come, requests are answered with 503. When nothing new has come for 30 seconds,
//! the issuer is asked about each token, and what it cannot be asked about is refused; [`Follow::when_down`] sets
//! something else. [`Postern::health`] says how it is; [`Postern::stop`] takes leave. Any other issuer of RFC 9068 tokens does
//! without.
//!
//! # A better sign-in
//!
//! [`AccessToken::require_authentication`] at the head of a handler refuses a sign-in that is too old or too weak, and the
//! app learns which one it needs (RFC 9470).
//!
//! # Tokens that are bound to a key
//!
//! A token that is bound to a key of its app (DPoP, RFC 9449) is accepted with a proof of that key, made for this very
//! request, and used once; as a bearer token it is refused. Nothing is to be done for that, unless the audience is not
//! the address that apps ask the API at: then [`Discover::public_url`] says what is. [`check_proof`] is the pure
//! function behind it, [`ReplayMemory`] what remembers the proofs. A token that is bound to a certificate (RFC 8705) is refused.
//!
//! A proof is good for ten seconds before and after its `iat`, so a device whose clock is wrong is refused. With
//! [`Discover::nonces`] it is given a nonce instead, and served.
//!
//! # Apps that know nothing but the API's address
//!
//! [`Postern::protected_resource`] is the document by which they find the authorization server (RFC 9728), and the word in
//! each challenge that names it.
//!
//! Features: `axum` (default) makes [`Authenticated`] and [`HasScope`] extractors and [`Rejection`] a response; `tls` is
//! needed to discover an issuer over https.

mod authenticated;
mod bearer;
mod claims;
mod clock;
mod digest;
mod discover;
mod error;
#[cfg(feature = "axum")]
mod extract;
mod fetch;
mod keys;
mod layer;
mod metadata;
mod nonce;
mod postern;
mod proof;
mod proof_key;
mod proof_url;
mod protected_resource;
mod public_url;
mod remote_keys;
mod replay;
mod revocations;
mod step_up;
mod validate;
mod verified;

pub use crate::authenticated::{Authenticated, HasScope, Scope, is_scope};
pub use crate::bearer::{Presented, Scheme};
pub use crate::claims::{AccessToken, Actor, Confirmation, ScopeSet};
pub use crate::discover::Discover;
pub use crate::error::Rejection;
pub use crate::fetch::FetchError;
pub use crate::keys::{KeySet, KeySetError};
pub use crate::layer::{Authenticate, AuthenticateLayer};
pub use crate::metadata::DiscoverError;
pub use crate::postern::{Health, Postern};
pub use crate::proof::{
    NonceTime, OLD_NONCE, PROOF_ALGORITHMS, PROOF_LEEWAY, PresentedProof, Proof, ProofError, ProofTime,
    ProvedRequest, check_proof,
};
pub use crate::protected_resource::{ProtectedResource, ProtectedResourceError};
pub use crate::public_url::PublicUrlError;
pub use crate::remote_keys::KeyLimits;
pub use crate::replay::ReplayMemory;
pub use crate::revocations::{
    Follow, Poll, Revocation, RevocationKind, StreamError, StreamEvent, StreamHealth, StreamParser, WhenDown,
};
pub use crate::step_up::Authentication;
pub use crate::validate::{Expected, inspect, validate};
