//! What admins may do: permissions, and the roles that people have them by. A machine has them by scopes of the same
//! names. `docs/admin.md` has the table, which a test compares with this.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::domain::scope::ScopeSet;

/// What the scopes of machines begin with.
pub const SCOPE_PREFIX: &str = "admin:";

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// One thing that an admin may do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $($(#[$doc])* $name,)*
        }

        impl Permission {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The scope by which a machine has it.
            pub const fn scope(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("admin:", $text),)*
                }
            }
        }
    };
}

permissions! {
    /// See people.
    ReadUsers = "users.read",
    /// Add, disable and enable people, set their passwords.
    WriteUsers = "users.write",
    /// Say who is an admin.
    WriteRoles = "roles.write",
    /// See where people are signed in.
    ReadSessions = "sessions.read",
    /// End sessions.
    EndSessions = "sessions.end",
    /// See clients.
    ReadClients = "clients.read",
    /// Add, change and remove clients, make their secrets.
    WriteClients = "clients.write",
    /// See the keys of the server, without what is secret of them.
    ReadKeys = "keys.read",
    /// Put the next keys into use.
    RotateKeys = "keys.rotate",
    /// See what happened.
    ReadEvents = "events.read",
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u32);

impl Permissions {
    /// Those of a machine: the scopes of its token.
    pub fn of_scope(scope: &ScopeSet) -> Self {
        Self::granted(|permission| scope.has(permission.scope()))
    }

    /// Those for which `has` says so.
    pub fn granted(has: impl Fn(Permission) -> bool) -> Self {
        let granted = Permission::ALL.iter().filter(|permission| has(**permission));
        Self(granted.fold(0, |set, permission| set | 1 << *permission as u32))
    }

    /// Whether a permission is in it.
    pub fn has(self, permission: Permission) -> bool {
        self.0 & 1 << permission as u32 != 0
    }

    /// Whether all of these are in `other`.
    pub fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are named, with spaces between them. A name that is not known, as a newer version may write it, grants nothing.
    pub fn named(text: &str) -> Self {
        Self::granted(|permission| text.split(' ').any(|name| name == permission.as_str()))
    }

    /// All there are.
    pub fn all() -> Self {
        Self::granted(|_| true)
    }

    /// Every one in it.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(move |permission| self.has(*permission))
    }
}

/// By their names, with spaces between them.
impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Permission::as_str).collect();
        f.write_str(&names.join(" "))
    }
}

/// What a person is among admins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything, also saying who is an admin.
    Owner,
    /// Everything but that.
    Admin,
    /// Helps people: sees them, and ends their sessions.
    Support,
    /// Sees everything and changes nothing.
    Auditor,
    /// Registers apps.
    Developer,
}

/// No role has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write owner, admin, support, auditor or developer")]
pub struct UnknownRole;

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Owner,
        Self::Admin,
        Self::Support,
        Self::Auditor,
        Self::Developer,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Support => "support",
            Self::Auditor => "auditor",
            Self::Developer => "developer",
        }
    }

    /// Whether it has a permission.
    pub const fn permits(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Owner => true,
            Self::Admin => !matches!(permission, P::WriteRoles),
            Self::Support => matches!(
                permission,
                P::ReadUsers | P::ReadSessions | P::EndSessions | P::ReadClients | P::ReadEvents
            ),
            Self::Auditor => matches!(
                permission,
                P::ReadUsers | P::ReadSessions | P::ReadClients | P::ReadKeys | P::ReadEvents
            ),
            Self::Developer => matches!(permission, P::ReadClients | P::WriteClients | P::ReadKeys),
        }
    }

    /// All that it has.
    pub fn permissions(self) -> Permissions {
        Permissions::granted(|permission| self.permits(permission))
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or(UnknownRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_granted_and_nothing_else() {
        for one in Permission::ALL {
            let set = Permissions::granted(|permission| permission == *one);
            assert_eq!(set.iter().collect::<Vec<_>>(), [*one]);
            assert_eq!(one.scope(), format!("{SCOPE_PREFIX}{}", one.as_str()));
            assert!(set.is_within(Role::Owner.permissions()));
            assert!(!Role::Owner.permissions().is_within(set));
        }
        let scope: ScopeSet = "admin:users.read users.write openid".parse().expect("scopes");
        let set = Permissions::of_scope(&scope);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Permission::ReadUsers]);
    }

    #[test]
    fn every_role_reads_back_what_it_writes() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            let written = role.permissions().to_string();
            assert_eq!(Permissions::named(&written), role.permissions());
        }
        assert_eq!("root".parse::<Role>(), Err(UnknownRole));
    }

    #[test]
    fn a_name_that_is_not_known_grants_nothing() {
        for nothing in [
            "",
            " ",
            "users",
            "users.read,users.write",
            "users.readers Users.read",
        ] {
            assert_eq!(Permissions::named(nothing), Permissions::default(), "{nothing}");
        }
        let known = Permissions::named("users.read moons.end users.read");
        assert_eq!(known.iter().collect::<Vec<_>>(), [Permission::ReadUsers]);
    }

    #[test]
    fn what_two_sets_share_is_in_both() {
        let both = Role::Support.permissions().and(Role::Developer.permissions());
        assert_eq!(both.iter().collect::<Vec<_>>(), [Permission::ReadClients]);
    }
}
