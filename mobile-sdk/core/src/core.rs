//! The door: what an app can start.



use crate::{
    clock::Moment,
    config::{Config, ConfigError},
    effect::Header,
    error::SdkError,
    link::Link,
    operation::Operation,
    outcome::{AuthorizeParams, ExchangeParams, LogoutMode, NativeSso, StoredTokens, Token, Verdict, Want},
    secret::Secret,
};

/// One app at one server. It does nothing by itself; what it knows is in the host's store, and what it keeps in memory
/// saves requests only.
///
/// `account` is the id that `SignedIn` has given; `None` is the default account.
pub struct Core {
    config: Config,
}

impl Core {
    /// Checks the configuration.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
        })
    }

    fn start(&self) -> Operation { Operation::new(Link::default(), async { Err(crate::ErrorCode::Internal.into()) }) }

    /// Begins a sign-in: ends with `AuthorizationReady`. What is needed to finish it is stored before.
    pub fn begin(&self, params: AuthorizeParams) -> Operation {
        self.start()
    }

    /// Finishes a sign-in with the URL that the browser came back to, in this process or another: ends with `SignedIn`.
    pub fn handle_redirect(&self, url: Secret) -> Operation {
        self.start()
    }

    /// Forgets a sign-in that the person has given up.
    pub fn cancel(&self, flow_id: String) -> Operation {
        self.start()
    }

    /// Begins a sign-in on another device: ends with `DeviceReady`.
    pub fn begin_device(&self, params: AuthorizeParams) -> Operation {
        self.start()
    }

    /// Waits for the other device: ends with `SignedIn`.
    pub fn poll_device(&self, flow_id: String) -> Operation {
        self.start()
    }

    /// A token that is good for long enough: ends with `Token`. Only one at a time for each account, in a scope that no
    /// caller can cancel.
    pub fn access_token(&self, account: Option<String>, want: Want) -> Operation {
        self.start()
    }

    /// The same without asking anybody, where one is at hand.
    pub fn cached_token(&self, account: Option<String>, want: &Want, now: &Moment) -> Option<Token> {
        None
    }

    /// The headers of a request to an API: ends with `Headers`.
    pub fn authorize_request(&self, account: Option<String>, method: String, url: String, want: Want) -> Operation {
        self.start()
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
        Verdict::Pass
    }

    /// Signs out: ends with `Done`, also without a network.
    pub fn logout(&self, account: Option<String>, mode: LogoutMode) -> Operation {
        self.start()
    }

    /// Where the browser signs the person out (OpenID Connect RP-Initiated Logout): ends with `Url`.
    pub fn end_session_url(&self, account: Option<String>, then: Option<String>, state: Option<String>) -> Operation {
        self.start()
    }

    /// Who is signed in: ends with `Accounts`.
    pub fn accounts(&self) -> Operation {
        self.start()
    }

    /// Whom `None` means from now on: ends with `Done`.
    pub fn set_default(&self, account: String) -> Operation {
        self.start()
    }

    /// What the last ID token said: ends with `Claims`.
    pub fn id_claims(&self, account: Option<String>) -> Operation {
        self.start()
    }

    /// Exchanges the account's access token for one of another API (RFC 8693): ends with `Token`.
    pub fn exchange(&self, account: Option<String>, params: ExchangeParams) -> Operation {
        self.start()
    }

    /// What an app of the same maker needs to sign the person in: ends with `Shared`.
    pub fn share(&self, account: Option<String>) -> Operation {
        self.start()
    }

    /// Signs the person of another app of the same maker in: ends with `SignedIn`.
    pub fn native_sso(&self, sso: NativeSso) -> Operation {
        self.start()
    }

    /// Takes over, once, what another SDK has stored: ends with `SignedIn`.
    pub fn adopt(&self, tokens: StoredTokens) -> Operation {
        self.start()
    }

    /// Finishes what was cut off: revocations that wait, sign-ins that were given up. At the start of the app, and when
    /// the network comes back; ends with `Done`.
    pub fn resume(&self) -> Operation {
        self.start()
    }
}
