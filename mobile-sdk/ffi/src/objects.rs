//! The objects: synchronous, short, never calling back.

use std::sync::{Arc, Mutex};

use postern_mobile_core::{
    self as core, Answer, AuthorizeParams, Config, ConfigError, ErrorCode, ExchangeParams, Header,
    LogoutMode, Moment, NativeSso, Next, Secret, Step, StoredTokens, Token, Verdict, Want,
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
#[derive(uniffi::Object)]
pub struct Core(core::Core);

/// An operation under way. It is closed when it is over; to close it before loses nothing: what matters is in the store.
#[derive(uniffi::Object)]
pub struct Operation(Mutex<core::Operation>);

#[uniffi::export]
impl Operation {
    /// Goes on with what came of the last effect, without an answer at first, and never blocks. An answer that was taken
    /// already changes nothing and gets the present step again, without its events; one of a step that never was fails with
    /// `OutOfOrder`.
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
    /// Checks the configuration, and does nothing else. A `ConfigError` says what is wrong with it: mend the app.
    #[uniffi::constructor]
    pub fn new(config: Config) -> Result<Arc<Self>, ConfigError> {
        Ok(Arc::new(Self(core::Core::new(config)?)))
    }

    /// Begins a sign-in in the system browser (RFC 8252, with PKCE, RFC 7636): ends with `AuthorizationReady`. What is
    /// needed to finish it is stored before. At most five wait at once; the oldest gives way.
    ///
    /// `FixConfiguration`: the server or the configuration is not fit for what is asked for. `ContactSupport`: the server
    /// or the policy wants evidence or hardware that this device has not.
    pub fn begin(&self, params: AuthorizeParams) -> Arc<Operation> {
        started(self.0.begin(params))
    }

    /// Finishes a sign-in with the URL that the browser came back to, in this process or another: ends with `SignedIn`. Any
    /// app can send such a URL, so it is checked (RFC 9207, RFC 9700 section 4.7): a forged one takes nothing away from a
    /// sign-in that waits.
    ///
    /// `ShowLogin`: the person or the server said no, or what came is not to be believed. Never begin again without being
    /// asked.
    pub fn handle_redirect(&self, url: Secret) -> Arc<Operation> {
        started(self.0.handle_redirect(url))
    }

    /// Forgets a sign-in that the person has given up, by the `flow_id` of `AuthorizationReady` or `DeviceReady`: ends with
    /// `Done`, also when there is none.
    pub fn cancel(&self, flow_id: String) -> Arc<Operation> {
        started(self.0.cancel(flow_id))
    }

    /// Begins a sign-in on another device (RFC 8628 section 3.1): ends with `DeviceReady`.
    ///
    /// `FixConfiguration`: the server has no such sign-in (`NotSupported`), or not for this app.
    pub fn begin_device(&self, params: AuthorizeParams) -> Arc<Operation> {
        started(self.0.begin_device(params))
    }

    /// Waits for the other device at the server's pace (RFC 8628 section 3.5): ends with `SignedIn`. It may be dropped and
    /// begun again, also by another process.
    ///
    /// `ShowLogin`: the person said no (`AccessDenied`), or the code ran out (`DeviceCodeExpired`).
    pub fn poll_device(&self, flow_id: String) -> Arc<Operation> {
        started(self.0.poll_device(flow_id))
    }

    /// A token that is good for long enough: ends with `Token`. It refreshes the session where it has to (RFC 6749 section 6).
    /// A driver runs one at a time for each account, in a scope that no caller can cancel. More of them at once, also by
    /// `authorize_request` and `exchange`, cost requests and nothing else: they are to each other what other processes are.
    ///
    /// `SignIn`: the session is over, or there is none. Any other error leaves it alive.
    pub fn access_token(&self, account: Option<String>, want: Want) -> Arc<Operation> {
        started(self.0.access_token(account, want))
    }

    /// What `access_token` would end with, at once and without asking anybody: none where no such token is in memory, and
    /// `access_token` has to be asked. `now` is what the clocks say.
    pub fn cached_token(&self, account: Option<String>, want: &Want, now: &Moment) -> Option<Token> {
        self.0.cached_token(account, want, now)
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
    ) -> Arc<Operation> {
        started(self.0.authorize_request(account, method, url, want))
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
        self.0.response_seen(account, url, status, headers, tries, now)
    }

    /// Signs out: ends with `Done`, also without a network, and where there is no such account. What the server could not
    /// be told waits in the store for `resume` (RFC 7009).
    pub fn logout(&self, account: Option<String>, mode: LogoutMode) -> Arc<Operation> {
        started(self.0.logout(account, mode))
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
    ) -> Arc<Operation> {
        started(self.0.end_session_url(account, then, state))
    }

    /// Who is signed in on this device: ends with `Accounts`, also when nobody is.
    pub fn accounts(&self) -> Arc<Operation> {
        started(self.0.accounts())
    }

    /// Which account is meant from now on where none is named: ends with `Done`. Another process sees it when it asks for
    /// `accounts`, or starts.
    ///
    /// `SignIn`: there is no such account.
    pub fn set_default(&self, account: String) -> Arc<Operation> {
        started(self.0.set_default(account))
    }

    /// What the last ID token said (OpenID Connect Core section 2): ends with `Claims`. Asks no server.
    ///
    /// `SignIn`: there is no such account. `FixConfiguration`: there was no ID token (`NotSupported`).
    pub fn id_claims(&self, account: Option<String>) -> Arc<Operation> {
        started(self.0.id_claims(account))
    }

    /// Exchanges the account's access token for one of another API (RFC 8693 section 2): ends with `Token`, which is not kept.
    ///
    /// `SignIn`: as of `access_token`. `FixConfiguration`: the server does not exchange it, or not for this app.
    pub fn exchange(&self, account: Option<String>, params: ExchangeParams) -> Arc<Operation> {
        started(self.0.exchange(account, params))
    }

    /// What an app of the same maker needs to sign the person in (OpenID Connect Native SSO for Mobile Apps 1.0): ends with
    /// `Shared`.
    ///
    /// `SignIn`: there is no such account. `FixConfiguration`: it has no device secret (`NotSupported`): the sign-in did
    /// not ask for the scope `device_sso`, or the server has none.
    pub fn share(&self, account: Option<String>) -> Arc<Operation> {
        started(self.0.share(account))
    }

    /// Signs the person of another app of the same maker in with what that has shared: ends with `SignedIn`. The session is
    /// this app's own, with its own key.
    ///
    /// `ShowLogin`: the server says no, for one because the other app's session is over.
    pub fn native_sso(&self, sso: NativeSso) -> Arc<Operation> {
        started(self.0.native_sso(sso))
    }

    /// Takes over, once, what another SDK has stored, as a bearer session: ends with `SignedIn`. An account that is here
    /// already stays as it is.
    ///
    /// `ShowLogin`: the ID token is none of this app's. `FixConfiguration`: there is no refresh token (`InvalidArgument`).
    /// `ContactSupport`: evidence is required, which a bearer session cannot have.
    pub fn adopt(&self, tokens: StoredTokens) -> Arc<Operation> {
        started(self.0.adopt(tokens))
    }

    /// Finishes what was cut off: revocations that wait, sign-ins that were given up, tokens that could not be stored. To
    /// be begun at the start of the app and when the network comes back; ends with `Done`, also when some of it has to wait
    /// on.
    pub fn resume(&self) -> Arc<Operation> {
        started(self.0.resume())
    }
}
