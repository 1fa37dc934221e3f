//! A device session: one installation of one app, signed in for one user; and what a presented refresh token means.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        digest::Digest,
        id::{BrowserSessionId, ClientId, DeviceSessionId, UserId},
        time::{Instant, Lifetime},
        url::Resource,
    },
    domain::{
        authorization_details::AuthorizationDetails,
        binding::{Binding, Proof},
        claims::AskedClaims,
        refresh_token::Generation,
        scope::ScopeSet,
    },
};

/// The row of a device session, as a decision needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSession {
    /// Its id: the `sid` claim.
    pub id: DeviceSessionId,
    /// Whose it is.
    pub user: UserId,
    /// Which app's.
    pub client: ClientId,
    /// The browser session from which it was opened: an origin, not an owner. None for a device, which was only allowed
    /// in one (RFC 8628).
    pub origin: Option<BrowserSessionId>,
    /// Whether it outlives that browser session.
    pub life: Life,
    /// What its refresh token is bound to.
    pub binding: Binding,
    /// When it ends at the latest.
    pub expires_at: Instant,
    /// Where it stands.
    pub state: State,
}

/// Whether a device session ends with the browser session that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// It lives until it is ended by name, or expires (`offline_access`).
    Own,
    /// It ends with its browser session.
    WithBrowser,
}

impl Life {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::WithBrowser => "with_browser",
        }
    }

    /// The life with this word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Own, Self::WithBrowser]
            .into_iter()
            .find(|life| life.as_str() == text)
    }
}

/// `granted > active > ended`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Allowed by the person, not redeemed by the app: no device yet.
    Granted {
        /// When its code expires.
        code_expires_at: Instant,
    },
    /// The app holds a refresh token.
    Active {
        /// Digest of the handle that all its refresh tokens carry.
        handle: Digest,
        /// The generation of the newest refresh token.
        generation: Generation,
        /// When that generation was made.
        rotated_at: Instant,
    },
    /// Over; nothing revives it.
    Ended {
        /// Since when.
        at: Instant,
    },
}

/// What the person allowed; fixed when the session is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The scopes.
    pub scope: ScopeSet,
    /// The API that the access tokens are for when a request names none; the issuer itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// The other APIs that a token request may name (RFC 8707 section 2.2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    /// What it may do in finer grain (RFC 9396).
    #[serde(default, skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
    /// The claims that the client asked for by name.
    #[serde(default, skip_serializing_if = "AskedClaims::is_empty")]
    pub claims: AskedClaims,
    /// The client's `nonce`, for the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// When the person proved who they are.
    pub auth_time: Instant,
    /// How well (OpenID Connect Core section 2).
    pub acr: String,
    /// By what means (RFC 8176).
    pub amr: Vec<String>,
    /// Whether they did that for the very request that opened the session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub proved: bool,
}

impl Grant {
    /// The APIs that the person allowed.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.resource.iter().chain(&self.resources)
    }
}

/// What a client presents to refresh: a token whose MAC was right, and the proof, if any, already checked.
#[derive(Debug, Clone)]
pub struct PresentedRefreshToken<'a> {
    /// The authenticated client.
    pub client: &'a ClientId,
    /// Digest of the token's handle.
    pub handle: Digest,
    /// The token's generation.
    pub generation: Generation,
    /// The DPoP proof.
    pub proof: Option<Proof>,
}

/// The times by which a refresh is judged.
#[derive(Debug, Clone, Copy)]
pub struct RefreshRules {
    /// How long after a rotation a lost refresh may be repeated by a bearer session.
    pub retry_window: Lifetime,
    /// How long a session lives without a refresh.
    pub idle: Lifetime,
    /// Whether refresh tokens stay when they are used: of clients that authenticate.
    pub keep: bool,
}

/// What a presented refresh token means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The newest one: rotate.
    Rotate,
    /// The one before: its answer was lost. The same successor again.
    Retry,
    /// Any that was issued: it stays, since its client authenticates.
    Keep,
    /// Newer than the row: the database went back. Go on from the token.
    FastForward,
    /// Refused; the session is not touched.
    Refuse(Refusal),
    /// Used again when it cannot be a mistake: the session ends (RFC 9700 section 4.14.2).
    Reuse,
}

/// Why a refresh is refused while the session goes on (or is long over).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such row, or one whose code was never redeemed in this database.
    Unknown,
    /// Ended before.
    Ended,
    /// Its idle or absolute life is over.
    Expired,
    /// Another client's.
    ForeignClient,
    /// The session is bound to a key and nobody proved it.
    ProofMissing,
    /// The proof is of another key.
    ForeignKey,
    /// A right MAC with a wrong handle: the MAC key may be stolen.
    Forged,
    /// A bound process that slept while others rotated: it proves the key, and proved it early enough.
    SlowProcess,
}

/// From when on a session is not refreshed any more: it was not used for `idle`, or its own end has come.
pub fn lives_until(rotated_at: Instant, idle: Lifetime, expires_at: Instant) -> Instant {
    expires_at.min(rotated_at.plus(idle))
}

impl DeviceSession {
    /// What `presented` means for this session, in the order of checks that nothing may change: every check before
    /// the generation refuses and touches nothing.
    pub fn judge(&self, presented: &PresentedRefreshToken<'_>, rules: RefreshRules, now: Instant) -> Verdict {
        let (handle, generation, rotated_at) = match self.state {
            State::Granted { .. } => return Verdict::Refuse(Refusal::Unknown),
            State::Ended { .. } => return Verdict::Refuse(Refusal::Ended),
            State::Active {
                handle,
                generation,
                rotated_at,
            } => (handle, generation, rotated_at),
        };
        if lives_until(rotated_at, rules.idle, self.expires_at) <= now {
            return Verdict::Refuse(Refusal::Expired);
        }
        if self.client != *presented.client {
            return Verdict::Refuse(Refusal::ForeignClient);
        }
        let proved_at = match (self.binding, presented.proof) {
            // A client that authenticates is bound by that, and its keys may change (RFC 9449 section 5).
            _ if rules.keep => None,
            (Binding::Bearer, _) => None,
            (Binding::Key(_), None) => return Verdict::Refuse(Refusal::ProofMissing),
            (Binding::Key(key), Some(proof)) if key != proof.key => {
                return Verdict::Refuse(Refusal::ForeignKey);
            }
            (Binding::Key(_), Some(proof)) => Some(proof.made_at),
        };
        if handle != presented.handle {
            return Verdict::Refuse(Refusal::Forged);
        }
        if rules.keep && presented.generation <= generation {
            return Verdict::Keep;
        }
        let window_ends = rotated_at.plus(rules.retry_window);
        let predecessor = presented.generation.successor() == generation;
        match (presented.generation.cmp(&generation), proved_at) {
            (Ordering::Equal, _) => Verdict::Rotate,
            (Ordering::Greater, _) => Verdict::FastForward,
            (Ordering::Less, Some(_)) if predecessor => Verdict::Retry,
            (Ordering::Less, None) if predecessor && now <= window_ends => Verdict::Retry,
            (Ordering::Less, Some(made_at)) if made_at <= window_ends => {
                Verdict::Refuse(Refusal::SlowProcess)
            }
            (Ordering::Less, _) => Verdict::Reuse,
        }
    }
}
