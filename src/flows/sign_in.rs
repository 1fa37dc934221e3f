//! Proving who somebody is, by password. Only failed tries count: a try is taken before the password is looked at and
//! given back when it was right, so parallel guesses cannot all slip in.

use crate::{
    base::{
        digest::Digest,
        id::{BrowserSessionId, UserId},
        text::Email,
        time::{Instant, Lifetime},
    },
    domain::{limit::Limit, password::Password},
    flows::Provider,
    ports::hasher::HasherError,
    store::{
        attempts,
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

/// Checks address and password.
pub async fn by_password(provider: &Provider, credentials: Credentials) -> Result<Person, SignInError> {
    let Credentials {
        email,
        password,
        address,
    } = credentials;
    let tries = Tries::take(provider, &email, &address).await?;
    let checked = check(provider, &email, password).await;
    if !matches!(checked, Err(SignInError::Wrong)) {
        tries.give_back(provider).await?;
    }
    checked
}

async fn check(provider: &Provider, email: &Email, password: Password) -> Result<Person, SignInError> {
    let row = provider.db.read(users::FIND_FOR_SIGN_IN, (email.key(),)).await?;
    let (known, stored) = match row {
        Some((id, email, hash, version)) => (Some((id, email, version)), Some(hash)),
        None => (None, None),
    };
    let verified = provider.hasher.verify(password.clone(), stored.clone()).await?;
    let Some((id, stored_email, password_version)) = known.filter(|_| verified.right) else {
        return Err(SignInError::Wrong);
    };
    if let Some(old) = stored.filter(|_| verified.outdated) {
        let hash = provider.hasher.hash(password).await?;
        provider.db.execute(users::REHASH, (id, old, hash)).await?;
    }
    let email = stored_email
        .parse()
        .map_err(|_| StoreError::corrupt("users.email"))?;
    Ok(Person {
        id,
        email,
        password_version,
    })
}

/// One try taken from the account's and the address's bucket.
struct Tries([(Digest, Limit); 2]);

impl Tries {
    async fn take(provider: &Provider, email: &Email, address: &str) -> Result<Self, SignInError> {
        let now = provider.clock.now();
        let limits = provider.limits;
        let account = (bucket("account", &email.key()), limits.sign_in_account);
        let address = (bucket("address", address), limits.sign_in_address);
        // The address first: one that has to wait fills no table with the names of accounts.
        take(provider, address, now).await?;
        if let Err(error) = take(provider, account, now).await {
            give_back(provider, address).await?;
            return Err(error);
        }
        Ok(Self([account, address]))
    }

    async fn give_back(self, provider: &Provider) -> Result<(), StoreError> {
        for try_ in self.0 {
            give_back(provider, try_).await?;
        }
        Ok(())
    }
}

async fn take(
    provider: &Provider,
    (bucket, limit): (Digest, Limit),
    now: Instant,
) -> Result<(), SignInError> {
    let binds = (bucket, now, limit.every.millis(), limit.ceiling(now));
    if provider.db.execute(attempts::TAKE, binds).await?.is_some() {
        return Ok(());
    }
    let empty_at = provider
        .db
        .read(attempts::FIND, (bucket,))
        .await?
        .map_or(now, |(at,)| at);
    Err(SignInError::TooMany {
        wait: limit.wait(empty_at, now),
    })
}

async fn give_back(provider: &Provider, (bucket, limit): (Digest, Limit)) -> Result<(), StoreError> {
    provider
        .db
        .execute(attempts::GIVE_BACK, (bucket, limit.every.millis()))
        .await?;
    Ok(())
}

fn bucket(kind: &str, key: &str) -> Digest {
    Digest::of(format!("{kind}\0{key}").as_bytes())
}
