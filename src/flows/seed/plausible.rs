//! Rows that look as if people had made them over the last months.
//!
//! Ids are in the order of their times, so that tables are filled at their end. Nothing is so old that the server's
//! sweep would delete it soon: benchmarks would measure that.

use crate::{
    base::{
        digest::Digest,
        entropy::Entropy,
        id::{BrowserSessionId, ClientId, DeviceSessionId, EventId, UserId},
        time::{Instant, Lifetime},
    },
    domain::{
        authorization_details::AuthorizationDetails,
        browser_session::Authentication,
        claims::AskedClaims,
        client::{ClientKind, ClientSettings},
        device_session::{Grant, Life},
        ending::Reason,
        event::{Event, EventLine, EventRecord, Subject},
        policy::Lifetimes,
        scope::ScopeSet,
    },
    flows::Provider,
    store::seed::{BrowserSessionRow, ConsentRow, EventRow, SessionRow, UserRow},
};

/// What people call themselves.
const FIRST: [&str; 8] = [
    "Alice", "Bruno", "Chiara", "Elif", "Grace", "Hiroshi", "João", "Priya",
];
const LAST: [&str; 8] = [
    "Almeida", "Demir", "Eriksson", "García", "Kowalski", "Nakamura", "Okafor", "Patel",
];
/// What browsers say they are.
const DEVICES: [&str; 4] = [
    "Safari on iPhone",
    "Chrome on Android",
    "Firefox on Android",
    "Safari on Mac",
];
/// Versions that apps say they are, some more often than others.
const VERSIONS: [&str; 4] = ["3.2.0", "3.2.0", "3.1.4", "2.9.1"];
const REDIRECT_URI: &str = "http://127.0.0.1/callback";
const SCOPE: &str = "openid profile email offline_access";
/// Without `offline_access`: the session ends with its browser's.
const SHORT_SCOPE: &str = "openid profile email";
const CODE: Lifetime = Lifetime::from_secs(60);
/// The newest sessions were opened within this time; only those can be `granted`, which nothing is for long.
const LATELY: Lifetime = Lifetime::from_secs(30 * 60);
/// One in so many is one of them.
const ONE_IN_NEWEST: u64 = 1000;
/// One in so many has ended, within the day, since what ended earlier is deleted.
const ONE_IN_ENDED: u64 = 100;

/// Makes the rows.
pub(super) struct Plausible<'a> {
    /// How many people.
    pub(super) users: u64,
    /// How many browser sessions.
    pub(super) browsers: u64,
    /// How many device sessions.
    pub(super) sessions: u64,
    entropy: &'a Entropy,
    lifetimes: Lifetimes,
    now: Instant,
    apps: Vec<ClientId>,
    scope: ScopeSet,
    short_scope: ScopeSet,
    people: Vec<UserId>,
    signed_in: Vec<SignedIn>,
}

/// A browser session, as a device session needs it.
#[derive(Clone, Copy)]
struct SignedIn {
    id: BrowserSessionId,
    user: u64,
    expires_at: Instant,
}

/// What such an app may do.
pub(super) fn settings() -> ClientSettings {
    ClientSettings {
        redirect_uris: REDIRECT_URI.parse().into_iter().collect(),
        scope: scope(SCOPE),
        ..ClientSettings::new(ClientKind::Native)
    }
}

fn scope(text: &str) -> ScopeSet {
    text.parse().unwrap_or_default()
}

impl<'a> Plausible<'a> {
    /// For so many people and sessions of these apps.
    pub(super) fn new(provider: &'a Provider, apps: Vec<ClientId>, users: u64, sessions: u64) -> Self {
        Self {
            users,
            browsers: sessions.div_ceil(10),
            sessions,
            entropy: &provider.entropy,
            lifetimes: provider.lifetimes,
            now: provider.clock.now(),
            apps,
            scope: scope(SCOPE),
            short_scope: scope(SHORT_SCOPE),
            people: Vec::new(),
            signed_in: Vec::new(),
        }
    }

    /// A person; each a little later than the one before, and all before the first session.
    pub(super) fn user(&mut self, n: u64, address: String) -> UserRow {
        let begin = self.first_session();
        let created_at = spread(begin.minus(Lifetime::from_days(180)), begin, n, self.users);
        let id = UserId::new(created_at, self.entropy);
        self.people.push(id);
        UserRow {
            id,
            email_key: address.clone(),
            email: address,
            name: format!("{} {}", self.one_of(&FIRST), self.one_of(&LAST)),
            created_at,
            updated_at: created_at,
        }
    }

    /// What a person has allowed: their apps.
    pub(super) fn consents(&self, user: &UserRow, n: u64) -> Vec<ConsentRow> {
        let allowed = |place| ConsentRow {
            user_id: user.id,
            client_id: self.app(n, place),
            scope: self.scope.to_string(),
            updated_at: user.created_at,
        };
        (0..apps_of(n)).map(allowed).collect()
    }

    /// A browser session of which at least half a life is left.
    pub(super) fn browser_session(&mut self, n: u64) -> BrowserSessionRow {
        let created_at = spread(self.first_browser_session(), self.now, n, self.browsers);
        let id = BrowserSessionId::new(created_at, self.entropy);
        let user = self.below(self.users);
        let expires_at = created_at.plus(self.lifetimes.browser_session_absolute);
        self.signed_in.push(SignedIn { id, user, expires_at });
        let Authentication { acr, amr, .. } = Authentication::by_password(created_at);
        BrowserSessionRow {
            id,
            digest: self.digest(),
            user_id: self.person(user),
            auth_time: created_at,
            acr,
            amr: amr.join(" "),
            label: self.one_of(&DEVICES).to_owned(),
            created_at,
            last_seen_at: self.lately(created_at, self.lifetimes.browser_session_idle),
            expires_at,
        }
    }

    /// A device session.
    pub(super) fn session(&self, n: u64) -> SessionRow {
        let granted_at = self.granted_at(n);
        let origin = self.origin(granted_at);
        let with_browser = origin.filter(|_| n.is_multiple_of(20));
        let granted = self.granted(granted_at, origin, with_browser);
        if n + self.newest() >= self.sessions && n.is_multiple_of(2) {
            return granted;
        }
        let rotated_at = self.lately(granted_at, self.lifetimes.device_session_idle);
        let ended_at = n
            .is_multiple_of(ONE_IN_ENDED)
            .then(|| self.lately(rotated_at, Lifetime::from_days(2)));
        SessionRow {
            state: if ended_at.is_some() { "ended" } else { "active" },
            // An app that is used refreshes a few times a day.
            generation: 1 + rotated_at.since(granted_at).seconds() / 20_000,
            rotated_at,
            handle_digest: Some(self.digest()),
            activated_at: Some(granted_at),
            ended_at,
            end_reason: ended_at.map(|_| Reason::SignedOut.as_str()),
            app_version: Some(self.one_of(&VERSIONS)),
            // For documentation (RFC 5737): nobody's.
            address: Some(format!("198.51.100.{}", self.below(256))),
            ..granted
        }
    }

    /// One that no app has redeemed yet.
    fn granted(&self, at: Instant, origin: Option<SignedIn>, with_browser: Option<SignedIn>) -> SessionRow {
        let user = origin.map_or_else(|| self.below(self.users), |origin| origin.user);
        let expires_at = at.plus(self.lifetimes.device_session_absolute);
        let Authentication { auth_time, acr, amr } = Authentication::by_password(at);
        let grant = Grant {
            scope: with_browser.map_or(&self.scope, |_| &self.short_scope).clone(),
            resource: None,
            resources: Vec::new(),
            authorization_details: AuthorizationDetails::default(),
            claims: AskedClaims::default(),
            nonce: None,
            auth_time,
            acr,
            amr,
            proved: false,
        };
        let gone = || BrowserSessionId::new(at, self.entropy);
        SessionRow {
            id: DeviceSessionId::new(at, self.entropy),
            user_id: self.person(user),
            client_id: self.app(user, self.below(apps_of(user))),
            browser_session_id: origin.map_or_else(gone, |origin| origin.id),
            life: with_browser.map_or(Life::Own, |_| Life::WithBrowser).as_str(),
            state: "granted",
            generation: 0,
            rotated_at: at,
            retries: 0,
            handle_digest: None,
            grant_json: serde_json::to_string(&grant).unwrap_or_default(),
            code_digest: self.digest(),
            code_expires_at: at.plus(CODE),
            redirect_uri: REDIRECT_URI.to_owned(),
            challenge: self.digest(),
            device: self.one_of(&DEVICES).to_owned(),
            granted_at: at,
            activated_at: None,
            expires_at: with_browser.map_or(expires_at, |origin| origin.expires_at),
            ended_at: None,
            end_reason: None,
            app_version: None,
            address: None,
        }
    }

    /// The event that tells of a session, when its app redeemed its code.
    pub(super) fn opened(&self, session: &SessionRow) -> Option<EventRow> {
        let at = session.activated_at?;
        let own = session.life == Life::Own.as_str();
        let event = Event::SessionOpened {
            scope: if own { &self.scope } else { &self.short_scope }.clone(),
            device: session.device.clone(),
        };
        let record = EventRecord {
            id: EventId::new(at, self.entropy),
            at,
            subject: Subject::default(),
            actor: None,
            event,
        };
        let line = EventLine::of(&record).ok()?;
        Some(EventRow {
            id: line.id,
            at,
            kind: line.kind,
            user_id: session.user_id,
            client_id: session.client_id.clone(),
            session_id: session.id,
            data: serde_json::to_string(&line.data).ok()?,
        })
    }

    /// Half a life ago.
    fn first_session(&self) -> Instant {
        self.now.minus(half(self.lifetimes.device_session_absolute))
    }

    fn first_browser_session(&self) -> Instant {
        self.now.minus(half(self.lifetimes.browser_session_absolute))
    }

    fn newest(&self) -> u64 {
        self.sessions.div_ceil(ONE_IN_NEWEST)
    }

    fn granted_at(&self, n: u64) -> Instant {
        let lately = self.now.minus(LATELY);
        let older = self.sessions - self.newest();
        if n < older {
            spread(self.first_session(), lately, n, older)
        } else {
            spread(lately, self.now, n - older, self.newest())
        }
    }

    /// A browser session that was there already; those of long ago are gone.
    fn origin(&self, at: Instant) -> Option<SignedIn> {
        let begin = self.first_browser_session();
        let passed = u64::try_from(at.since(begin).millis()).ok()?;
        let all = u64::try_from(self.now.since(begin).millis()).ok()?.max(1);
        let before = self.browsers.checked_mul(passed)? / all;
        let chosen = (before > 0).then(|| self.below(before))?;
        self.signed_in.get(usize::try_from(chosen).ok()?).copied()
    }

    /// A time since `begin` from which half of `idle` is left; most of them are near.
    fn lately(&self, begin: Instant, idle: Lifetime) -> Instant {
        let most = half(idle).min(self.now.since(begin));
        let most = u64::try_from(most.millis()).unwrap_or(0) + 1;
        let ago = self.below(self.below(most) + 1);
        self.now
            .minus(Lifetime::from_millis(i64::try_from(ago).unwrap_or(0)))
    }

    fn person(&self, user: u64) -> UserId {
        pick(&self.people, user)
    }

    /// One of a person's apps.
    fn app(&self, user: u64, place: u64) -> ClientId {
        pick(&self.apps, user + place)
    }

    fn one_of(&self, all: &[&'static str]) -> &'static str {
        pick(all, self.below(all.len() as u64))
    }

    /// A random number; that some are a little likelier does not matter here.
    fn below(&self, end: u64) -> u64 {
        u64::from_le_bytes(self.entropy.bytes()) % end.max(1)
    }

    fn digest(&self) -> Digest {
        Digest::of(&self.entropy.bytes::<16>())
    }
}

/// How many apps a person uses.
fn apps_of(user: u64) -> u64 {
    1 + user % 3
}

/// The `n`th, where the first follows the last again.
fn pick<T: Clone>(all: &[T], n: u64) -> T {
    let place = n % all.len() as u64;
    all[usize::try_from(place).unwrap_or(0)].clone()
}

fn half(life: Lifetime) -> Lifetime {
    Lifetime::from_millis(life.millis() / 2)
}

/// The time of the `n`th of so many, one after another from `begin` to `end`.
fn spread(begin: Instant, end: Instant, n: u64, of: u64) -> Instant {
    let span = i128::from(end.since(begin).millis());
    let passed = span * i128::from(n) / i128::from(of.max(1));
    begin.plus(Lifetime::from_millis(i64::try_from(passed).unwrap_or(0)))
}
