//! The person's own page: where they are signed in, and how to end it.

use axum::{
    extract::State,
    response::{Redirect, Response},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::{
    base::{
        digest::Digest,
        id::{BrowserSessionId, DeviceSessionId},
        seal::Purpose,
        time::Instant,
    },
    domain::{
        browser_session::BrowserSession,
        ending::{Ending, Reason},
        event::Subject,
        password::Password,
        request::Raw,
    },
    flows::{
        account::{self as accounts, AccountError},
        end::end,
        pending::{Goal, Pending},
        sessions,
        sign_in::{Credentials, SignInError, by_password},
    },
    ports::hasher::HasherError,
    store::{device_sessions, error::StoreError, session_store::OpenError, users},
    web::{
        Shared,
        cookies::Flow,
        error::{bad_form_page, forged_page, store_page, with_retry_after},
        extract::{
            form::{BadForm, Form},
            session::Visitor,
        },
        journey::{self, SignIn},
        pages::{AccountPage, BrowserRow, DeviceRow, SignedOutPage, Used},
        sign_in::{ENDED, refusal},
    },
};

/// A form's proof that its page was made for this browser and this session.
#[derive(Debug, Serialize, Deserialize)]
struct Csrf {
    flow: Digest,
    session: BrowserSessionId,
}

/// The start page of a server that people only meet on their way: their account.
pub(super) async fn home() -> Redirect {
    Redirect::to("/account")
}

pub(super) async fn overview(State(site): State<Shared>, visitor: Visitor) -> Response {
    let Some(session) = visitor.session.clone() else {
        return sign_in_first(&site, &visitor, SignIn::fresh(String::new()));
    };
    show(&site, &visitor, &session, Message::default()).await
}

fn sign_in_first(site: &Shared, visitor: &Visitor, shown: SignIn) -> Response {
    let flow = visitor.start_flow(site);
    let pending = Pending::new(&site.provider, flow.digest(), Goal::Account);
    let response = journey::sign_in_page(site, visitor, pending, shown);
    with_flow(site, &flow, response)
}

fn with_flow(site: &Shared, flow: &Flow, mut response: Response) -> Response {
    site.cookies
        .set_flow(&site.provider, flow, response.headers_mut());
    response
}

/// What the page says about what was just done.
#[derive(Debug, Default)]
struct Message {
    notice: Option<String>,
    error: Option<(StatusCode, String)>,
}

impl Message {
    fn notice(text: &str) -> Self {
        Self {
            notice: Some(text.to_owned()),
            error: None,
        }
    }

    fn error(status: StatusCode, text: String) -> Self {
        Self {
            notice: None,
            error: Some((status, text)),
        }
    }
}

async fn show(site: &Shared, visitor: &Visitor, session: &BrowserSession, message: Message) -> Response {
    let flow = visitor.start_flow(site);
    let (status, error) = message
        .error
        .map_or((StatusCode::OK, None), |(status, text)| (status, Some(text)));
    match page(site, session, &flow, message.notice, error).await {
        Ok(page) => with_flow(site, &flow, site.pages.respond(status, &page, &[])),
        Err(error) => store_page(site, &visitor.request_id, &error),
    }
}

async fn page(
    site: &Shared,
    session: &BrowserSession,
    flow: &Flow,
    notice: Option<String>,
    error: Option<String>,
) -> Result<AccountPage, StoreError> {
    let provider = &site.provider;
    let now = provider.clock.now();
    let user = users::find(&provider.db, session.user).await?;
    let mut browsers = sessions::browsers(provider, session.user).await?;
    browsers.sort_by_key(|row| row.id != session.id);
    let devices = sessions::devices(provider, Some(session.user), None, 500).await?;
    let csrf = Csrf {
        flow: flow.digest(),
        session: session.id,
    };
    let expires = now.plus(provider.lifetimes.pending_request);
    Ok(AccountPage {
        email: session.email.to_string(),
        name: user
            .and_then(|user| user.name)
            .map(|name| name.to_string())
            .unwrap_or_default(),
        csrf: provider.keys.load().sealer.seal(Purpose::Csrf, &csrf, expires),
        notice,
        error,
        browsers: browsers
            .into_iter()
            .map(|row| BrowserRow {
                here: row.id == session.id,
                id: row.id.to_string(),
                label: row.label,
                used: used(row.created_at, row.last_seen_at, now),
            })
            .collect(),
        devices: devices
            .items
            .into_iter()
            .map(|row| DeviceRow {
                here: row.origin == Some(session.id),
                id: row.id.to_string(),
                app: provider.clients.name(&row.client),
                device: row.device,
                used: used(row.first_used_at, row.last_used_at, now),
            })
            .collect(),
    })
}

fn used(first: Instant, last: Instant, now: Instant) -> Used {
    Used {
        first_used: ago(first, now),
        last_used: ago(last, now),
        first_used_at: first.to_rfc3339(),
        last_used_at: last.to_rfc3339(),
    }
}

fn ago(at: Instant, now: Instant) -> String {
    let minutes = now.since(at).seconds() / 60;
    let (count, unit) = match minutes {
        ..1 => return "just now".to_owned(),
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        1440..43200 => (minutes / 1440, "day"),
        43200..525_600 => (minutes / 43200, "month"),
        _ => (minutes / 525_600, "year"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// A form of the account page that was sent by its person from their own page.
struct Sent {
    session: BrowserSession,
    form: Raw,
}

impl Sent {
    /// The answer otherwise: sign in, or the page again; nothing is done.
    fn check(site: &Shared, visitor: &Visitor, form: Result<Form, BadForm>) -> Result<Self, Response> {
        let Form(form) = form.map_err(|error| bad_form_page(site, &visitor.request_id, error))?;
        // First: a post from another site has no cookies, and must not get new ones either.
        if visitor.is_cross_site(site) {
            return Err(forged_page(site, &visitor.request_id));
        }
        let Some(session) = visitor.session.clone() else {
            return Err(sign_in_first(site, visitor, SignIn::fresh(String::new())));
        };
        let provider = &site.provider;
        let sealed = form.one("csrf").ok().flatten().unwrap_or_default();
        let csrf = provider
            .keys
            .load()
            .sealer
            .open::<Csrf>(Purpose::Csrf, sealed, provider.clock.now());
        let flow = visitor.flow.as_ref().map(Flow::digest);
        let ours = csrf.is_ok_and(|csrf| Some(csrf.flow) == flow && csrf.session == session.id);
        if !ours {
            return Err(forged_page(site, &visitor.request_id));
        }
        Ok(Self { session, form })
    }

    fn subject(&self, visitor: &Visitor) -> Subject {
        Subject {
            user: Some(self.session.user),
            address: Some(visitor.address.to_string()),
            ..Subject::default()
        }
    }
}

pub(super) async fn end_one(
    State(site): State<Shared>,
    visitor: Visitor,
    form: Result<Form, BadForm>,
) -> Response {
    let sent = match Sent::check(&site, &visitor, form) {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let ended = match named(&site, &sent).await {
        Ok(Some(ending)) => end(
            &site.provider,
            ending,
            Reason::EndedByUser,
            sent.subject(&visitor),
        )
        .await
        .map(|_| ()),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => {
            show(
                &site,
                &visitor,
                &sent.session,
                Message::notice("Ended. It cannot be used any more."),
            )
            .await
        }
        Err(error) => store_page(&site, &visitor.request_id, &error),
    }
}

/// What a form names, if it is the person's own.
async fn named(site: &Shared, sent: &Sent) -> Result<Option<Ending>, StoreError> {
    let provider = &site.provider;
    let id = sent.form.one("id").ok().flatten().unwrap_or_default();
    if let Ok(id) = id.parse::<DeviceSessionId>() {
        let found = device_sessions::find(&provider.db, id).await?;
        let own = found.is_some_and(|found| found.session.user == sent.session.user);
        return Ok(own.then_some(Ending::Device { id }));
    }
    let Ok(id) = id.parse::<BrowserSessionId>() else {
        return Ok(None);
    };
    let own = sessions::browsers(provider, sent.session.user).await?;
    Ok(own
        .iter()
        .any(|row| row.id == id)
        .then_some(Ending::Browser { id }))
}

pub(super) async fn end_others(
    State(site): State<Shared>,
    visitor: Visitor,
    form: Result<Form, BadForm>,
) -> Response {
    let sent = match Sent::check(&site, &visitor, form) {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let ending = Ending::User {
        id: sent.session.user,
        keep: Some(sent.session.id),
    };
    match end(
        &site.provider,
        ending,
        Reason::EndedByUser,
        sent.subject(&visitor),
    )
    .await
    {
        Ok(_) => {
            show(
                &site,
                &visitor,
                &sent.session,
                Message::notice("Everything else has ended."),
            )
            .await
        }
        Err(error) => store_page(&site, &visitor.request_id, &error),
    }
}

pub(super) async fn change_password(
    State(site): State<Shared>,
    visitor: Visitor,
    form: Result<Form, BadForm>,
) -> Response {
    let sent = match Sent::check(&site, &visitor, form) {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let field = |name| sent.form.one(name).ok().flatten().unwrap_or_default().to_owned();
    let (current, new) = (field("current_password"), field("new_password"));
    let new = match Password::chosen(new, &sent.session.email) {
        Ok(new) => new,
        Err(weak) => {
            let message = Message::error(StatusCode::UNPROCESSABLE_ENTITY, weak.to_string());
            return show(&site, &visitor, &sent.session, message).await;
        }
    };
    let Some(password) = Password::presented(current) else {
        let message = Message::error(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The current password is not right.".to_owned(),
        );
        return show(&site, &visitor, &sent.session, message).await;
    };
    let address = visitor.address.to_string();
    let credentials = Credentials {
        email: sent.session.email.clone(),
        password,
        address: address.clone(),
    };
    let person = match by_password(&site.provider, credentials).await {
        Ok(person) => person,
        Err(error) => return refused(&site, &visitor, &sent.session, error).await,
    };
    let asking = Some(person.asking_in(sent.session.id));
    match accounts::set_password(&site.provider, sent.session.user, new, asking, Some(address)).await {
        Ok(_) => {}
        Err(AccountError::Late) => return refused(&site, &visitor, &sent.session, SignInError::Wrong).await,
        Err(AccountError::Store(error)) => return store_page(&site, &visitor.request_id, &error),
        Err(AccountError::Hasher(HasherError::Busy)) => {
            return store_page(&site, &visitor.request_id, &StoreError::Busy);
        }
        Err(_) => return store_page(&site, &visitor.request_id, &StoreError::corrupt("passwords.hash")),
    }
    // Whoever copied this browser's cookie has lost it too.
    match visitor.sign_in(&site, &person.with_new_password()).await {
        Ok(session) => {
            let notice = "Your password is changed, and everything that was not opened from here has ended.";
            show(&site, &visitor, &session, Message::notice(notice)).await
        }
        Err(OpenError::Refused) => {
            let text = format!("Your password is changed. {ENDED}");
            let shown = SignIn::again(person.email.to_string(), StatusCode::CONFLICT, text);
            sign_in_first(&site, &visitor, shown)
        }
        Err(OpenError::Store(error)) => store_page(&site, &visitor.request_id, &error),
    }
}

async fn refused(site: &Shared, visitor: &Visitor, session: &BrowserSession, error: SignInError) -> Response {
    let wrong = matches!(error, SignInError::Wrong);
    let (status, text, wait) = match refusal(error) {
        Ok(refusal) => refusal,
        Err(error) => return store_page(site, &visitor.request_id, &error),
    };
    let text = if wrong {
        "The current password is not right.".to_owned()
    } else {
        text
    };
    let response = show(site, visitor, session, Message::error(status, text)).await;
    match wait {
        Some(wait) => with_retry_after(response, wait),
        None => response,
    }
}

pub(super) async fn sign_out(
    State(site): State<Shared>,
    visitor: Visitor,
    form: Result<Form, BadForm>,
) -> Response {
    let sent = match Sent::check(&site, &visitor, form) {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let ending = Ending::Browser { id: sent.session.id };
    if let Err(error) = end(&site.provider, ending, Reason::SignedOut, sent.subject(&visitor)).await {
        return store_page(&site, &visitor.request_id, &error);
    }
    // The row has ended; only the cookie is left to clear.
    let page = SignedOutPage {
        email: Some(sent.session.email.to_string()),
    };
    let mut response = site.pages.respond(StatusCode::OK, &page, &[]);
    site.cookies.clear_session(response.headers_mut());
    response
}
