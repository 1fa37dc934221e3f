//! Who did what an event tells of.

use serde::{Deserialize, Serialize};

use crate::base::id::{ClientId, UserId};

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// Whoever has the command line and the database.
    Operator,
    /// A person: an admin.
    Person {
        /// Who.
        id: UserId,
    },
    /// A machine, by client credentials.
    Client {
        /// Which.
        id: ClientId,
    },
    /// The server by itself.
    System,
}

/// Who did something, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initiator {
    /// Who.
    pub actor: Actor,
    /// The client's address, where a request was made for it.
    pub address: Option<String>,
}

impl From<Actor> for Initiator {
    fn from(actor: Actor) -> Self {
        Self { actor, address: None }
    }
}
