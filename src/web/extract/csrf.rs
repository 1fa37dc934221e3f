//! Forms of our own pages. A handler that names one of these does not run for a form that another site sent, or that was
//! made for another browser.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    response::Response,
};
use serde::{Deserialize, Serialize};

use crate::{
    base::{digest::Digest, id::BrowserSessionId, seal::Purpose},
    domain::{browser_session::BrowserSession, event::Subject, request::Raw},
    flows::{
        logout::PendingLogout,
        pending::{self, Pending, SealedPerson},
    },
    web::{
        Shared, continuing,
        cookies::Flow,
        error::{bad_form_page, forged_page, store_page},
        extract::{form::Form, session::Visitor},
        journey::sign_in_page::{SignIn, sign_in_first},
    },
};

/// A form of the account page, sent by its person from their own page.
pub(crate) struct Sent {
    /// The browser.
    pub(crate) visitor: Visitor,
    /// Who is signed in.
    pub(crate) session: BrowserSession,
    /// The fields.
    pub(crate) form: Raw,
}

/// A form on the way to an app or to the account, sent from its own page in the browser that it was made for.
pub(crate) struct Posted {
    /// The browser.
    pub(crate) visitor: Visitor,
    /// The request that the page carries.
    pub(crate) pending: Pending,
    /// The fields.
    pub(crate) form: Raw,
}

/// A tap on the page that asks whether to sign out, sent from that page in the browser that it was made for.
pub(crate) struct LogoutConfirmed {
    /// The browser.
    pub(crate) visitor: Visitor,
    /// What the page asked.
    pub(crate) pending: PendingLogout,
}

/// An account page's proof that it was made for this browser and this session.
#[derive(Debug, Serialize, Deserialize)]
struct Csrf {
    flow: Digest,
    session: BrowserSessionId,
}

/// The token of an account page's forms.
pub(crate) fn token(site: &Shared, flow: &Flow, session: &BrowserSession) -> String {
    let provider = &site.provider;
    let csrf = Csrf {
        flow: flow.digest(),
        session: session.id,
    };
    let expires = provider.clock.now().plus(provider.lifetimes.pending_request);
    provider.keys.load().sealer.seal(Purpose::Csrf, &csrf, expires)
}

impl Posted {
    /// Who decides: the person who is signed in, when the page was sealed for them. What was pressed on somebody else's is
    /// shown again for the present person, and never executed.
    pub(crate) fn decider(&self) -> Option<(&BrowserSession, &SealedPerson)> {
        let (session, person) = (self.visitor.session.as_ref()?, self.pending.person.as_ref()?);
        person.is(session).then_some((session, person))
    }
}

impl Sent {
    /// The person, for an event.
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            user: Some(self.session.user),
            address: Some(self.visitor.address.to_string()),
            ..Subject::default()
        }
    }
}

impl FromRequest<Shared> for Sent {
    type Rejection = Response;

    /// The answer otherwise: sign in, or the page again; nothing is done.
    async fn from_request(request: Request, site: &Shared) -> Result<Self, Response> {
        let (visitor, form) = own_form(request, site).await?;
        let Some(session) = visitor.session.clone() else {
            let shown = SignIn::fresh(String::new());
            return Err(sign_in_first(site, &visitor, shown));
        };
        let provider = &site.provider;
        let csrf = pending::open::<Csrf>(provider, Purpose::Csrf, form.text("csrf")).await;
        let csrf = csrf.map_err(|error| store_page(site, &visitor.request_id, &error))?;
        let flow = visitor.flow.as_ref().map(Flow::digest);
        let ours = csrf.is_ok_and(|csrf| Some(csrf.flow) == flow && csrf.session == session.id);
        if !ours {
            return Err(forged_page(site, &visitor.request_id));
        }
        Ok(Self {
            visitor,
            session,
            form,
        })
    }
}

impl FromRequest<Shared> for Posted {
    type Rejection = Response;

    /// The answer otherwise says how to start again.
    async fn from_request(request: Request, site: &Shared) -> Result<Self, Response> {
        let (visitor, form) = own_form(request, site).await?;
        let pending = continuing::open(site, &visitor, &form).await?;
        Ok(Self {
            visitor,
            pending,
            form,
        })
    }
}

impl FromRequest<Shared> for LogoutConfirmed {
    type Rejection = Response;

    /// The answer otherwise: nothing is done.
    async fn from_request(request: Request, site: &Shared) -> Result<Self, Response> {
        let (visitor, form) = own_form(request, site).await?;
        let sealed = form.text("request");
        let pending = pending::open::<PendingLogout>(&site.provider, Purpose::PendingLogout, sealed).await;
        let pending = pending.map_err(|error| store_page(site, &visitor.request_id, &error))?;
        let flow = visitor.flow.as_ref().map(Flow::digest);
        match pending {
            Ok(pending) if Some(pending.flow) == flow => Ok(Self { visitor, pending }),
            _ => Err(forged_page(site, &visitor.request_id)),
        }
    }
}

/// A form that no other site sent, as far as the browser says.
async fn own_form(request: Request, site: &Shared) -> Result<(Visitor, Raw), Response> {
    let (mut parts, body) = request.into_parts();
    let visitor = Visitor::from_request_parts(&mut parts, site).await?;
    let form = Form::from_request(Request::from_parts(parts, body), site).await;
    let Form(form) = form.map_err(|error| bad_form_page(site, &visitor.request_id, error))?;
    if visitor.is_cross_site(site) {
        return Err(forged_page(site, &visitor.request_id));
    }
    Ok((visitor, form))
}
