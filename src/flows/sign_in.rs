//! Proving who somebody is, by password. Only failed tries count: a try is taken before the password is looked at and
//! given back when it was right, so parallel guesses cannot all slip in.

mod known_browser;
mod line;
mod tries;

use std::{panic::resume_unwind, sync::Arc};

use tracing::Instrument;

use self::tries::{Tries, bucket};
pub use self::{known_browser::KnownBrowser, line::Line};
use crate::{
    base::{
        id::{BrowserSessionId, UserId},
        text::Email,
        time::Lifetime,
    },
    domain::password::Password,
    flows::{Provider, audit::count_failure},
    ports::hasher::{HasherError, QueuePlace},
    store::{
        error::StoreError,
        users::{self, Asking},
    },
};

/// What a person typed.
#[derive(Debug)]
pub struct Credentials {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: Password,
    /// Where the request came from: an IPv4 address or an IPv6 network.
    pub address: String,
    /// Who signed in before in the browser that asks.
    pub known_browser: Option<KnownBrowser>,
}

/// Who proved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user.
    pub id: UserId,
    /// The address that they sign in with.
    pub email: Email,
    /// The version of the password that they proved. Checking takes time: what they proved counts only as long as it is
    /// still the password.
    pub password_version: i64,
}

impl Person {
    /// As the one who asks for a change of their password in a browser session.
    pub fn asking_in(&self, browser_session: BrowserSessionId) -> Asking {
        Asking {
            version: self.password_version,
            browser_session,
        }
    }

    /// The same person after that change: who chose a password knows it.
    #[must_use]
    pub fn with_new_password(&self) -> Self {
        Self {
            password_version: self.password_version + 1,
            ..self.clone()
        }
    }
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown address or wrong password: the same answer after the same time.
    #[error("the address or the password is not right")]
    Wrong,
    /// Too many failed tries.
    #[error("too many failed tries")]
    TooMany {
        /// How long until the next one is looked at.
        wait: Lifetime,
    },
    /// The password pool's.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks address and password. Who goes away meanwhile is counted all the same: a wrong guess costs a try, heard or not.
pub async fn by_password(provider: &Arc<Provider>, credentials: Credentials) -> Result<Person, SignInError> {
    let Credentials {
        email,
        password,
        address,
        known_browser,
    } = credentials;
    let account = Account::find(provider, &email).await?;
    let known_as = known_browser.zip(account.as_ref());
    let known_as = known_as.filter(|(browser, account)| browser.knows(account.id, account.password_version));
    let limits = provider.limits;
    let (place, buckets) = match known_as {
        // Not by address: strangers behind the same one would make it wait, and its own bucket bounds it.
        Some((browser, account)) => (
            QueuePlace::Known,
            vec![bucket(
                "browser",
                &browser.bucket(account.id),
                limits.sign_in_account,
            )],
        ),
        // The address first: one that has to wait fills no table with the names of accounts.
        None => (
            QueuePlace::Stranger,
            vec![
                bucket("address", &address, limits.sign_in_address),
                bucket("account", &email.key(), limits.sign_in_account),
            ],
        ),
    };
    let user = account.as_ref().map(|account| account.id);
    let tries = Tries::take(provider, buckets).await?;
    let provider = Arc::clone(provider);
    to_its_end(async move {
        let checked = check(&provider, account, password, place).await;
        match checked {
            Err(SignInError::Wrong) => {
                tries.count();
                // It is only known now that it failed: the statement that took the try could not have counted it.
                if let Err(error) = count_failure(&provider, user, &address).await {
                    tracing::warn!(%error, "a failed sign-in is not in the audit trail");
                }
            }
            _ => tries.give_back().await,
        }
        checked
    })
    .await
}

/// What is compared with.
struct Account {
    id: UserId,
    email: String,
    hash: String,
    password_version: i64,
}

impl Account {
    async fn find(provider: &Provider, email: &Email) -> Result<Option<Self>, StoreError> {
        let row = provider.db.read(users::FIND_FOR_SIGN_IN, (email.key(),)).await?;
        Ok(row.map(|(id, email, hash, password_version)| Self {
            id,
            email,
            hash,
            password_version,
        }))
    }
}

async fn check(
    provider: &Provider,
    account: Option<Account>,
    password: Password,
    place: QueuePlace,
) -> Result<Person, SignInError> {
    let stored = account.as_ref().map(|account| account.hash.clone());
    let verified = provider.hasher.verify(password.clone(), stored, place).await?;
    let Some(account) = account.filter(|_| verified.right) else {
        return Err(SignInError::Wrong);
    };
    if verified.outdated {
        let hash = provider.hasher.hash(password).await?;
        let binds = (account.id, account.hash, hash);
        provider.db.execute(users::REHASH, binds).await?;
    }
    let email = account
        .email
        .parse()
        .map_err(|_| StoreError::corrupt("users.email"))?;
    Ok(Person {
        id: account.id,
        email,
        password_version: account.password_version,
    })
}

/// Runs on when its caller goes away.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, SignInError>> + Send + 'static,
) -> Result<T, SignInError> {
    let ended = tokio::spawn(work.in_current_span()).await;
    ended.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Err(StoreError::Unavailable("the server is stopping".to_owned()).into()),
    })
}
