//! Proving who somebody is, by password. Only failed tries count: a try is taken before the password is looked at and
//! given back when it was right, so parallel guesses cannot all slip in.

mod line;

pub use self::line::Line;
use self::line::Turn;
use crate::{
    base::{
        digest::Digest,
        id::{BrowserSessionId, UserId},
        text::Email,
        time::Lifetime,
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

/// One try taken from the account's and the address's bucket. A caller who goes away while it is being looked at leaves
/// it taken, like a failed one.
struct Tries<'a>([Try<'a>; 2]);

impl<'a> Tries<'a> {
    async fn take(provider: &'a Provider, email: &Email, address: &str) -> Result<Self, SignInError> {
        let limits = provider.limits;
        // The address first: one that has to wait fills no table with the names of accounts.
        let address = Try::take(provider, bucket("address", address), limits.sign_in_address).await?;
        match Try::take(provider, bucket("account", &email.key()), limits.sign_in_account).await {
            Ok(account) => Ok(Self([account, address])),
            Err(error) => {
                address.give_back(provider).await?;
                Err(error)
            }
        }
    }

    async fn give_back(self, provider: &Provider) -> Result<(), StoreError> {
        for taken in self.0 {
            taken.give_back(provider).await?;
        }
        Ok(())
    }
}

/// A try taken from one bucket, until it is decided.
struct Try<'a> {
    bucket: Digest,
    limit: Limit,
    _turn: Turn<'a>,
}

impl<'a> Try<'a> {
    async fn take(provider: &'a Provider, bucket: Digest, limit: Limit) -> Result<Self, SignInError> {
        let mut turn = provider.line.step_up(bucket);
        loop {
            let (now, decided) = (provider.clock.now(), turn.decided());
            let binds = (bucket, now, limit.every.millis(), limit.ceiling(now));
            if provider.db.execute(attempts::TAKE, binds).await?.is_some() {
                turn.hold();
                return Ok(Self {
                    bucket,
                    limit,
                    _turn: turn,
                });
            }
            // Full of tries that are still being looked at? Only those that fail count.
            if !turn.wait(decided).await {
                let full = provider.db.read(attempts::FIND, (bucket,)).await?;
                let empty_at = full.map_or(now, |(at,)| at);
                return Err(SignInError::TooMany {
                    wait: limit.wait(empty_at, now),
                });
            }
        }
    }

    async fn give_back(self, provider: &Provider) -> Result<(), StoreError> {
        let binds = (self.bucket, self.limit.every.millis());
        provider.db.execute(attempts::GIVE_BACK, binds).await?;
        Ok(())
    }
}

fn bucket(kind: &str, key: &str) -> Digest {
    Digest::of(format!("{kind}\0{key}").as_bytes())
}
