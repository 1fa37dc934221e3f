//! The way back from the browser: whatever any app or page may have put into the URL.

use crate::{
    effect::HttpFailure,
    error::{ErrorCode, SdkError},
    event::Event,
    form,
    host::{Host, Result},
    outcome::Outcome,
    pending,
    record::pending::{Browser, Pending},
    secret::Secret,
    sign_in, token_endpoint,
    token_response::Reply,
    url,
};

/// What a redirect says.
pub(crate) struct Redirect<'a> {
    url: &'a str,
    pub(crate) state: String,
    code: Option<Secret>,
    error: Option<(String, String)>,
    iss: Option<String>,
}

impl<'a> Redirect<'a> {
    /// Takes it apart. Each parameter comes once (RFC 6749 section 3.1).
    pub(crate) fn parse(url: &'a str) -> std::result::Result<Self, ErrorCode> {
        if !url::is_plain(url) || url.contains('#') {
            return Err(ErrorCode::RedirectMalformed);
        }
        let (_, query) = url.split_once('?').ok_or(ErrorCode::RedirectMalformed)?;
        let pairs = form::parse(query).ok_or(ErrorCode::RedirectMalformed)?;
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(ErrorCode::RedirectDuplicateParam);
        }
        let find = |name: &str| {
            pairs
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        let code = find("code").filter(|code| !code.is_empty());
        let error = find("error").filter(|error| !error.is_empty());
        if code.is_some() == error.is_some() {
            return Err(ErrorCode::RedirectMalformed);
        }
        Ok(Self {
            url,
            state: find("state").ok_or(ErrorCode::RedirectStateUnknown)?.to_owned(),
            code: code.map(Secret::from),
            error: error.map(|error| {
                let description = find("error_description").unwrap_or_default();
                (error.to_owned(), description.to_owned())
            }),
            iss: find("iss").map(str::to_owned),
        })
    }

    /// What it is checked with, if it answers this sign-in: the very redirect URI, and the very server (RFC 9207 section 2.4).
    fn check<'p>(&self, pending: &'p Pending, issuer: &str) -> std::result::Result<&'p Browser, ErrorCode> {
        let browser = pending.browser().ok_or(ErrorCode::RedirectWrongUri)?;
        let rest = self.url.strip_prefix(browser.redirect_uri.as_str());
        let separator = if browser.redirect_uri.contains('?') {
            '&'
        } else {
            '?'
        };
        if !rest.is_some_and(|rest| rest.starts_with(separator)) {
            return Err(ErrorCode::RedirectWrongUri);
        }
        if !browser.state.is(self.state.as_bytes()) {
            return Err(ErrorCode::RedirectStateUnknown);
        }
        match &self.iss {
            Some(iss) if iss != issuer => Err(ErrorCode::RedirectIssMismatch),
            None if pending.server.says_iss => Err(ErrorCode::RedirectIssMissing),
            _ => Ok(browser),
        }
    }
}

/// Finishes the sign-in that a redirect belongs to.
pub(crate) async fn handle(host: &Host, url: &Secret) -> Result<Outcome> {
    let handled = finish(host, url).await;
    if let Err(error) = &handled
        && is_suspicious(error.code)
    {
        host.tell(Event::RedirectRejected { code: error.code });
    }
    handled
}

fn is_suspicious(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RedirectStateUnknown
            | ErrorCode::RedirectStateExpired
            | ErrorCode::RedirectIssMissing
            | ErrorCode::RedirectIssMismatch
            | ErrorCode::RedirectDuplicateParam
            | ErrorCode::RedirectWrongUri
            | ErrorCode::RedirectMalformed
    )
}

async fn finish(host: &Host, url: &Secret) -> Result<Outcome> {
    let redirect = Redirect::parse(url.text())?;
    let flow = pending::flow_of(&redirect.state);
    let Some((pending, version)) = pending::load(host, &flow).await? else {
        return Err(ErrorCode::RedirectStateUnknown.into());
    };
    // A redirect that is none of ours takes nothing away from the sign-in: the right one may still come.
    let browser = redirect.check(&pending, &host.config().issuer)?;
    if pending.used {
        return used_before(host, &pending).await;
    }
    if pending.is_over(host) {
        pending::give_up(host, &pending, version).await?;
        return Err(ErrorCode::RedirectStateExpired.into());
    }
    let Some(code) = redirect.code else {
        pending::give_up(host, &pending, version).await?;
        return Err(said_no(redirect.error));
    };
    let Some(version) = pending.mark_used(host, version).await? else {
        return Err(ErrorCode::RedirectAlreadyUsed.into());
    };
    redeem(host, &pending, browser, version, &code).await
}

/// The app was killed while, or after, the code was redeemed.
async fn used_before(host: &Host, pending: &Pending) -> Result<Outcome> {
    match pending::account_of(host, &pending.flow).await? {
        Some(account) => {
            pending::forget(host, &pending.flow).await?;
            Ok(Outcome::SignedIn { account })
        }
        None => Err(ErrorCode::RedirectAlreadyUsed.into()),
    }
}

/// RFC 6749 section 4.1.2.1.
fn said_no(error: Option<(String, String)>) -> SdkError {
    let (error, description) = error.unwrap_or_default();
    let code = match error.as_str() {
        "access_denied" => ErrorCode::AccessDenied,
        "temporarily_unavailable" | "server_error" => ErrorCode::ServerUnavailable,
        "unauthorized_client" => ErrorCode::ClientRejected,
        "invalid_scope" | "invalid_target" => ErrorCode::ScopeOrResourceRejected,
        "invalid_request" | "unsupported_response_type" => ErrorCode::RequestRejected,
        _ => ErrorCode::SignInFailed,
    };
    SdkError::saying(code, &format!("{error}: {description}"))
}

/// Redeems the code at the token endpoint of the record; an answer that is lost is asked for once more.
async fn redeem(
    host: &Host,
    pending: &Pending,
    browser: &Browser,
    version: i64,
    code: &Secret,
) -> Result<Outcome> {
    let form = token_endpoint::request(host, "authorization_code")
        .with("redirect_uri", &browser.redirect_uri)
        .with("code_verifier", browser.verifier.text())
        .with("code", code.text());
    let sent = host.now();
    let mut reply = token_endpoint::ask(host, &pending.server, &form, pending.key.as_ref()).await;
    if matches!(reply, Ok(Reply::Failed(HttpFailure::Ambiguous))) {
        reply = token_endpoint::ask(host, &pending.server, &form, pending.key.as_ref()).await;
    }
    match reply.and_then(Reply::granted) {
        Ok(granted) => sign_in::complete(host, pending, version, &granted, &sent).await,
        // The same redirect may be tried again: what was not redeemed is good still, and what was is refused.
        Err(error) if error.may_pass() => {
            let _or_not = pending.mark_unused(host, version).await;
            Err(error)
        }
        Err(error) => {
            pending::give_up(host, pending, version).await?;
            Err(error)
        }
    }
}
