//! A person.

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        id::UserId,
        text::{DisplayName, Email},
        time::Instant,
    },
    domain::role::Role,
};

/// A person who can sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The `sub` claim.
    pub id: UserId,
    /// What they sign in with.
    pub email: Email,
    /// Their name, when they gave one.
    pub name: Option<DisplayName>,
    /// When they were added.
    pub created_at: Instant,
    /// When they last changed: the `updated_at` claim.
    pub updated_at: Instant,
    /// When they were disabled.
    pub disabled_at: Option<Instant>,
    /// What they are among admins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}
