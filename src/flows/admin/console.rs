//! Signing in to the console: an OpenID client of this server like any other, but that its code never travels over HTTP
//! again: it is redeemed here, in process. What a person gets is a device session of that client; the console's own session
//! hangs on it.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use crate::{
    base::{
        digest::Digest,
        id::{ClientId, DeviceSessionId},
        seal::Purpose,
        time::{Instant, Lifetime},
        url::{Issuer, RedirectUri},
    },
    domain::{
        actor::Actor,
        admin_session::{AdminCookie, AdminSession},
        client::{AuthMethod, Client, ClientKind, ClientLifetimes, ClientSettings, ConsentPolicy, GrantType},
        code::Code,
        ending::{Ending, Reason},
        event::{Event, Subject},
        oauth_error::OAuthError,
        scope::OPENID,
    },
    flows::{
        Provider,
        clients::set,
        end::end,
        pending,
        token::{
            TokenError,
            code::{CodeRequest, redeem},
        },
    },
    store::{
        admin_sessions::{self, Touch},
        clients::{AddClient, SetClient},
        device_sessions,
        error::{Result, StoreError},
    },
};

/// The `client_id` of the console.
const CLIENT: &str = "postern-console";
/// Where its codes arrive, below the URL of the private listener.
pub const CALLBACK: &str = "/console/callback";
/// Its first page.
pub const HOME: &str = "/console";
/// How long a person has from the console to the sign-in page and back. Later they are told that it waited for too long, and
/// begin again.
pub const UNDER_WAY: Lifetime = Lifetime::from_secs(600);
/// How often a session's last use is written.
const TOUCH_EVERY: Lifetime = Lifetime::from_secs(60);

/// The client of the console.
pub fn client_id() -> ClientId {
    ClientId::of_our_own(CLIENT)
}

/// The client is the console's own: the server looks after it, and nobody else adds, changes or removes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{CLIENT} is the console's own client, which the server itself looks after: choose another")]
pub struct KeptByConsole;

/// Refuses the console's own client to everybody else.
pub fn keeps(id: &ClientId) -> std::result::Result<(), KeptByConsole> {
    if *id == client_id() {
        Err(KeptByConsole)
    } else {
        Ok(())
    }
}

/// Registers the console's client, where there is a private listener. Each node may have an address of its own.
pub async fn ensure(provider: &Provider) -> Result<()> {
    let Some(uri) = callback(provider) else {
        return Ok(());
    };
    let Some(client) = provider.clients.find(CLIENT) else {
        let now = provider.clock.now();
        let client = Client {
            id: client_id(),
            name: "Postern console"
                .parse()
                .map_err(|_| StoreError::corrupt("a name"))?,
            settings: settings(uri, lives(provider)),
            created_at: now,
            disabled_at: None,
        };
        let event = provider.event_by(now, Actor::System, about(), Event::client_added(&client));
        let add = AddClient {
            client,
            event,
            secret: None,
        };
        return written(provider, provider.db.write(add).await).await;
    };
    if client.allows_redirect(uri.as_str()) && client.settings.lifetimes == lives(provider) {
        return Ok(());
    }
    if let Some(found) = set::find(provider, &client.id).await? {
        let mut after = found.client.clone();
        if !after.allows_redirect(uri.as_str()) {
            after.settings.redirect_uris.push(uri);
        }
        after.settings.lifetimes = lives(provider);
        let event = Event::client_updated(&found.client, &after);
        let event = provider.event_by(provider.clock.now(), Actor::System, about(), event);
        let change = SetClient {
            found,
            after,
            event,
            removed: Vec::new(),
        };
        return written(provider, provider.db.write(change).await).await;
    }
    Ok(())
}

async fn written(provider: &Provider, written: Result<()>) -> Result<()> {
    match written {
        // Another node was faster.
        Ok(()) | Err(StoreError::Conflict(_)) => provider.clients.reload(&provider.db).await,
        Err(error) => Err(error),
    }
}

/// Nobody else can be it: it is confidential, and has neither a secret nor a key.
fn settings(uri: RedirectUri, lifetimes: ClientLifetimes) -> ClientSettings {
    ClientSettings {
        redirect_uris: vec![uri],
        lifetimes,
        scope: [OPENID].into_iter().collect(),
        consent: ConsentPolicy::Never,
        token_endpoint_auth_method: AuthMethod::PrivateKeyJwt,
        grant_types: [GrantType::AuthorizationCode].into(),
        ..ClientSettings::new(ClientKind::Web)
    }
}

/// As long as a session of an admin: what hangs on a device session of this client is over no later and no earlier, so that
/// each list of sessions says of it what is so.
fn lives(provider: &Provider) -> ClientLifetimes {
    let server = &provider.lifetimes;
    ClientLifetimes {
        device_session_idle: Some(server.admin_session_idle),
        device_session_absolute: Some(server.admin_session_absolute),
        ..ClientLifetimes::default()
    }
}

fn about() -> Subject {
    Subject {
        client: Some(client_id()),
        ..Subject::default()
    }
}

fn callback(provider: &Provider) -> Option<RedirectUri> {
    let url: &Issuer = provider.private_url.as_ref()?;
    url.at(CALLBACK).parse().ok()
}

/// A sign-in under way, sealed in a cookie of the browser.
#[derive(Debug, Serialize, Deserialize)]
struct UnderWay {
    state: String,
    verifier: String,
    to: String,
}

/// Where the browser goes to sign in, and what it has to bring back.
#[derive(Debug)]
pub struct Begun {
    /// The authorization request.
    pub url: String,
    /// The sealed cookie.
    pub cookie: String,
}

/// Begins a sign-in that leads to a page of the console. The password is asked for, whoever is signed in: a session here that
/// idled, came of age or was signed out of has ended, and the browser's session with the server does not open another one.
pub fn begin(provider: &Provider, to: &str) -> Option<Begun> {
    let redirect_uri = callback(provider)?;
    let now = provider.clock.now();
    let under_way = UnderWay {
        state: random::<16>(provider),
        verifier: random::<32>(provider),
        to: own_page(to),
    };
    let challenge = Digest::of(under_way.verifier.as_bytes()).to_base64url();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", redirect_uri.as_str()),
        ("scope", OPENID),
        ("state", &under_way.state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("prompt", "login"),
    ]);
    let url = format!("{}?{}", provider.issuer.at("/authorize"), query.finish());
    let until = now.plus(UNDER_WAY);
    let sealer = &provider.keys.load().sealer;
    let cookie = sealer.seal(Purpose::ConsoleSignIn, &under_way, until);
    Some(Begun { url, cookie })
}

fn random<const N: usize>(provider: &Provider) -> String {
    Base64UrlUnpadded::encode_string(&provider.entropy.bytes::<N>())
}

/// A page of the console; anything else is its first one.
fn own_page(to: &str) -> String {
    let rest = to.strip_prefix(HOME);
    let own = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let plain = to.len() <= 1000 && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    // A browser goes up at two dots, in whichever way they are written.
    let path = to.split(['?', '#']).next().unwrap_or_default();
    let dots = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    let goes_up = path.split('/').any(dots);
    if own && plain && !goes_up { to } else { HOME }.to_owned()
}

/// What came back to the callback.
#[derive(Debug, Clone, Copy)]
pub struct Returned<'a> {
    /// The sealed cookie.
    pub cookie: &'a str,
    /// The `state`.
    pub state: &'a str,
    /// The code.
    pub code: &'a str,
    /// The session that this one takes the place of.
    pub present: Option<&'a AdminSession>,
    /// Where the request came from.
    pub address: &'a str,
}

/// An admin who has signed in.
#[derive(Debug)]
pub struct Opened {
    /// What the browser holds from now on.
    pub cookie: AdminCookie,
    /// For how long at most.
    pub life: Lifetime,
    /// Where they wanted to go.
    pub to: String,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The sign-in was not begun in this browser, or too long ago.
    #[error("this sign-in was not begun in this browser, or has waited for too long")]
    NotBegun,
    /// The browser was signed in already, and the request was changed on its way so that nobody was asked.
    #[error("the password was not given for this sign-in")]
    NotProved,
    /// The code was refused.
    #[error("{}", .0.hint)]
    Refused(OAuthError),
    /// Whoever it is, they are no admin.
    #[error("this account is not an admin's")]
    NoRole,
    /// The server's.
    #[error("{0}")]
    Fault(String),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TokenError> for ConsoleError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused(error) | TokenError::NotOurs(error) => Self::Refused(error),
            TokenError::Issue(error) => Self::Fault(error.to_string()),
            TokenError::Store(error) => Self::Store(error),
        }
    }
}

/// Redeems the code of a sign-in and opens the session of an admin.
pub async fn finish(provider: &Provider, back: Returned<'_>) -> std::result::Result<Opened, ConsoleError> {
    let opened = pending::open::<UnderWay>(provider, Purpose::ConsoleSignIn, back.cookie).await?;
    let under_way = opened.map_err(|_| ConsoleError::NotBegun)?;
    // Who knows the one of another browser has no use for it.
    if under_way.state != back.state {
        return Err(ConsoleError::NotBegun);
    }
    let (Some(client), Some(redirect_uri), Some(code)) = (
        provider.clients.find(CLIENT),
        callback(provider),
        Code::parse(back.code),
    ) else {
        return Err(ConsoleError::Refused(OAuthError::invalid_code()));
    };
    let request = CodeRequest {
        code: back.code,
        redirect_uri: Some(redirect_uri.as_str()),
        code_verifier: Some(&under_way.verifier),
        resource: &[],
        details: None,
        proof: None,
        address: Some(back.address.to_owned()),
        app_version: None,
    };
    // The tokens are not needed: nothing of the console asks by them.
    redeem(provider, &client, request).await?;
    let (cookie, life) = open(provider, code.session, back).await?;
    if let Some(before) = back.present {
        sign_out(provider, before, back.address).await?;
    }
    Ok(Opened {
        cookie,
        life,
        to: under_way.to,
    })
}

/// The session, if its person is an admin and gave the password for it; otherwise what was opened for it ends again.
async fn open(
    provider: &Provider,
    id: DeviceSessionId,
    back: Returned<'_>,
) -> std::result::Result<(AdminCookie, Lifetime), ConsoleError> {
    let found = device_sessions::find(&provider.db, id).await?;
    let found = found.ok_or(ConsoleError::NotBegun)?;
    let (now, cookie) = (provider.clock.now(), AdminCookie::new(&provider.entropy));
    let life = provider.lifetimes.admin_session_absolute;
    // For this very request: its code was redeemed by the verifier that is in this browser's cookie and nowhere else.
    let is_proved = found.grant.proved;
    let binds = (id, cookie.digest(), found.grant.auth_time, now.plus(life), now);
    if is_proved && provider.db.execute(admin_sessions::OPEN, binds).await?.is_some() {
        return Ok((cookie, life));
    }
    let subject = Subject {
        user: Some(found.session.user),
        client: Some(client_id()),
        session: Some(id),
        address: Some(back.address.to_owned()),
    };
    end(provider, Ending::Device { id }, Reason::Denied, subject).await?;
    Err(if is_proved {
        ConsoleError::NoRole
    } else {
        ConsoleError::NotProved
    })
}

/// Who is signed in, by their cookie. The use is remembered, coarsely.
pub async fn session(provider: &Provider, cookie: &AdminCookie) -> Result<Option<AdminSession>> {
    let now: Instant = provider.clock.now();
    let idle_since = now.minus(provider.lifetimes.admin_session_idle);
    let session = admin_sessions::load(&provider.db, cookie.digest(), now, idle_since).await?;
    // The database may have gone back, and say that an ended one lives.
    let Some(session) = session.filter(|session| !provider.ends.has_session(session.id)) else {
        return Ok(None);
    };
    if now.since(session.last_seen_at) >= TOUCH_EVERY {
        provider.db.write(Touch { id: session.id, now }).await?;
    }
    Ok(Some(session))
}

/// Signs an admin out of the console. Whoever they are in this browser otherwise, they stay.
pub async fn sign_out(provider: &Provider, session: &AdminSession, address: &str) -> Result<()> {
    let subject = Subject {
        user: Some(session.user),
        client: Some(client_id()),
        session: Some(session.id),
        address: Some(address.to_owned()),
    };
    end(
        provider,
        Ending::Device { id: session.id },
        Reason::SignedOut,
        subject,
    )
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_consoles_id_is_one_like_any_other() {
        assert_eq!(CLIENT.parse(), Ok(client_id()));
    }

    #[test]
    fn only_pages_of_the_console_are_returned_to() {
        for own in ["/console", "/console/users?after=1", "/console?x"] {
            assert_eq!(own_page(own), own);
        }
        for other in [
            "",
            "/",
            "/consolex",
            "//evil.example",
            "https://evil.example/console",
            "/console\\x",
            "/console\n",
            "/console/../x",
            "/console/%2E%2e/x",
        ] {
            assert_eq!(own_page(other), HOME);
        }
    }

    /// What a browser makes of a redirect.
    fn leads_to(to: &str) -> url::Url {
        let console = url::Url::parse("https://admin.example/console/callback?code=x").expect("a URL");
        console.join(to).expect("a place")
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_leads_to_the_console(
            begin in prop_oneof![Just(""), Just("/"), Just("//"), Just("https:"), Just("/console"), Just("/console/")],
            parts in prop::collection::vec(
                prop_oneof![Just(".."), Just("%2e%2E"), Just("/"), Just("\\"), Just("@evil.example"), Just("?"), Just("#"),
                    Just("users"), Just("\t"), Just("\n"), Just("ü")],
                0..6,
            ),
        ) {
            let asked = format!("{begin}{}", parts.concat());
            let led = leads_to(&own_page(&asked));
            prop_assert_eq!(led.host_str(), Some("admin.example"));
            let path = led.path();
            prop_assert!(path == HOME || path.starts_with("/console/"), "{} leads to {}", asked, path);
        }

        #[test]
        fn who_asks_for_a_page_of_the_console_gets_to_it(to in "/console(/[a-z0-9][a-z0-9._-]{0,9}){0,3}([?][a-z./=&%0-9]{0,20})?") {
            prop_assert_eq!(own_page(&to), to);
        }
    }
}
