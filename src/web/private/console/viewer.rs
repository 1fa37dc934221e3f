//! Who looks at a page of the console, with which permission; others are sent to sign in, or told that it is not theirs.

use std::{fmt, marker::PhantomData};

use axum::{
    extract::{FromRequestParts, OriginalUri},
    response::{IntoResponse, Redirect, Response},
};
use http::{Method, StatusCode, request::Parts};

use super::place;
use crate::{
    domain::{admin_session::AdminSession, request::Raw, role::Permission},
    flows::{
        admin::{Beyond, By, Unknown, console::HOME, look::ClientSeenError, people::PeopleError},
        keys::{KeysError, rotate::RotateError},
        mass_end::MassEndError,
    },
    store::error::StoreError,
    web::{
        error::{bad_form_page, fault_page, store_page},
        extract::form::Query,
        layer::RequestId,
        page::Page,
        pages::{ErrorPage, Frame, Place},
        private::{Private, caller::Caller, form, permission::Needed},
    },
};

/// Nothing in particular is needed to see a page.
pub(super) struct Anybody;

/// What a page wants of who looks at it.
pub(super) trait Wanted: Send {
    /// The permission, where there is one.
    const PERMISSION: Option<Permission>;
}

impl Wanted for Anybody {
    const PERMISSION: Option<Permission> = None;
}

impl<P: Needed> Wanted for P {
    const PERMISSION: Option<Permission> = Some(P::PERMISSION);
}

/// Who looks at a page, and what they ask of it.
pub(super) struct Viewer<P> {
    pub(super) private: Private,
    pub(super) session: AdminSession,
    pub(super) by: By,
    /// The parameters.
    pub(super) query: Raw,
    /// The page that was asked for.
    pub(super) asked: String,
    request_id: String,
    _permission: PhantomData<P>,
}

/// An answer, or what went wrong as a page.
pub(super) type Answer = Result<Response, Response>;

impl<P: Wanted> FromRequestParts<Private> for Viewer<P> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, private: &Private) -> Result<Self, Response> {
        let request_id = parts.extensions.get::<RequestId>().map(ToString::to_string);
        let request_id = request_id.unwrap_or_default();
        let asked = asked(parts);
        let caller = parts.extensions.get::<Caller>();
        let found = caller.and_then(|caller| Some((caller.by.clone(), caller.session.as_deref()?.clone())));
        let Some((by, session)) = found else {
            return Err(leave("/console/sign-in", &asked));
        };
        let query = Query::from_request_parts(parts, private).await;
        let Query(query) = query.map_err(|error| bad_form_page(private.site(), &request_id, error))?;
        let viewer = Self {
            private: private.clone(),
            session,
            by,
            query,
            asked,
            request_id,
            _permission: PhantomData,
        };
        match P::PERMISSION {
            Some(permission) if !viewer.by.may(permission) => Err(viewer.not_yours()),
            _ => Ok(viewer),
        }
    }
}

/// The page that was asked for, with its parameters. Every act has its page at the same address.
fn asked(parts: &Parts) -> String {
    let uri = parts.extensions.get::<OriginalUri>();
    let uri = uri.map_or(&parts.uri, |OriginalUri(uri)| uri);
    uri.path_and_query().map_or("", |page| page.as_str()).to_owned()
}

/// Leads through a sign-in and back.
fn leave(way: &str, to: &str) -> Response {
    let to: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
    Redirect::to(&format!("{way}?to={to}")).into_response()
}

/// A dangerous act: the password was given within the last minutes, or is given now, before the page is shown.
pub(super) struct Fresh;

impl FromRequestParts<Private> for Fresh {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, private: &Private) -> Result<Self, Response> {
        let now = private.provider().clock.now();
        let session = parts
            .extensions
            .get::<Caller>()
            .and_then(|caller| caller.session.as_ref());
        match session {
            Some(session) if session.is_fresh(now) => Ok(Self),
            Some(_) => Err(leave("/console/confirm", &asked(parts))),
            None if parts.method == Method::GET => Err(leave("/console/sign-in", &asked(parts))),
            None => Err(Redirect::to(HOME).into_response()),
        }
    }
}

/// Why there is no page.
pub(super) enum Fault {
    Store(StoreError),
    Other(String),
    Unknown(Unknown),
    Beyond,
    Said(String),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PeopleError> for Fault {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Unknown(unknown) => Self::Unknown(unknown),
            PeopleError::Beyond(Beyond) => Self::Beyond,
            PeopleError::LastOwner | PeopleError::Lost => Self::Said(error.to_string()),
            PeopleError::Account(error) => Self::Other(error.to_string()),
            PeopleError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ClientSeenError> for Fault {
    fn from(error: ClientSeenError) -> Self {
        match error {
            ClientSeenError::Unknown(unknown) => Self::Unknown(unknown),
            ClientSeenError::Store(error) => Self::Store(error),
        }
    }
}

impl From<MassEndError> for Fault {
    fn from(error: MassEndError) -> Self {
        match error {
            MassEndError::Everything | MassEndError::TooMany => Self::Said(error.to_string()),
            MassEndError::Beyond(Beyond) => Self::Beyond,
            MassEndError::Store(error) => Self::Store(error),
        }
    }
}

impl From<KeysError> for Fault {
    fn from(error: KeysError) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<RotateError> for Fault {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::Keys(error) => error.into(),
            RotateError::TooEarly(..) | RotateError::Lost(_) => Self::Said(error.to_string()),
        }
    }
}

impl<P> Viewer<P> {
    /// What is around a page; `here` is the place that it belongs to.
    pub(super) fn frame(&self, here: &str) -> Frame {
        let places = place::PLACES
            .iter()
            .filter(|place| place.permission.is_none_or(|needed| self.by.may(needed)));
        let places = places.map(|place| Place {
            path: place.path,
            title: place.title,
            here: place.path == here,
        });
        Frame {
            email: self.session.email.to_string(),
            role: self.session.role.as_str(),
            csrf: form::token(&self.private, &self.session),
            places: places.collect(),
            notice: place::notice(self.query.text("done")),
        }
    }

    pub(super) fn show<T: Page>(&self, page: &T) -> Response {
        self.private.site().pages.respond(StatusCode::OK, page, &[])
    }

    /// The same where what was sent is not right.
    pub(super) fn show_again<T: Page>(&self, page: &T) -> Response {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        self.private.site().pages.respond(status, page, &[])
    }

    /// The path, for who may do what it is for.
    pub(super) fn path_if(&self, permission: Permission, path: impl fmt::Display) -> Option<String> {
        self.by.may(permission).then(|| path.to_string())
    }

    /// What went wrong, as a page.
    pub(super) fn fault(&self, fault: impl Into<Fault>) -> Response {
        let site = self.private.site();
        match fault.into() {
            Fault::Store(error) => store_page(site, &self.request_id, &error),
            Fault::Other(error) => fault_page(site, &self.request_id, &error),
            Fault::Unknown(Unknown(what)) => self.say(
                StatusCode::NOT_FOUND,
                format!("There is no such {what}"),
                "It was removed, or its address is not right.".to_owned(),
                "Look for it in its list.",
            ),
            Fault::Beyond => self.say(
                StatusCode::FORBIDDEN,
                "This needs a higher role".to_owned(),
                "Who changes an admin, or what one has begun, has every permission that this admin has."
                    .to_owned(),
                "Ask an owner.",
            ),
            Fault::Said(message) => self.say(
                StatusCode::CONFLICT,
                "Nothing was done".to_owned(),
                sentence(&message),
                "Go back and look again.",
            ),
        }
    }

    fn not_yours(&self) -> Response {
        self.say(
            StatusCode::FORBIDDEN,
            "Your role may not do this".to_owned(),
            format!(
                "You are signed in as {}, with the role {}.",
                self.session.email, self.session.role
            ),
            "Ask an owner if you need it.",
        )
    }

    fn say(&self, status: StatusCode, title: String, message: String, advice: &str) -> Response {
        let page = ErrorPage {
            status: status.as_u16(),
            title,
            message,
            advice: advice.to_owned(),
            code: None,
            request_id: self.request_id.clone(),
        };
        self.private.site().pages.respond(status, &page, &[])
    }
}

pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
