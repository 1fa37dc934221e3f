//! What scopes mean, in the words of a person who is asked for them.

use crate::{
    domain::scope::{self, ScopeSet},
    web::pages::ScopeText,
};

/// The texts of what is asked for.
pub(super) fn scope_texts(scopes: &ScopeSet) -> Vec<ScopeText> {
    let known = |name: &str| match name {
        scope::OPENID => (
            "Know who you are",
            "A number that stands for your account here, and when you signed in.",
        ),
        scope::PROFILE => ("See your name", "The name on your account."),
        scope::EMAIL => ("See your email address", "The address you sign in with."),
        scope::OFFLINE_ACCESS => (
            "Stay signed in",
            "Until you end it on your account page, also while you are away.",
        ),
        scope::DEVICE_SSO => (
            "Sign in to its maker’s other apps",
            "Apps by the same maker on this device sign in as you, without asking for your password.",
        ),
        _ => ("", "Something that this app's makers have named."),
    };
    let text = |name: &str| {
        let (title, description) = known(name);
        let title = if title.is_empty() { name } else { title };
        ScopeText {
            name: name.to_owned(),
            title: title.to_owned(),
            description: description.to_owned(),
        }
    };
    // What the app learns of the person first, then the rest by name.
    let mut texts: Vec<ScopeText> = scopes.iter().map(text).collect();
    texts.sort_by_key(|text| {
        let known = scope::OF_ISSUER.iter().position(|name| *name == text.name);
        known.unwrap_or(scope::OF_ISSUER.len())
    });
    texts
}
