//! Plain words for what stands in the database.

use serde_json::{Map, Value};

use crate::domain::{
    key::{KeyState, Ring},
    role::Permission,
};

/// What a permission lets one do.
pub(super) const fn permission(permission: Permission) -> &'static str {
    match permission {
        Permission::ReadUsers => "See people",
        Permission::WriteUsers => "Add, disable and enable people",
        Permission::WriteRoles => "Say who is an admin",
        Permission::ReadSessions => "See where people are signed in",
        Permission::EndSessions => "End sessions",
        Permission::ReadClients => "See apps",
        Permission::WriteClients => "Add, change and remove apps",
        Permission::ReadKeys => "See which keys the server has, not their secrets",
        Permission::RotateKeys => "Put the next keys into use",
        Permission::ReadEvents => "See what happened",
    }
}

/// The kinds of events, with what they tell of.
pub(super) const EVENTS: [(&str, &str); 40] = [
    ("user.signed_in", "Signed in"),
    ("user.sign_in_failed", "Sign-in failed"),
    ("session.opened", "An app was signed in"),
    ("session.ended", "Sessions ended"),
    ("mass_end.begun", "An end of many sessions was begun"),
    ("mass_end.done", "An end of many sessions is over"),
    ("user.created", "A person was added"),
    ("user.disabled", "A person was disabled"),
    ("user.enabled", "A person may sign in again"),
    ("user.role_changed", "A person’s role was changed"),
    ("user.password_changed", "A password was changed"),
    ("consent.granted", "A person allowed an app something"),
    ("consent.withdrawn", "A person took back what an app may do"),
    ("client.added", "An app was added"),
    ("client.registered", "An app registered itself"),
    ("client.updated", "An app was changed"),
    ("client.disabled", "An app was disabled"),
    ("client.removed", "An app was removed"),
    ("client.secret_created", "An app got a secret"),
    ("client.secret_rotated", "An app’s secret was replaced"),
    ("client.secret_removed", "An app’s secret was removed"),
    ("client.secret_expiring", "An app’s secret ends soon"),
    ("registration_token.created", "A registration token was made"),
    ("registration_token.removed", "A registration token was removed"),
    ("key.created", "A key was made"),
    ("key.activated", "A key is in use"),
    ("key.retired", "A key makes nothing new any more"),
    ("key.withdrawn", "A key was withdrawn"),
    ("key.destroyed", "A key was destroyed"),
    ("key.forgery_suspected", "Somebody may have a key of the server"),
    ("token.revoked", "An access token was revoked"),
    ("refresh.slow_process", "An app used an old token and was refused"),
    ("refresh.fast_forwarded", "A token was newer than the database"),
    (
        "revocation.rewritten",
        "Ends that the database had lost were written again",
    ),
    ("message.undelivered", "An app could not be told of an end"),
    ("settings.changed", "The server’s settings were changed"),
    ("audit.deleted", "Old events were deleted"),
    ("audit.went_back", "The audit trail went back"),
    ("database.went_back", "The database went back"),
    ("database.restored", "A backup was restored"),
];

/// What an event tells of; its kind where this version does not know it.
pub(super) fn event(kind: &str) -> &str {
    let found = EVENTS.iter().find(|(known, _)| *known == kind);
    found.map_or(kind, |(_, words)| words)
}

/// No more characters of a value are shown.
const LONGEST: usize = 160;

/// What else an event says: names and values.
pub(super) fn facts(data: &Map<String, Value>) -> Vec<(String, String)> {
    // The kind is said beside, and the minute by the event's own time.
    let shown = data
        .iter()
        .filter(|(name, value)| !value.is_null() && *name != "kind" && *name != "minute");
    shown
        .map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Array(items) if items.iter().all(Value::is_string) => items
                    .iter()
                    .filter_map(Value::as_str)
                    .collect::<Vec<_>>()
                    .join(" "),
                other => other.to_string(),
            };
            (name.replace('_', " "), cut(text))
        })
        .collect()
}

fn cut(text: String) -> String {
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

/// What the keys of a ring are for.
pub(super) const fn ring(ring: Ring) -> &'static str {
    match ring {
        Ring::SigningEs256 => "Sign tokens (ES256)",
        Ring::SigningRs256 => "Sign tokens (RS256)",
        Ring::Mac => "Make refresh tokens",
        Ring::Seal => "Seal what browsers keep",
    }
}

/// Where a key stands.
pub(super) const fn key_state(state: KeyState) -> &'static str {
    match state {
        KeyState::Next => "Next",
        KeyState::Active { .. } => "In use",
        KeyState::Retiring { .. } => "Still accepted",
        KeyState::Gone { .. } => "Gone",
    }
}
