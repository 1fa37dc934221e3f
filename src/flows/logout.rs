//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): an app asks to sign its person out.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    base::{
        digest::Digest,
        id::{BrowserSessionId, ClientId, DeviceSessionId, UserId},
    },
    domain::{
        browser_session::BrowserSession,
        ending::{Ending, Reason},
        event::Subject,
        id_token::IdTokenHint,
        oauth_error::OAuthError,
        request::Raw,
    },
    flows::{Provider, access_token::is_withdrawn, authorize::MAX_STATE, end::end},
    store::{device_sessions, error::StoreError},
};

/// A request to sign out, every parameter of it checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogoutRequest {
    /// Whom and what it names: the ID token was ours.
    pub hint: Option<IdTokenHint>,
    /// The app that asks, as far as it says so.
    pub client: Option<ClientId>,
    /// Where the person goes afterwards.
    pub then: Option<Then>,
}

/// A verified place for a person who has signed out. Only an ID token of ours together with a registered URI makes one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Then {
    uri: String,
    state: Option<String>,
}

impl Then {
    /// Its scheme with the colon: a source of `form-action`.
    pub fn scheme(&self) -> &str {
        self.uri.split_inclusive(':').next().unwrap_or_default()
    }

    /// The redirect: `state` goes back byte for byte, and nothing else is added (section 3).
    pub fn redirect(&self) -> String {
        match (&self.state, Url::parse(&self.uri)) {
            (Some(state), Ok(mut url)) => {
                url.query_pairs_mut().append_pair("state", state);
                url.into()
            }
            _ => self.uri.clone(),
        }
    }
}

/// Checks a request (section 2). What fails is told to the person: nobody is redirected.
pub fn check(provider: &Provider, raw: &Raw) -> Result<LogoutRequest, OAuthError> {
    let hint = raw.one("id_token_hint")?;
    let client = raw.one("client_id")?;
    let uri = raw.one("post_logout_redirect_uri")?;
    let state = raw.one("state")?;
    if state.is_some_and(|state| state.len() > MAX_STATE) {
        let hint = format!("state is longer than {MAX_STATE} bytes");
        return Err(OAuthError::invalid_request(hint));
    }
    let hint = hint.map(|jwt| read_hint(provider, jwt)).transpose()?;
    if let (Some(hint), Some(client)) = (&hint, client)
        && hint.client.as_str() != client
    {
        let hint = "client_id is not the app that id_token_hint was issued to";
        return Err(OAuthError::invalid_request(hint));
    }
    let then = match (uri, &hint) {
        (None, _) => None,
        // Whoever asks could be anybody.
        (Some(_), None) => {
            let hint = "post_logout_redirect_uri needs an id_token_hint";
            return Err(OAuthError::invalid_request(hint));
        }
        (Some(uri), Some(hint)) => Some(place(provider, hint, uri, state)?),
    };
    let named = client.and_then(|id| provider.clients.find(id));
    let client = hint.as_ref().map(|hint| hint.client.clone());
    Ok(LogoutRequest {
        client: client.or_else(|| named.map(|client| client.id.clone())),
        hint,
        then,
    })
}

fn read_hint(provider: &Provider, jwt: &str) -> Result<IdTokenHint, OAuthError> {
    let hint = provider.keys.load().id_tokens.read(&provider.issuer, jwt);
    let hint = hint.filter(|_| !is_withdrawn(provider, jwt));
    hint.ok_or_else(|| OAuthError::invalid_request("id_token_hint is no ID token of this server"))
}

fn place(
    provider: &Provider,
    hint: &IdTokenHint,
    uri: &str,
    state: Option<&str>,
) -> Result<Then, OAuthError> {
    let client = provider.clients.find(hint.client.as_str());
    if client.is_some_and(|client| client.allows_post_logout_redirect(uri)) {
        return Ok(Then {
            uri: uri.to_owned(),
            state: state.map(str::to_owned),
        });
    }
    Err(OAuthError::invalid_request(
        "post_logout_redirect_uri is not one of those registered for this app; they are compared character by character",
    ))
}

/// Whether the hint names a session that was opened in this very browser session, by its person: then nobody has to be
/// asked (section 2). Another site that has no such ID token cannot sign anybody out.
pub async fn is_own(
    provider: &Provider,
    request: &LogoutRequest,
    session: &BrowserSession,
) -> Result<bool, StoreError> {
    let Some(hint) = request.hint.as_ref().filter(|hint| hint.user == session.user) else {
        return Ok(false);
    };
    let found = device_sessions::find(&provider.db, hint.session).await?;
    Ok(found.is_some_and(|found| found.session.origin == Some(session.id)))
}

/// A request that waits for a tap, sealed in the page that asks for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PendingLogout {
    /// Digest of the flow cookie of the browser that it belongs to.
    pub flow: Digest,
    /// Who was signed in there when the page was shown.
    pub browser_session: Option<BrowserSessionId>,
    /// What it names.
    pub named: Named,
    /// Where the person goes afterwards.
    pub then: Option<Then>,
}

/// What a request to sign out is about, besides the browser.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Named {
    /// The person of the hint.
    pub user: Option<UserId>,
    /// The device session of the hint.
    pub session: Option<DeviceSessionId>,
    /// The app.
    pub client: Option<ClientId>,
}

impl LogoutRequest {
    /// What it is about.
    pub fn named(&self) -> Named {
        Named {
            user: self.hint.as_ref().map(|hint| hint.user),
            session: self.hint.as_ref().map(|hint| hint.session),
            client: self.client.clone(),
        }
    }
}

/// Signs out: ends the device session that is named, and the browser session with what lives with it.
pub async fn log_out(
    provider: &Provider,
    named: &Named,
    session: Option<&BrowserSession>,
    address: Option<String>,
) -> Result<(), StoreError> {
    let ending = match (session, named.session) {
        (Some(browser), Some(device)) => Ending::Logout {
            id: browser.id,
            device,
        },
        (Some(browser), None) => Ending::Browser { id: browser.id },
        (None, Some(id)) => Ending::Device { id },
        (None, None) => return Ok(()),
    };
    let subject = Subject {
        user: session.map(|session| session.user).or(named.user),
        client: named.client.clone(),
        session: named.session,
        address,
    };
    end(provider, ending, Reason::LoggedOut, subject).await?;
    Ok(())
}
