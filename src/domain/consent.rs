//! What a person has allowed an app.

use crate::domain::{client::ConsentPolicy, scope::ScopeSet};

/// Whether a person has to be asked before a client gets `scope`.
pub fn must_ask(policy: ConsentPolicy, allowed: Option<&ScopeSet>, scope: &ScopeSet, prompted: bool) -> bool {
    let remembered = allowed.is_some_and(|allowed| scope.is_within(allowed));
    match policy {
        ConsentPolicy::Ask => prompted || !remembered,
        // A first-party app asks only when it says so itself (`prompt=consent`).
        ConsentPolicy::Never => prompted,
    }
}

/// The consent that an Allow of `asked` needs; nothing when all of it was allowed before.
pub fn needed(before: Option<&ScopeSet>, asked: &ScopeSet) -> Option<ScopeSet> {
    match before {
        Some(before) if asked.is_within(before) => None,
        Some(before) => Some(before.union(asked)),
        None => Some(asked.clone()),
    }
}
