//! The door: what an app can start.

use std::sync::Arc;

use crate::{
    access_token, account,
    clock::Moment,
    config::{Config, ConfigError},
    device,
    effect::Header,
    end,
    error::SdkError,
    exchange,
    host::Host,
    link::Link,
    memory::Shared,
    operation::Operation,
    outcome::{
        AuthorizeParams, ExchangeParams, LogoutMode, NativeSso, Outcome, StoredTokens, Token, Verdict, Want,
    },
    pending, redirect, resource, resume,
    secret::Secret,
    sign_in,
};

/// One app at one server. It does nothing by itself; what it knows is in the host's store, and what it keeps in memory
/// saves requests only.
///
/// Each function that gives an `Operation` begins one: the host steps it to its end, an `Outcome` or an `SdkError`, whose
/// `action` says what the app does. Of any operation it may be `RetryLater` (no network, the server or the store does not
/// work), `WaitForUnlock` (the device is locked), `UpdateApp` (a newer version has written the store) or `Report`; what
/// else may come is said at each.
///
/// `account` is the id that `SignedIn` has given; none is the default account.
pub struct Core {
    shared: Arc<Shared>,
}

impl Core {
    /// Checks the configuration, and does nothing else. A `ConfigError` says what is wrong with it: mend the app.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            shared: Arc::new(Shared::new(config)),
        })
    }

    fn start<F>(&self, work: impl FnOnce(Host) -> F) -> Operation
    where
        F: Future<Output = Result<Outcome, SdkError>> + Send + 'static,
    {
        let link = Link::default();
        let host = Host::new(Arc::clone(&self.shared), link.clone());
        Operation::new(link, work(host))
    }

    /// The same for what is asked of a session, which lives unless the error says `SignIn`.
    fn start_of_session<F>(&self, work: impl FnOnce(Host) -> F) -> Operation
    where
        F: Future<Output = Result<Outcome, SdkError>> + Send + 'static,
    {
        self.start(|host| {
            let work = work(host);
            async move { work.await.map_err(SdkError::of_a_session) }
        })
    }

    /// Begins a sign-in in the system browser (RFC 8252, with PKCE, RFC 7636): ends with `AuthorizationReady`. What is
    /// needed to finish it is stored before. At most five wait at once; the oldest gives way.
    ///
    /// `FixConfiguration`: the server or the configuration is not fit for what is asked for. `ContactSupport`: the server
    /// or the policy wants evidence or hardware that this device has not.
    pub fn begin(&self, params: AuthorizeParams) -> Operation {
        self.start(|host| async move { sign_in::begin(&host, params).await })
    }

    /// Finishes a sign-in with the URL that the browser came back to, in this process or another: ends with `SignedIn`. Any
    /// app can send such a URL, so it is checked (RFC 9207, RFC 9700 section 4.7): a forged one takes nothing away from a
    /// sign-in that waits.
    ///
    /// `ShowLogin`: the person or the server said no, or what came is not to be believed. Never begin again without being
    /// asked.
    pub fn handle_redirect(&self, url: Secret) -> Operation {
        self.start(|host| async move { redirect::handle(&host, &url).await })
    }

    /// Forgets a sign-in that the person has given up, by the `flow_id` of `AuthorizationReady` or `DeviceReady`: ends with
    /// `Done`, also when there is none.
    pub fn cancel(&self, flow_id: String) -> Operation {
        self.start(|host| async move { pending::cancel(&host, &flow_id).await })
    }

    /// Begins a sign-in on another device (RFC 8628 section 3.1): ends with `DeviceReady`.
    ///
    /// `FixConfiguration`: the server has no such sign-in (`NotSupported`), or not for this app.
    pub fn begin_device(&self, params: AuthorizeParams) -> Operation {
        self.start(|host| async move { device::begin(&host, params).await })
    }

    /// Waits for the other device at the server's pace (RFC 8628 section 3.5): ends with `SignedIn`. It may be dropped and
    /// begun again, also by another process.
    ///
    /// `ShowLogin`: the person said no (`AccessDenied`), or the code ran out (`DeviceCodeExpired`).
    pub fn poll_device(&self, flow_id: String) -> Operation {
        self.start(|host| async move { device::poll(&host, &flow_id).await })
    }

    /// A token that is good for long enough: ends with `Token`. It refreshes the session where it has to (RFC 6749 section 6).
    /// A driver runs one at a time for each account, in a scope that no caller can cancel. More of them at once, also by
    /// `authorize_request` and `exchange`, cost requests and nothing else: they are to each other what other processes are.
    ///
    /// `SignIn`: the session is over, or there is none. Any other error leaves it alive.
    pub fn access_token(&self, account: Option<String>, want: Want) -> Operation {
        self.start_of_session(|host| async move { access_token::access_token(&host, account, want).await })
    }

    /// What `access_token` would end with, at once and without asking anybody: none where no such token is in memory, and
    /// `access_token` has to be asked. `now` is what the clocks say.
    pub fn cached_token(&self, account: Option<String>, want: &Want, now: &Moment) -> Option<Token> {
        access_token::cached(&self.shared, account, want, now)
    }

    /// The headers of one request to an API, with a proof where the token is bound (RFC 9449 section 7): ends with `Headers`.
    /// `method` is as it is sent, such as `GET`; `url` is https, or http to this machine where that is allowed.
    ///
    /// `SignIn`: as of `access_token`. `FixConfiguration`: `method` or `url` is none (`InvalidArgument`).
    pub fn authorize_request(
        &self,
        account: Option<String>,
        method: String,
        url: String,
        want: Want,
    ) -> Operation {
        self.start_of_session(
            |host| async move { resource::authorize(&host, account, &method, &url, want).await },
        )
    }

    /// What to do with an API's answer, at once and without asking anybody. `url`, `status` and `headers` are those of the
    /// request and of its answer; `tries` says how often it was sent before, 0 at first: more than once it is not repeated.
    pub fn response_seen(
        &self,
        account: Option<String>,
        url: &str,
        status: u16,
        headers: &[Header],
        tries: u32,
        now: &Moment,
    ) -> Verdict {
        resource::seen(&self.shared, account, url, status, headers, tries, now)
    }

    /// Signs out: ends with `Done`, also without a network, and where there is no such account. What the server could not
    /// be told waits in the store for `resume` (RFC 7009).
    pub fn logout(&self, account: Option<String>, mode: LogoutMode) -> Operation {
        self.start_of_session(|host| async move { end::logout(&host, account, mode).await })
    }

    /// Where the browser signs the person out (OpenID Connect RP-Initiated Logout section 2): ends with `Url`. The session
    /// of this app is left alone. `then` is where the browser goes after it, as it is registered at the server; `state`
    /// comes back with it.
    ///
    /// `SignIn`: there is no such account. `FixConfiguration`: the server has no such page (`NotSupported`).
    pub fn end_session_url(
        &self,
        account: Option<String>,
        then: Option<String>,
        state: Option<String>,
    ) -> Operation {
        self.start_of_session(|host| async move { end::end_session_url(&host, account, then, state).await })
    }

    /// Who is signed in on this device: ends with `Accounts`, also when nobody is.
    pub fn accounts(&self) -> Operation {
        self.start_of_session(|host| async move { account::list(&host).await })
    }

    /// Which account is meant from now on where none is named: ends with `Done`. Another process sees it when it asks for
    /// `accounts`, or starts.
    ///
    /// `SignIn`: there is no such account.
    pub fn set_default(&self, account: String) -> Operation {
        self.start_of_session(|host| async move { account::set_default(&host, &account).await })
    }

    /// What the last ID token said (OpenID Connect Core section 2): ends with `Claims`. Asks no server.
    ///
    /// `SignIn`: there is no such account. `FixConfiguration`: there was no ID token (`NotSupported`).
    pub fn id_claims(&self, account: Option<String>) -> Operation {
        self.start_of_session(|host| async move { account::id_claims(&host, account).await })
    }

    /// Exchanges the account's access token for one of another API (RFC 8693 section 2): ends with `Token`, which is not kept.
    ///
    /// `SignIn`: as of `access_token`. `FixConfiguration`: the server does not exchange it, or not for this app.
    pub fn exchange(&self, account: Option<String>, params: ExchangeParams) -> Operation {
        self.start_of_session(|host| async move { exchange::exchange(&host, account, params).await })
    }

    /// What an app of the same maker needs to sign the person in (OpenID Connect Native SSO for Mobile Apps 1.0): ends with
    /// `Shared`.
    ///
    /// `SignIn`: there is no such account. `FixConfiguration`: it has no device secret (`NotSupported`): the sign-in did
    /// not ask for the scope `device_sso`, or the server has none.
    pub fn share(&self, account: Option<String>) -> Operation {
        self.start_of_session(|host| async move { exchange::share(&host, account).await })
    }

    /// Signs the person of another app of the same maker in with what that has shared: ends with `SignedIn`. The session is
    /// this app's own, with its own key.
    ///
    /// `ShowLogin`: the server says no, for one because the other app's session is over.
    pub fn native_sso(&self, sso: NativeSso) -> Operation {
        self.start(|host| async move { exchange::native_sso(&host, sso).await })
    }

    /// Takes over, once, what another SDK has stored, as a bearer session: ends with `SignedIn`. An account that is here
    /// already stays as it is.
    ///
    /// `ShowLogin`: the ID token is none of this app's. `FixConfiguration`: there is no refresh token (`InvalidArgument`).
    /// `ContactSupport`: evidence is required, which a bearer session cannot have.
    pub fn adopt(&self, tokens: StoredTokens) -> Operation {
        self.start(|host| async move { account::adopt(&host, tokens).await })
    }

    /// Finishes what was cut off: revocations that wait, sign-ins that were given up, tokens that could not be stored. To
    /// be begun at the start of the app and when the network comes back; ends with `Done`, also when some of it has to wait
    /// on.
    pub fn resume(&self) -> Operation {
        self.start_of_session(|host| async move { resume::resume(&host).await })
    }
}
