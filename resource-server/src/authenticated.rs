//! What the layer leaves in a request: the claims of its token. A handler that needs a scope says so in its arguments.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use http::Extensions;

use crate::verified::Verified;
use crate::{AccessToken, Rejection};

/// The claims of the access token of a request that has passed every check. Only this crate makes one.
///
/// With axum it is an argument of a handler; elsewhere [`Authenticated::of`] takes it from the request's extensions, where
/// [`Postern::layer`](crate::Postern::layer) puts it.
#[derive(Clone)]
pub struct Authenticated(pub(crate) Arc<Verified>);

impl Authenticated {
    /// From a request that went through the layer; [`Rejection::NotChecked`] if it did not.
    pub fn of(extensions: &Extensions) -> Result<Self, Rejection> {
        extensions.get().cloned().ok_or_else(|| {
            tracing::error!("a handler asks for the token of a request that the layer has not seen");
            Rejection::NotChecked
        })
    }
}

impl Deref for Authenticated {
    type Target = AccessToken;

    fn deref(&self) -> &AccessToken {
        &self.0.token
    }
}

impl fmt::Debug for Authenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authenticated").field(&self.0.token).finish()
    }
}

/// A scope of this API (RFC 6749 section 3.3), as a type; [`scopes!`](crate::scopes) declares them.
pub trait Scope {
    /// As it stands in tokens.
    const NAME: &'static str;
}

/// The claims of a token that allows `S`: who takes one as an argument cannot be reached without that scope.
pub struct HasScope<S> {
    token: Authenticated,
    scope: PhantomData<fn() -> S>,
}

impl<S: Scope> HasScope<S> {
    /// From a request that went through the layer.
    pub fn of(extensions: &Extensions) -> Result<Self, Rejection> {
        Authenticated::of(extensions)?.try_into()
    }
}

impl<S: Scope> TryFrom<Authenticated> for HasScope<S> {
    type Error = Rejection;

    fn try_from(token: Authenticated) -> Result<Self, Rejection> {
        token.require_scope(S::NAME)?;
        Ok(Self {
            token,
            scope: PhantomData,
        })
    }
}

impl<S> Deref for HasScope<S> {
    type Target = AccessToken;

    fn deref(&self) -> &AccessToken {
        &self.token
    }
}

impl<S> Clone for HasScope<S> {
    fn clone(&self) -> Self {
        Self {
            token: self.token.clone(),
            scope: PhantomData,
        }
    }
}

impl<S> fmt::Debug for HasScope<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HasScope").field(&**self).finish()
    }
}

/// Declares the scopes of an API, each as a type for [`HasScope`](crate::HasScope).
///
/// ```
/// postern_resource_server::scopes! {
///     /// Read notes.
///     pub NotesRead = "notes:read";
///     /// Write and delete notes.
///     pub NotesWrite = "notes:write";
/// }
/// ```
///
/// What cannot be a scope does not compile:
///
/// ```compile_fail
/// postern_resource_server::scopes! { NotesRead = "notes read"; }
/// ```
#[macro_export]
macro_rules! scopes {
    ($($(#[$attribute:meta])* $visibility:vis $name:ident = $scope:literal;)+) => {$(
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        $visibility struct $name;

        impl $crate::Scope for $name {
            const NAME: &'static str = {
                assert!($crate::is_scope($scope), "a scope has no spaces, quotes and backslashes");
                $scope
            };
        }

        const _: &str = <$name as $crate::Scope>::NAME;
    )+};
}

/// Whether a text can be a scope (RFC 6749 section 3.3).
pub const fn is_scope(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], b'!' | b'#'..=b'[' | b']'..=b'~') {
            return false;
        }
        at += 1;
    }
    at > 0
}
