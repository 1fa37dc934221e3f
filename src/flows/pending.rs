//! A pending request: everything about a sign-in under way, sealed in the page. Before a person has proved something,
//! nothing is stored.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _},
};

use crate::{
    base::{
        digest::Digest,
        id::{BrowserSessionId, DeviceSessionId, PushedRequestId, UserId},
        seal::{Purpose, SealError},
        secret::Secret,
        time::Instant,
    },
    domain::{
        browser_session::BrowserSession, code::Code, device_code::Waiting, request::AuthorizationRequest,
        scope::ScopeSet,
    },
    flows::{Provider, pushed},
    ports::keys::Keys,
    store::error::StoreError,
};

/// A sign-in under way.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Digest of the flow cookie of the browser that it belongs to.
    pub flow: Digest,
    /// When it ends, from its first page on; sealing it anew keeps this.
    pub until: Instant,
    /// Where it leads.
    pub goal: Goal,
    /// For whom it is sealed, once somebody is signed in.
    pub person: Option<SealedPerson>,
}

/// Where a sign-in leads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Goal {
    /// To the person's own account page.
    Account,
    /// To an app.
    Authorize(Box<AuthorizationRequest>),
    /// To a device that waits for a person's code (RFC 8628), which is still to be typed in.
    EnterCode,
    /// To the device that shows this code.
    Device(Box<Waiting>, String),
}

/// A pending request as it travels.
#[derive(Serialize, Deserialize)]
struct Sealed {
    flow: Digest,
    until: Instant,
    goal: SealedGoal,
    person: Option<SealedPerson>,
}

/// A goal as it travels.
#[derive(Serialize, Deserialize)]
enum SealedGoal {
    Whole(Goal),
    /// To an app whose request is kept there, with the digest of its `request_uri`.
    Kept(PushedRequestId, Option<Digest>),
}

/// The person whom a pending request is sealed for, with the session and the code that an Allow will make. Drawn
/// here, so that pressing twice makes one session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SealedPerson {
    /// The browser session.
    pub browser_session: BrowserSessionId,
    /// The person.
    pub user: UserId,
    /// Whether they proved who they are for this very request: what `prompt=login` and `max_age` want.
    pub proved: bool,
    /// What they had allowed the app when the page was shown, so that Allow need not ask.
    pub remembered: Option<ScopeSet>,
    /// The device session to be.
    pub device_session: DeviceSessionId,
    code_secret: CodeSecret,
}

#[derive(Debug, Clone)]
struct CodeSecret(Secret<[u8; 16]>);

impl Serialize for CodeSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64UrlUnpadded::encode_string(self.0.expose()))
    }
}

impl<'de> Deserialize<'de> for CodeSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 16];
        let length = Base64UrlUnpadded::decode(&text, &mut bytes)
            .map_err(D::Error::custom)?
            .len();
        if length == 16 {
            Ok(Self(Secret::new(bytes)))
        } else {
            Err(D::Error::custom("16 bytes"))
        }
    }
}

impl SealedPerson {
    /// The code that an Allow gives.
    pub fn code(&self) -> Code {
        Code::new(self.device_session, self.code_secret.0.clone())
    }

    /// Whether this is the person and browser session that the cookie names.
    pub fn is(&self, session: &BrowserSession) -> bool {
        self.browser_session == session.id && self.user == session.user
    }
}

/// The longest sealed request that a page carries.
const MAX_PENDING: usize = 4096;

/// The request is too large to travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request has too many or too long parameters")]
pub struct TooLarge;

impl Pending {
    /// A new pending request for the browser with this flow cookie.
    pub fn new(provider: &Provider, flow: Digest, goal: Goal) -> Self {
        let until = provider.clock.now().plus(provider.lifetimes.pending_request);
        Self {
            flow,
            until,
            goal,
            person: None,
        }
    }

    /// The same request for the person in `session`. For the one it was sealed for, everything stays; for another,
    /// session and code are drawn anew and a proof of before does not count.
    pub fn for_person(&mut self, provider: &Provider, session: &BrowserSession) -> &mut SealedPerson {
        let same = self.person.take().filter(|person| person.is(session));
        self.person.insert(same.unwrap_or_else(|| SealedPerson {
            browser_session: session.id,
            user: session.user,
            proved: false,
            remembered: None,
            device_session: DeviceSessionId::new(provider.clock.now(), &provider.entropy),
            code_secret: CodeSecret(Secret::new(provider.entropy.bytes())),
        }))
    }

    /// The sealed text.
    pub fn seal(&self, provider: &Provider) -> Result<String, TooLarge> {
        let kept = match &self.goal {
            Goal::Authorize(request) => request.kept.map(|id| SealedGoal::Kept(id, request.pushed)),
            _ => None,
        };
        let travels = Sealed {
            flow: self.flow,
            until: self.until,
            goal: kept.unwrap_or_else(|| SealedGoal::Whole(self.goal.clone())),
            person: self.person.clone(),
        };
        let keys = provider.keys.load();
        let sealed = keys.sealer.seal(Purpose::PendingRequest, &travels, self.until);
        if sealed.len() > MAX_PENDING {
            Err(TooLarge)
        } else {
            Ok(sealed)
        }
    }

    /// Opens a sealed text.
    pub async fn open(provider: &Provider, sealed: &str) -> Result<Result<Self, SealError>, StoreError> {
        let Sealed {
            flow,
            until,
            goal,
            person,
        } = match open(provider, Purpose::PendingRequest, sealed).await? {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        let goal = match goal {
            SealedGoal::Whole(goal) => goal,
            SealedGoal::Kept(id, pushed) => match pushed::kept(provider, id).await? {
                Some(request) => Goal::Authorize(Box::new(AuthorizationRequest { pushed, ..request })),
                None => return Ok(Err(SealError::Expired)),
            },
        };
        Ok(Ok(Self {
            flow,
            until,
            goal,
            person,
        }))
    }
}

/// What was sealed for `purpose`, by this node or another, unless it has expired.
pub async fn open<T: DeserializeOwned>(
    provider: &Provider,
    purpose: Purpose,
    sealed: &str,
) -> Result<Result<T, SealError>, StoreError> {
    let now = provider.clock.now();
    let open = |keys: &Keys| keys.sealer.open(purpose, sealed, now);
    provider
        .keys
        .with_newer_keys(&provider.db, &provider.clock, open)
        .await
}
