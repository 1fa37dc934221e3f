//! The door: what an app can start.

use std::sync::Arc;

use crate::{
    account,
    clock::Moment,
    config::{Config, ConfigError},
    device,
    effect::Header,
    end,
    error::SdkError,
    exchange,
    link::Link,
    memory::Shared,
    operation::Operation,
    outcome::{
        AuthorizeParams, ExchangeParams, LogoutMode, NativeSso, Outcome, StoredTokens, Token, Verdict, Want,
    },
    pending, redirect, refresh, resource,
    secret::Secret,
    sign_in,
    store::Host,
};

/// One app at one server. It does nothing by itself; what it knows is in the host's store, and what it keeps in memory
/// saves requests only.
///
/// `account` is the id that `SignedIn` has given; `None` is the default account.
pub struct Core {
    shared: Arc<Shared>,
}

impl Core {
    /// Checks the configuration.
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

    /// Begins a sign-in: ends with `AuthorizationReady`. What is needed to finish it is stored before.
    pub fn begin(&self, params: AuthorizeParams) -> Operation {
        self.start(|host| async move { sign_in::begin(&host, params).await })
    }

    /// Finishes a sign-in with the URL that the browser came back to, in this process or another: ends with `SignedIn`.
    pub fn handle_redirect(&self, url: Secret) -> Operation {
        self.start(|host| async move { redirect::handle(&host, &url).await })
    }

    /// Forgets a sign-in that the person has given up.
    pub fn cancel(&self, flow_id: String) -> Operation {
        self.start(|host| async move { pending::cancel(&host, &flow_id).await })
    }

    /// Begins a sign-in on another device: ends with `DeviceReady`.
    pub fn begin_device(&self, params: AuthorizeParams) -> Operation {
        self.start(|host| async move { device::begin(&host, params).await })
    }

    /// Waits for the other device: ends with `SignedIn`.
    pub fn poll_device(&self, flow_id: String) -> Operation {
        self.start(|host| async move { device::poll(&host, &flow_id).await })
    }

    /// A token that is good for long enough: ends with `Token`. A driver runs one at a time for each account, in a scope
    /// that no caller can cancel. More of them at once, also by `authorize_request` and `exchange`, cost requests and
    /// nothing else: they are to each other what other processes are.
    pub fn access_token(&self, account: Option<String>, want: Want) -> Operation {
        self.start_of_session(|host| async move { refresh::access_token(&host, account, want).await })
    }

    /// The same without asking anybody, where one is at hand.
    pub fn cached_token(&self, account: Option<String>, want: &Want, now: &Moment) -> Option<Token> {
        refresh::cached(&self.shared, account, want, now)
    }

    /// The headers of a request to an API: ends with `Headers`.
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

    /// What to do with the API's answer to the request of that many tries before (0 at first).
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

    /// Signs out: ends with `Done`, also without a network.
    pub fn logout(&self, account: Option<String>, mode: LogoutMode) -> Operation {
        self.start_of_session(|host| async move { end::logout(&host, account, mode).await })
    }

    /// Where the browser signs the person out (OpenID Connect RP-Initiated Logout): ends with `Url`.
    pub fn end_session_url(
        &self,
        account: Option<String>,
        then: Option<String>,
        state: Option<String>,
    ) -> Operation {
        self.start_of_session(|host| async move { end::end_session_url(&host, account, then, state).await })
    }

    /// Who is signed in: ends with `Accounts`.
    pub fn accounts(&self) -> Operation {
        self.start_of_session(|host| async move { account::list(&host).await })
    }

    /// Whom `None` means from now on: ends with `Done`. Another process sees it when it asks for `accounts`, or starts.
    pub fn set_default(&self, account: String) -> Operation {
        self.start_of_session(|host| async move { account::set_default(&host, &account).await })
    }

    /// What the last ID token said: ends with `Claims`.
    pub fn id_claims(&self, account: Option<String>) -> Operation {
        self.start_of_session(|host| async move { account::id_claims(&host, account).await })
    }

    /// Exchanges the account's access token for one of another API (RFC 8693): ends with `Token`.
    pub fn exchange(&self, account: Option<String>, params: ExchangeParams) -> Operation {
        self.start_of_session(|host| async move { exchange::exchange(&host, account, params).await })
    }

    /// What an app of the same maker needs to sign the person in: ends with `Shared`.
    pub fn share(&self, account: Option<String>) -> Operation {
        self.start_of_session(|host| async move { exchange::share(&host, account).await })
    }

    /// Signs the person of another app of the same maker in: ends with `SignedIn`.
    pub fn native_sso(&self, sso: NativeSso) -> Operation {
        self.start(|host| async move { exchange::native_sso(&host, sso).await })
    }

    /// Takes over, once, what another SDK has stored: ends with `SignedIn`.
    pub fn adopt(&self, tokens: StoredTokens) -> Operation {
        self.start(|host| async move { account::adopt(&host, tokens).await })
    }

    /// Finishes what was cut off: revocations that wait, sign-ins that were given up, tokens that could not be stored. At the start of the app, and when
    /// the network comes back; ends with `Done`.
    pub fn resume(&self) -> Operation {
        self.start_of_session(|host| async move { end::resume(&host).await })
    }
}
