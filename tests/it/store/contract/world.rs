//! People, apps and sessions, made in one line each.

use std::collections::BTreeSet;

use postern::{
    base::{
        digest::Digest,
        entropy::Entropy,
        id::{BrowserSessionId, ClientId, ClientSecretId, DeviceSessionId, EventId, UserId},
        time::{Instant, Lifetime},
    },
    domain::{
        authorization_details::AuthorizationDetails,
        binding::Thumbprint,
        browser_session::{Authentication, BrowserSession},
        claims::AskedClaims,
        client::{Client, ClientKind, ClientSettings},
        device_session::{Grant, Life, State},
        ending::{Ending, Reason},
        event::{Event, EventRecord, Subject},
        user::User,
    },
    store::{
        browser_sessions::OpenBrowserSession,
        clients::AddClient,
        db::{Db, Statement},
        device_sessions::{self, Allow, RedeemCode, Redeemed, RepeatSince, UsedSince},
        ending::{EndSessions, Ended},
        events, revocations,
        users::AddUser,
    },
};

pub(crate) const REDIRECT: &str = "http://127.0.0.1/callback";
/// When everything happens, unless a test says otherwise.
pub(crate) const NOW: i64 = 1_790_000_000_000;

pub(crate) struct World {
    pub(crate) db: Db,
    entropy: Entropy,
}

/// This many seconds after [`NOW`].
pub(crate) fn at(seconds: i64) -> Instant {
    Instant::from_millis(NOW + seconds * 1000)
}

/// The digest of what is only ever the same for the same text.
pub(crate) fn digest<T: ToString + ?Sized>(of: &T) -> Digest {
    Digest::of(of.to_string().as_bytes())
}

impl World {
    pub(crate) fn new(db: Db) -> Self {
        let entropy = Entropy::seeded(1);
        Self { db, entropy }
    }

    pub(crate) fn event(&self, event: Event) -> EventRecord {
        EventRecord {
            id: EventId::new(at(0), &self.entropy),
            at: at(0),
            subject: Subject::default(),
            actor: None,
            event,
        }
    }

    pub(crate) fn new_user(&self, email: &str) -> AddUser {
        let user = User {
            id: UserId::new(at(0), &self.entropy),
            email: email.parse().expect("an address"),
            name: Some("A person".parse().expect("a name")),
            created_at: at(0),
            updated_at: at(0),
            disabled_at: None,
            role: None,
        };
        let event = self.event(Event::UserCreated {
            email: user.email.clone(),
        });
        let hash = format!("hash of {email}");
        AddUser { user, hash, event }
    }

    pub(crate) async fn user(&self, email: &str) -> UserId {
        let user = self.new_user(email);
        let id = user.user.id;
        self.db.write(user).await.expect("added");
        id
    }

    pub(crate) fn new_client(&self, id: &str) -> AddClient {
        let client = Client {
            id: id.parse().expect("a client id"),
            name: "Notes".parse().expect("a name"),
            settings: ClientSettings {
                redirect_uris: vec![REDIRECT.parse().expect("valid")],
                scope: "openid offline_access".parse().expect("valid"),
                ..ClientSettings::new(ClientKind::Native)
            },
            created_at: at(0),
            disabled_at: None,
        };
        AddClient {
            event: self.event(Event::client_added(&client)),
            client,
            secret: None,
        }
    }

    pub(crate) async fn client(&self, id: &str) -> ClientId {
        self.db.write(self.new_client(id)).await.expect("added");
        id.parse().expect("a client id")
    }

    /// A sign-in; the cookie's digest is that of `cookie`.
    pub(crate) fn sign_in(
        &self,
        id: BrowserSessionId,
        user: UserId,
        cookie: &str,
        when: Instant,
    ) -> OpenBrowserSession {
        OpenBrowserSession {
            session: BrowserSession {
                id,
                user,
                email: "unused@example.com".parse().expect("an address"),
                authentication: Authentication::by_password(when),
                last_seen_at: when,
                expires_at: when.plus(Lifetime::from_days(30)),
            },
            label: "Firefox".to_owned(),
            cookie: digest(cookie),
            password_version: 1,
            event: self.event(Event::SignedIn {
                amr: vec!["pwd".to_owned()],
                again: false,
                browser: None,
            }),
        }
    }

    pub(crate) fn secret_id(&self) -> ClientSecretId {
        ClientSecretId::new(at(0), &self.entropy)
    }

    pub(crate) fn browser_id(&self) -> BrowserSessionId {
        BrowserSessionId::new(at(0), &self.entropy)
    }

    pub(crate) async fn browser(&self, user: UserId) -> BrowserSessionId {
        let id = self.browser_id();
        let opened = self
            .db
            .write(self.sign_in(id, user, &id.to_string(), at(0)))
            .await;
        assert!(opened.expect("answered"));
        id
    }

    /// The press of Allow for a new session.
    pub(crate) fn allow(
        &self,
        user: UserId,
        client: &ClientId,
        browser: BrowserSessionId,
        life: Life,
    ) -> Allow {
        let id = DeviceSessionId::new(at(0), &self.entropy);
        Allow {
            id,
            user,
            client: client.clone(),
            browser_session: browser,
            origin: Some(browser),
            life,
            grant: Grant {
                scope: "openid".parse().expect("valid"),
                resource: None,
                resources: Vec::new(),
                authorization_details: AuthorizationDetails::default(),
                claims: AskedClaims::default(),
                nonce: Some("n".to_owned()),
                auth_time: at(0),
                acr: "aal1".to_owned(),
                amr: vec!["pwd".to_owned()],
                proved: false,
            },
            key: None,
            code: digest(&format!("code {id}")),
            code_expires_at: at(60),
            redirect_uri: REDIRECT.to_owned(),
            challenge: digest("verifier"),
            device: "Firefox".to_owned(),
            now: at(0),
            expires_at: at(0).plus(Lifetime::from_days(365)),
            consent: None,
            pushed_request: None,
        }
    }

    /// A redemption that is right in everything.
    pub(crate) fn redeem(&self, id: DeviceSessionId, client: &ClientId) -> RedeemCode {
        RedeemCode {
            id,
            code: digest(&format!("code {id}")),
            client: client.clone(),
            redirect_uri: Some(REDIRECT.to_owned()),
            challenge: digest("verifier"),
            key: None,
            binds: None,
            device_secret: None,
            handle: digest(&format!("handle {id}")),
            now: at(1),
            event: self.event(Event::UserDisabled).id,
            address: None,
            app_version: None,
        }
    }

    pub(crate) async fn granted(
        &self,
        user: UserId,
        client: &ClientId,
        browser: BrowserSessionId,
        life: Life,
    ) -> DeviceSessionId {
        let allow = self.allow(user, client, browser, life);
        let id = allow.id;
        assert!(self.db.write(allow).await.expect("answered"));
        id
    }

    pub(crate) async fn active(
        &self,
        user: UserId,
        client: &ClientId,
        browser: BrowserSessionId,
        life: Life,
    ) -> DeviceSessionId {
        let id = self.granted(user, client, browser, life).await;
        let redeemed = self.db.write(self.redeem(id, client)).await.expect("answered");
        assert_eq!(redeemed.expect("redeemed").user_id, user);
        id
    }

    /// Hangs a session under another, as Native SSO does.
    pub(crate) async fn hang(&self, id: DeviceSessionId, under: DeviceSessionId) {
        const HANG: Statement<(DeviceSessionId, DeviceSessionId), ()> = Statement::new(
            "UPDATE device_sessions SET parent_id = $2, browser_session_id = NULL WHERE id = $1",
        );
        let _: Option<()> = self.db.execute(HANG, (id, under)).await.expect("hung");
    }

    pub(crate) fn end_of(&self, ending: Ending) -> EndSessions {
        EndSessions {
            ending,
            reason: Reason::EndedByOperator,
            now: at(10),
            until: at(1000),
            event: EventId::new(at(10), &self.entropy),
            subject: Subject::default(),
            actor: None,
            note: None,
        }
    }

    pub(crate) async fn end(&self, ending: Ending) -> Ended {
        self.db
            .write(self.end_of(ending))
            .await
            .expect("answered")
            .count()
    }

    pub(crate) async fn is_ended(&self, id: DeviceSessionId) -> bool {
        let found = device_sessions::find(&self.db, id).await.expect("answered");
        matches!(found.expect("a row").session.state, State::Ended { .. })
    }

    /// Which of these are ended, by their place.
    pub(crate) async fn ended(&self, ids: &[DeviceSessionId]) -> Vec<usize> {
        let mut ended = Vec::new();
        for (place, id) in ids.iter().enumerate() {
            if self.is_ended(*id).await {
                ended.push(place);
            }
        }
        ended
    }

    /// The sessions that resource servers are told to refuse.
    pub(crate) async fn revoked(&self) -> BTreeSet<DeviceSessionId> {
        let rows = self
            .db
            .read_all(revocations::LIST, (at(999),))
            .await
            .expect("read");
        rows.into_iter()
            .filter(|row| row.0 == "session")
            .map(|row| DeviceSessionId::from_bytes(row.1.try_into().expect("sixteen bytes")))
            .collect()
    }

    pub(crate) async fn count_events(&self, kind: &str) -> usize {
        let rows = self.db.read_all(events::LIST, (1000,)).await.expect("read");
        rows.iter().filter(|row| row.2 == kind).count()
    }

    /// A refresh at `now`: idle for a day, repeated within a minute.
    pub(crate) async fn rotate(
        &self,
        id: DeviceSessionId,
        client: &ClientId,
        generation: i64,
        key: Option<Thumbprint>,
        now: Instant,
    ) -> Option<Redeemed> {
        self.rotate_with(id, &format!("handle {id}"), client, generation, key, now)
            .await
    }

    pub(crate) async fn rotate_with(
        &self,
        id: DeviceSessionId,
        handle: &str,
        client: &ClientId,
        generation: i64,
        key: Option<Thumbprint>,
        now: Instant,
    ) -> Option<Redeemed> {
        let (idle, repeat) = (
            UsedSince(now.minus(Lifetime::from_days(1))),
            RepeatSince(now.minus(Lifetime::from_secs(60))),
        );
        let binds = (
            id,
            digest(handle),
            client.clone(),
            generation,
            key,
            now,
            idle,
            repeat,
            None,
            None,
        );
        self.db
            .execute(device_sessions::ROTATE, binds)
            .await
            .expect("answered")
    }

    /// The generation of an active session, and when it was made.
    pub(crate) async fn generation(&self, id: DeviceSessionId) -> (i64, Instant) {
        let found = device_sessions::find(&self.db, id)
            .await
            .expect("answered")
            .expect("a row");
        match found.session.state {
            State::Active {
                generation,
                rotated_at,
                ..
            } => (generation.to_i64(), rotated_at),
            other => panic!("{other:?}"),
        }
    }
}
