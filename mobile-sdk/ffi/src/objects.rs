//! The objects: synchronous, short, never calling back.

use std::sync::{Arc, Mutex};

use postern_mobile_core::{
    self as core, Answer, AuthorizeParams, Config, ConfigError, ErrorCode, ExchangeParams, Header,
    LogoutMode, Moment, NativeSso, Next, Secret, Step, StoredTokens, Token, Verdict, Want,
};

/// One app at one server.
#[derive(uniffi::Object)]
pub struct Core(core::Core);

/// An operation under way. Close it when it is over.
#[derive(uniffi::Object)]
pub struct Operation(Mutex<core::Operation>);

#[uniffi::export]
impl Operation {
    /// Goes on with what came of the last effect; without an answer at first.
    pub fn step(&self, answer: Option<Answer>, now: &Moment) -> Step {
        match self.0.lock() {
            Ok(mut operation) => operation.step(answer, now),
            // A step panicked before.
            Err(_) => Step {
                next: Next::Failed {
                    error: ErrorCode::Internal.into(),
                },
                events: Vec::new(),
            },
        }
    }
}

fn started(operation: core::Operation) -> Arc<Operation> {
    Arc::new(Operation(Mutex::new(operation)))
}

#[uniffi::export]
impl Core {
    /// Checks the configuration.
    #[uniffi::constructor]
    pub fn new(config: Config) -> Result<Arc<Self>, ConfigError> {
        Ok(Arc::new(Self(core::Core::new(config)?)))
    }

    /// Begins a sign-in: ends with `AuthorizationReady`.
    pub fn begin(&self, params: AuthorizeParams) -> Arc<Operation> {
        started(self.0.begin(params))
    }

    /// Finishes a sign-in with the URL that the browser came back to: ends with `SignedIn`.
    pub fn handle_redirect(&self, url: Secret) -> Arc<Operation> {
        started(self.0.handle_redirect(url))
    }

    /// Forgets a sign-in that the person has given up.
    pub fn cancel(&self, flow_id: String) -> Arc<Operation> {
        started(self.0.cancel(flow_id))
    }

    /// Begins a sign-in on another device: ends with `DeviceReady`.
    pub fn begin_device(&self, params: AuthorizeParams) -> Arc<Operation> {
        started(self.0.begin_device(params))
    }

    /// Waits for the other device: ends with `SignedIn`.
    pub fn poll_device(&self, flow_id: String) -> Arc<Operation> {
        started(self.0.poll_device(flow_id))
    }

    /// A token that is good for long enough: ends with `Token`. Only one at a time for each account.
    pub fn access_token(&self, account: Option<String>, want: Want) -> Arc<Operation> {
        started(self.0.access_token(account, want))
    }

    /// The same without asking anybody, where one is at hand.
    pub fn cached_token(&self, account: Option<String>, want: &Want, now: &Moment) -> Option<Token> {
        self.0.cached_token(account, want, now)
    }

    /// The headers of a request to an API: ends with `Headers`.
    pub fn authorize_request(
        &self,
        account: Option<String>,
        method: String,
        url: String,
        want: Want,
    ) -> Arc<Operation> {
        started(self.0.authorize_request(account, method, url, want))
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
        self.0.response_seen(account, url, status, headers, tries, now)
    }

    /// Signs out: ends with `Done`, also without a network.
    pub fn logout(&self, account: Option<String>, mode: LogoutMode) -> Arc<Operation> {
        started(self.0.logout(account, mode))
    }

    /// Where the browser signs the person out: ends with `Url`.
    pub fn end_session_url(
        &self,
        account: Option<String>,
        then: Option<String>,
        state: Option<String>,
    ) -> Arc<Operation> {
        started(self.0.end_session_url(account, then, state))
    }

    /// Who is signed in: ends with `Accounts`.
    pub fn accounts(&self) -> Arc<Operation> {
        started(self.0.accounts())
    }

    /// Whom `None` means from now on: ends with `Done`.
    pub fn set_default(&self, account: String) -> Arc<Operation> {
        started(self.0.set_default(account))
    }

    /// What the last ID token said: ends with `Claims`.
    pub fn id_claims(&self, account: Option<String>) -> Arc<Operation> {
        started(self.0.id_claims(account))
    }

    /// Exchanges the account's access token for one of another API: ends with `Token`.
    pub fn exchange(&self, account: Option<String>, params: ExchangeParams) -> Arc<Operation> {
        started(self.0.exchange(account, params))
    }

    /// What an app of the same maker needs to sign the person in: ends with `Shared`.
    pub fn share(&self, account: Option<String>) -> Arc<Operation> {
        started(self.0.share(account))
    }

    /// Signs the person of another app of the same maker in: ends with `SignedIn`.
    pub fn native_sso(&self, sso: NativeSso) -> Arc<Operation> {
        started(self.0.native_sso(sso))
    }

    /// Takes over, once, what another SDK has stored: ends with `SignedIn`.
    pub fn adopt(&self, tokens: StoredTokens) -> Arc<Operation> {
        started(self.0.adopt(tokens))
    }

    /// Finishes what was cut off: ends with `Done`.
    pub fn resume(&self) -> Arc<Operation> {
        started(self.0.resume())
    }
}
