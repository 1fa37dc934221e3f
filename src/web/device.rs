//! Where a person allows a device (RFC 8628 section 3.3): they type in the code that it shows, sign in where that is due,
//! and decide.

pub(crate) mod qr;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;

use crate::{
    base::time::Lifetime,
    domain::{browser_session::BrowserSession, device_code::UserCode, device_code::Waiting, limit::Limit},
    flows::{
        consent::remembered,
        device::{self, DeviceDecision, INTERVAL},
        pending::{Goal, Pending},
    },
    web::{
        Shared,
        error::{store_page, with_retry_after},
        extract::{csrf::Posted, opened::Opened, session::Visitor},
        journey::{
            self,
            client::{client_for_device, client_gone, too_large},
            sign_in_page::{SignIn, sign_in_page},
        },
        limiter::Limiter,
        pages::{DeviceCodePage, DeviceConsentPage, DeviceDonePage},
        scope_texts::scope_texts,
    },
};

/// What devices and those who type in their codes may do, counted by this process.
#[derive(Debug)]
pub(super) struct Limits {
    /// Device authorizations that begin, by address.
    pub(super) starts: Limiter,
    /// Codes that were typed in, by address.
    typed: Limiter,
    /// Polls, by session to be.
    pub(super) polls: Limiter,
}

impl Limits {
    pub(super) fn new(limit: Limit) -> Self {
        // A poll that comes a little early is no haste.
        let every = Lifetime::from_millis(INTERVAL.millis() - 1000);
        Self {
            starts: Limiter::new(limit),
            typed: Limiter::new(limit),
            polls: Limiter::new(Limit { burst: 1, every }),
        }
    }
}

/// The form for the code. A code in the link is filled in and never decides anything by itself: the person has to see
/// that it is the one on their device (RFC 8628 section 5.4).
pub(super) async fn form(State(site): State<Shared>, opened: Opened) -> Response {
    let Opened { visitor, query } = opened;
    let typed = query.text("user_code").parse::<UserCode>();
    let flow = visitor.start_flow(&site);
    let pending = Pending::new(&site.provider, flow.digest(), Goal::EnterCode);
    let shown = typed.map(|code| code.to_string()).unwrap_or_default();
    let mut response = code_page(&site, &visitor, pending, shown, None);
    site.cookies
        .set_flow(&site.provider, &flow, response.headers_mut());
    response
}

/// A code that was typed in.
pub(super) async fn enter(State(site): State<Shared>, posted: Posted) -> Response {
    let Posted {
        visitor,
        pending,
        form,
    } = posted;
    let (site, typed) = (&site, form.text("user_code"));
    // Before the code is looked at: who guesses must not learn of a right one either.
    let (now, address) = (site.provider.clock.now(), visitor.address.to_string());
    let shown: String = typed.chars().take(16).collect();
    if let Err(wait) = site.devices.typed.count(&address, now) {
        let page = code_page(site, &visitor, pending, shown, Some(Wrong::TooMany));
        return with_retry_after(page, wait);
    }
    let Ok(code) = typed.parse::<UserCode>() else {
        return code_page(site, &visitor, pending, shown, Some(Wrong::Unknown));
    };
    match device::find(&site.provider, code).await {
        Ok(Some(waiting)) => {
            let goal = Goal::Device(Box::new(waiting), code.to_string());
            let pending = Pending::new(&site.provider, pending.flow, goal);
            journey::show(site, &visitor, pending).await
        }
        Ok(None) => code_page(site, &visitor, pending, shown, Some(Wrong::Unknown)),
        Err(error) => store_page(site, &visitor.request_id, &error),
    }
}

/// What is wrong with a code that was typed in.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    /// Nothing waits with it.
    Unknown,
    /// Too many came from its address.
    TooMany,
}

/// The form, with what is wrong.
fn code_page(
    site: &Shared,
    visitor: &Visitor,
    mut pending: Pending,
    user_code: String,
    wrong: Option<Wrong>,
) -> Response {
    pending.goal = Goal::EnterCode;
    pending.person = None;
    let (status, error) = match wrong {
        None => (StatusCode::OK, None),
        Some(Wrong::Unknown) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Some(
                "No device is waiting with this code. Compare it with your device; after ten minutes it shows a new one.",
            ),
        ),
        Some(Wrong::TooMany) => (
            StatusCode::TOO_MANY_REQUESTS,
            Some("Too many codes came from here. Wait a moment and try again."),
        ),
    };
    match pending.seal(&site.provider) {
        Ok(request) => {
            let page = DeviceCodePage {
                request,
                user_code,
                error: error.map(str::to_owned),
            };
            site.pages.respond(status, &page, &[])
        }
        Err(_) => too_large(site, visitor),
    }
}

/// Asks the person who is signed in. Always: whoever shows the code may be somebody else (RFC 8628 section 5.4).
pub(super) async fn ask(
    site: &Shared,
    visitor: &Visitor,
    mut pending: Pending,
    waiting: &Waiting,
    user_code: &str,
) -> Response {
    let Some(session) = &visitor.session else {
        return sign_in_page(site, visitor, pending, SignIn::fresh(String::new()));
    };
    let Some(client) = client_for_device(site, waiting) else {
        return client_gone(site, visitor);
    };
    let allowed = match remembered(&site.provider, session.user, &client).await {
        Ok(allowed) => allowed,
        Err(error) => return store_page(site, &visitor.request_id, &error),
    };
    pending.for_person(&site.provider, session).remembered = allowed;
    let Ok(request) = pending.seal(&site.provider) else {
        return too_large(site, visitor);
    };
    let page = DeviceConsentPage {
        client_name: client.name.to_string(),
        email: session.email.to_string(),
        request,
        user_code: user_code.to_owned(),
        scopes: scope_texts(&waiting.request.scope),
        unchecked: client.settings.is_unchecked(),
        host: client.id.host().unwrap_or_default().to_owned(),
        details: waiting.request.authorization_details.rows(),
    };
    site.pages.respond(StatusCode::OK, &page, &[])
}

/// The person's decision.
pub(super) async fn decide(State(site): State<Shared>, posted: Posted) -> Response {
    let (site, visitor) = (&site, &posted.visitor);
    let (Goal::Device(waiting, _), Some((session, person))) = (&posted.pending.goal, posted.decider()) else {
        return journey::show(site, visitor, posted.pending).await;
    };
    let Some(client) = client_for_device(site, waiting) else {
        return client_gone(site, visitor);
    };
    let (browser, address) = (visitor.agent.browser_label(), visitor.address.to_string());
    let decision = DeviceDecision {
        waiting,
        client: &client,
        person,
        session,
        browser: &browser,
        address: Some(&address),
    };
    let done = match posted.form.text("decision") {
        "allow" => {
            let allowed = decision.allow(&site.provider).await;
            allowed.map(|allowed| allowed.then_some(true))
        }
        "deny" => decision.deny(&site.provider).await.map(|()| Some(false)),
        "switch" => {
            let shown = SignIn::fresh(String::new());
            return sign_in_page(site, visitor, posted.pending, shown);
        }
        _ => return journey::show(site, visitor, posted.pending).await,
    };
    match done {
        Ok(Some(allowed)) => done_page(site, &client.name.to_string(), allowed, session),
        Ok(None) => Redirect::to("/device").into_response(),
        Err(error) => store_page(site, &visitor.request_id, &error),
    }
}

fn done_page(site: &Shared, client_name: &str, allowed: bool, session: &BrowserSession) -> Response {
    let page = DeviceDonePage {
        client_name: client_name.to_owned(),
        email: session.email.to_string(),
        allowed,
    };
    site.pages.respond(StatusCode::OK, &page, &[])
}
