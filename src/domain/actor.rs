//! Who did what an event tells of.

use serde::{Deserialize, Serialize};

use crate::base::id::{ClientId, UserId};

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// The operator, at the command line or in the database.
    Operator,
    /// A person.
    Person {
        /// Who.
        id: UserId,
    },
    /// A client that speaks for itself.
    Client {
        /// Which.
        id: ClientId,
    },
    /// The server by itself.
    System,
}
