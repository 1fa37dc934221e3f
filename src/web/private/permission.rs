//! Permissions as arguments: a handler that names one runs only for who has it.

use std::{marker::PhantomData, sync::Arc};

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::request::Parts;
use postern_resource_server::Rejection;

use super::{
    Private,
    caller::Caller,
    problem::{Kind, Problem},
};
use crate::{
    domain::{admin_session::AdminSession, role::Permission},
    flows::admin::By,
};

/// A permission as a type.
pub(super) trait Needed: Send {
    /// Which.
    const PERMISSION: Permission;
}

macro_rules! needed {
    ($($name:ident)*) => {$(
        #[derive(Debug)]
        pub(super) struct $name;

        impl Needed for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )*};
}

needed! {
    ReadUsers WriteUsers WriteRoles ReadSessions EndSessions ReadClients WriteClients ReadKeys RotateKeys ReadEvents
}

/// Who asks, with this permission.
pub(super) struct Admin<P> {
    pub(super) by: By,
    _permission: PhantomData<P>,
}

impl<P: Needed> FromRequestParts<Private> for Admin<P> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, private: &Private) -> Result<Self, Response> {
        let caller = Caller::of(parts, private)?;
        if !caller.by.may(P::PERMISSION) {
            return Err(refused(&caller, P::PERMISSION).into_response());
        }
        Ok(Self {
            by: caller.by,
            _permission: PhantomData,
        })
    }
}

fn refused(caller: &Caller, permission: Permission) -> Problem {
    if caller.session.is_some() {
        return Problem::saying(
            Kind::NotPermitted,
            format_args!("the permission is {}", permission.as_str()),
        );
    }
    // RFC 6750 section 3.1.
    Problem::rejected(&Rejection::InsufficientScope {
        required: permission.scope().to_owned(),
    })
}

/// A dangerous act: a person has given their password within the last minutes. A machine has none.
pub(super) struct Confirmed;

impl FromRequestParts<Private> for Confirmed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, private: &Private) -> Result<Self, Response> {
        let caller = Caller::of(parts, private)?;
        let now = private.provider().clock.now();
        let is_fresh = |session: &Arc<AdminSession>| session.is_fresh(now);
        if caller.session.as_ref().is_none_or(is_fresh) {
            return Ok(Self);
        }
        let place = private.url().at("/console/confirm");
        let hint = format!("give it at {place}, then ask again within five minutes");
        Err(Problem::saying(Kind::ConfirmationNeeded, hint).into_response())
    }
}
