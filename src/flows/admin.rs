//! What admins do, each with who does it: nobody gives what he does not have, or has a way to what others have.

pub mod api;
pub mod clients;
pub mod console;
pub mod idempotency;
pub mod look;
pub mod people;
pub mod sessions;

use crate::{
    domain::{
        actor::{Actor, Initiator},
        role::{Permission, Permissions, Role},
        scope::ScopeSet,
    },
    flows::Provider,
    store::{error::Result, users},
};

/// Who acts, from where, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// The address that they asked from.
    pub address: Option<String>,
    /// What they may do.
    pub permissions: Permissions,
}

/// Somebody would give what they do not have, or get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this needs every permission that it gives, or that the one has whom it is about")]
pub struct Beyond;

impl By {
    /// The operator, who may do everything.
    pub fn operator() -> Self {
        Self {
            actor: Actor::Operator,
            address: None,
            permissions: Permissions::all(),
        }
    }

    /// As whom events name them.
    pub fn initiator(&self) -> Initiator {
        Initiator {
            actor: self.actor.clone(),
            address: self.address.clone(),
        }
    }

    /// Whether they have a permission.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }

    /// Refuses what is about somebody who may do more, or would make somebody so.
    pub fn reaches(&self, role: Option<Role>) -> std::result::Result<(), Beyond> {
        self.covers(role.map(Role::permissions).unwrap_or_default())
    }

    /// The same for a client, by its scopes.
    pub fn reaches_scope(&self, scope: &ScopeSet) -> std::result::Result<(), Beyond> {
        self.covers(Permissions::of_scope(scope))
    }

    /// The same for what somebody did with these permissions.
    pub fn covers(&self, permissions: Permissions) -> std::result::Result<(), Beyond> {
        if permissions.is_within(self.permissions) {
            Ok(())
        } else {
            Err(Beyond)
        }
    }
}

/// What somebody may do at most by now, whatever it was when they began something that takes its time: none of it when they
/// were disabled or removed.
pub async fn permissions_of(provider: &Provider, actor: &Actor) -> Result<Permissions> {
    Ok(match actor {
        Actor::Operator | Actor::System => Permissions::all(),
        Actor::Person { id } => {
            let person = users::find(&provider.db, *id).await?;
            let role = person.filter(|person| person.disabled_at.is_none());
            let role = role.and_then(|person| person.role);
            role.map(Role::permissions).unwrap_or_default()
        }
        Actor::Client { id } => {
            let client = provider.clients.find(id.as_str());
            let scope = client.map(|client| Permissions::of_scope(&client.settings.scope));
            scope.unwrap_or_default()
        }
    })
}

/// Something that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such {0}")]
pub struct Unknown(pub &'static str);
