//! The protocol half of Postern's mobile SDK, without I/O.
//!
//! [`Core`] starts an [`Operation`]; the host calls [`Operation::step`] with what came of the last [`Effect`] and does the
//! next one, until the step says `Done` or `Failed`. The host owns HTTP, storage, keys, the clock and randomness; the core
//! owns what is sent, what is believed and what is kept. Whatever is killed, cut off or locked in between, what is in the
//! store is enough to go on.
//!
//! Inside, an operation is an `async fn` over `link::Link`: each `.await` is one effect. There is no runtime;
//! `operation` polls by hand.
//!
//! What the functions of [`Core`] do is in `sign_in`, `redirect`, `device`, `exchange`, `access_token`, `refresh`, `resource`,
//! `account`, `end` and `resume`. Below them `host` is what operations see of it, `record` what is stored, `memory` what a process
//! remembers, and `discovery`, `par`, `endpoint`, `token_endpoint` and `token_response` are the server as it is asked and as it
//! answers.

#![forbid(unsafe_code)]
// No input may make it panic.
#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used
)]

mod access_token;
mod account;
mod attestation;
mod base64;
mod clock;
mod config;
mod core;
mod deadline;
mod device;
mod discovery;
mod dpop;
mod effect;
mod end;
mod endpoint;
mod error;
mod event;
mod exchange;
mod form;
mod headers;
mod host;
mod http_date;
mod id_token;
mod json;
mod link;
mod memory;
mod operation;
mod outcome;
mod par;
mod patience;
mod pending;
mod pkce;
mod record;
mod redirect;
mod refresh;
mod resource;
mod resume;
mod secret;
mod sign_in;
mod token_endpoint;
mod token_response;
mod url;

pub use crate::{
    clock::Moment,
    config::{AttestationPolicy, Config, ConfigError, DpopPolicy, ParPolicy},
    core::Core,
    effect::{
        Effect, Evidence, Header, HookError, HttpFailure, HttpRequest, HttpResponse, Input, KeyInfo,
        KeyLevel, KeyPolicy,
    },
    error::{Action, ErrorCode, SdkError},
    event::{EndReason, Event},
    operation::{Answer, Next, Operation, Step},
    outcome::{
        AuthorizationReady, AuthorizeParams, DeviceReady, ExchangeParams, LogoutMode, NativeSso, Outcome,
        RequestHeaders, StoredTokens, Token, Verdict, Want,
    },
    secret::Secret,
};

/// What reads untrusted input, for property tests and fuzzing.
#[doc(hidden)]
pub mod parsers;
