//! Signing in: the request, and what becomes of the tokens.

use crate::{
    account, base64,
    clock::Moment,
    config::{Config, ParPolicy, is_scope},
    discovery,
    dpop::Key,
    end,
    error::{ErrorCode, SdkError},
    event::{EndReason, Event},
    form::Form,
    host::{Host, Result},
    id_token,
    outcome::{AuthorizationReady, AuthorizeParams, Outcome},
    par, pending, pkce,
    record::{
        account::Account,
        pending::{Browser, Kind, Pending},
    },
    token_response::Granted,
    url,
};

/// Begins one: it is stored before its URL is known to anybody.
pub(crate) async fn begin(host: &Host, params: AuthorizeParams) -> Result<Outcome> {
    check_extra(&params)?;
    let server = discovery::server(host).await?;
    pending::tidy(host, 1).await?;
    let state = host.random_text().await?;
    let flow = pending::flow_of(&state);
    let scopes = scopes(host.config(), params.scopes.as_ref())?;
    let browser = Browser {
        state: state.into(),
        nonce: host.random_text().await?.into(),
        verifier: host.random_text().await?.into(),
        redirect_uri: host.config().redirect_uri.clone(),
        max_age: params.max_age.map(i64::from),
    };
    let kind = Kind::Browser(browser.clone());
    let pending = Pending::new(host, flow.clone(), server, scopes, kind);
    let (pending, version) = pending.begin(host).await?;
    let request = request(host.config(), &pending, &browser, &params);
    let url = match address(host, &pending, &request).await {
        Ok(url) => url,
        Err(error) => {
            pending::give_up(host, &pending, version).await?;
            return Err(error);
        }
    };
    Ok(Outcome::AuthorizationReady {
        ready: AuthorizationReady {
            url,
            redirect_uri: browser.redirect_uri,
            flow_id: flow,
        },
    })
}

/// Where the browser goes.
async fn address(host: &Host, pending: &Pending, request: &Form) -> Result<String> {
    let config = host.config();
    let pushed = match (&pending.server.par, config.par) {
        (Some(endpoint), ParPolicy::Required | ParPolicy::Preferred) => {
            let uri = par::push(host, &pending.server, endpoint, request, pending.key.as_ref()).await?;
            Some(
                Form::default()
                    .with("client_id", &config.client_id)
                    .with("request_uri", &uri),
            )
        }
        _ => None,
    };
    let query = pushed.as_ref().unwrap_or(request);
    Ok(url::with_query(&pending.server.authorization, query))
}

/// RFC 6749 section 4.1.1 with what makes it safe: PKCE, `nonce`, the key.
fn request(config: &Config, pending: &Pending, browser: &Browser, params: &AuthorizeParams) -> Form {
    let max_age = params.max_age.map(|seconds| seconds.to_string());
    let thumbprint = pending.key.as_ref().map(Key::thumbprint);
    let mut form = Form::default()
        .with("response_type", "code")
        .with("client_id", &config.client_id)
        .with("redirect_uri", &browser.redirect_uri)
        .with("scope", &pending.scopes.join(" "))
        .with("state", browser.state.text())
        .with("nonce", browser.nonce.text())
        .with("code_challenge", &pkce::challenge(browser.verifier.text()))
        .with("code_challenge_method", "S256")
        .with_some("dpop_jkt", thumbprint.as_deref())
        .with_some("login_hint", params.login_hint.as_deref())
        .with_some("prompt", params.prompt.as_deref())
        .with_some("acr_values", params.acr_values.as_deref())
        .with_some("max_age", max_age.as_deref())
        .with_some("ui_locales", params.ui_locales.as_deref());
    for resource in &config.resources {
        form.add("resource", resource);
    }
    let mut extra: Vec<_> = params.extra.iter().collect();
    extra.sort();
    for (name, value) in extra {
        form.add(name, value);
    }
    form
}

/// What an app may not set: what makes the request safe, and what has a place of its own.
const OURS: [&str; 20] = [
    "acr_values",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
    "login_hint",
    "max_age",
    "nonce",
    "prompt",
    "redirect_uri",
    "request",
    "request_uri",
    "resource",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "ui_locales",
];

fn check_extra(params: &AuthorizeParams) -> Result<()> {
    let ours = |name: &String| OURS.contains(&name.as_str()) || name.is_empty();
    if params.extra.keys().any(ours) {
        return Err(ErrorCode::InvalidArgument.into());
    }
    Ok(())
}

pub(crate) fn scopes(config: &Config, asked: Option<&Vec<String>>) -> Result<Vec<String>> {
    let scopes = asked.unwrap_or(&config.scopes);
    if scopes.iter().all(|scope| is_scope(scope)) {
        Ok(scopes.clone())
    } else {
        Err(ErrorCode::InvalidArgument.into())
    }
}

/// Makes an account of what the token endpoint gave to a sign-in that is marked used, in this version. What is refused is
/// given back to the server.
pub(crate) async fn complete(
    host: &Host,
    pending: &Pending,
    version: i64,
    granted: &Granted,
    sent: &Moment,
) -> Result<Outcome> {
    let mut account = unchecked(host, pending, granted, sent);
    match check(host, pending, granted) {
        Ok(sub) => account.sub = sub,
        Err(error) => return refuse(host, pending, version, &account, error).await,
    }
    if let Some(sub) = &account.sub {
        account.id = id_of(host.config(), sub);
    }
    if !pending.is_still(host, version).await? {
        // It took so long that another process has given it up, and its key.
        end::give_back(host, &account).await;
        return Err(ErrorCode::CodeRefused.into());
    }
    if let Err(error) = replace(host, &account).await {
        return refuse(host, pending, version, &account, error.of_a_lost_sign_in()).await;
    }
    // It is stored: what is left to do, `resume` does too.
    let _later = pending::forget(host, &pending.flow).await;
    host.memory().learn(&account);
    host.tell(Event::AccountAdded {
        account: account.id.clone(),
    });
    Ok(Outcome::SignedIn { account: account.id })
}

async fn refuse(
    host: &Host,
    pending: &Pending,
    version: i64,
    account: &Account,
    error: SdkError,
) -> Result<Outcome> {
    end::give_back(host, account).await;
    let _later = pending::give_up(host, pending, version).await;
    Err(error)
}

/// The same person at the same server with the same app is the same account.
pub(crate) fn id_of(config: &Config, sub: &str) -> String {
    let name = format!("{}\n{}\n{sub}", config.issuer, config.client_id);
    short(&base64::digest(name.as_bytes()))
}

/// An account's id: 132 bits of a digest.
pub(crate) fn short(digest: &str) -> String {
    digest.chars().take(22).collect()
}

/// Gives tokens back that came when their sign-in was given up already.
pub(crate) async fn too_late(host: &Host, pending: &Pending, granted: &Granted, sent: &Moment) {
    end::give_back(host, &unchecked(host, pending, granted, sent)).await;
}

fn unchecked(host: &Host, pending: &Pending, granted: &Granted, sent: &Moment) -> Account {
    let scopes = granted.scope.clone().unwrap_or_else(|| pending.scopes.clone());
    let token = granted.access(None, None, &scopes, sent);
    Account {
        id: short(&pending.flow),
        flow: pending.flow.clone(),
        server: pending.server.clone(),
        key: pending.key.clone(),
        refresh_token: granted.refresh_token.clone(),
        tokens: vec![token],
        scopes,
        sub: None,
        id_token: granted.id_token.clone(),
        device_secret: granted.device_secret.clone(),
        anchor: host.memory().anchor.clone(),
    }
}

fn check(host: &Host, pending: &Pending, granted: &Granted) -> Result<Option<String>> {
    granted.check_type(pending.key.is_some())?;
    // OpenID Connect Core section 3.1.2.1.
    let is_promised = pending.scopes.iter().any(|scope| scope == "openid");
    let browser = pending.browser();
    let nonce = browser.map(|browser| browser.nonce.text());
    let sub = granted.subject(host, nonce)?;
    if is_promised && sub.is_none() {
        return Err(ErrorCode::IdTokenMalformed.into());
    }
    if let Some(max_age) = browser.and_then(|browser| browser.max_age)
        && let Some(token) = &granted.id_token
    {
        id_token::check_age(token, max_age, pending.began(host))?;
    }
    Ok(sub)
}

/// Stores an account, and ends the session that it had before. One of a newer SDK stays: only that knows how to end it.
pub(crate) async fn replace(host: &Host, account: &Account) -> Result<()> {
    let record = Account::record(&account.id);
    for _ in 0..4 {
        let found = host.get_or_drop(&record).await?;
        let version = found.as_ref().map_or(0, |found| found.version);
        let before = match found.map(|found| Account::read(&found.value, host.config())) {
            Some(Err(newer @ ErrorCode::StorageTooNew)) => return Err(newer.into()),
            before => before.and_then(std::result::Result::ok),
        };
        if let Some(before) = &before {
            end::note(host, before, EndReason::Replaced).await?;
        }
        if host
            .put(&record, account.write(host.config()), version)
            .await?
            .is_err()
        {
            continue;
        }
        // It is stored: what fails now is no reason to say that it is not.
        let _first = account::make_default_if_none(host, &account.id).await;
        if let Some(before) = &before {
            let _later = end::finish(host, &before.flow).await;
        }
        return Ok(());
    }
    Err(ErrorCode::Busy.into())
}
