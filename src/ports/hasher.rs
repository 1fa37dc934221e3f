//! Passwords by argon2id (RFC 9106) in a pool of their own: bounded workers, a bounded queue, and the same time for
//! accounts that do not exist. Token requests never come here.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{
        PasswordHasher, PasswordVerifier,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};
use tokio::sync::Semaphore;

use crate::{base::entropy::Entropy, domain::password::Password};

/// The cost of a hash and the size of the pool.
#[derive(Debug, Clone, Copy)]
pub struct HasherSettings {
    /// Memory of one hash in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
    /// How many hashes run at once.
    pub workers: usize,
    /// How many may wait; more are told to come back.
    pub queue: usize,
}

/// Who waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueuePlace {
    /// Anybody.
    Stranger,
    /// Who has proved once to have an account: a third of the queue is kept for them, rounded down.
    Known,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HasherError {
    /// The queue is full.
    #[error("too many passwords are waiting to be checked")]
    Busy,
    /// A parameter that argon2 refuses, or a stored hash that does not read.
    #[error("the password could not be hashed")]
    Broken,
}

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Whether it is the password.
    pub right: bool,
    /// Whether the hash was made with other parameters than ours and should be made anew.
    pub outdated: bool,
}

/// The pool.
#[derive(Debug)]
pub struct Hasher {
    argon2: Argon2<'static>,
    workers: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
    entropy: Arc<Entropy>,
    /// A hash that no password has, so that an unknown account costs what a known one does.
    decoy: Arc<str>,
}

impl Hasher {
    /// A pool; fails on parameters that argon2 refuses.
    pub fn new(settings: HasherSettings, entropy: Arc<Entropy>) -> Result<Self, HasherError> {
        let params = Params::new(
            settings.memory_kib,
            settings.iterations,
            settings.parallelism,
            None,
        );
        let params = params.map_err(|_| HasherError::Broken)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = decoy(&argon2, &entropy)?.into();
        let workers = Arc::new(Semaphore::new(settings.workers.max(1)));
        Ok(Self {
            argon2,
            workers,
            waiting: AtomicUsize::new(0),
            queue: settings.queue,
            entropy,
            decoy,
        })
    }

    /// The hash to store, in the PHC string format. Who gets here has just proved who they are, or is the operator.
    pub async fn hash(&self, password: Password) -> Result<String, HasherError> {
        let (argon2, salt) = (self.argon2.clone(), self.entropy.bytes::<16>());
        self.run(QueuePlace::Known, move || {
            hash(&argon2, password.expose().as_bytes(), &salt)
        })
        .await?
    }

    /// Compares with a stored hash; without one it takes as long and says no.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
        place: QueuePlace,
    ) -> Result<Verified, HasherError> {
        let (argon2, decoy) = (self.argon2.clone(), Arc::clone(&self.decoy));
        self.run(place, move || {
            let text = stored.as_deref().unwrap_or(&decoy);
            let parsed = PasswordHash::new(text).map_err(|_| HasherError::Broken)?;
            // The parameters inside the hash count, not ours.
            let right = argon2
                .verify_password(password.expose().as_bytes(), &parsed)
                .is_ok()
                && stored.is_some();
            let outdated = Params::try_from(&parsed).map_or(true, |params| {
                let ours = argon2.params();
                (params.m_cost(), params.t_cost(), params.p_cost())
                    != (ours.m_cost(), ours.t_cost(), ours.p_cost())
            });
            Ok(Verified {
                right,
                outdated: right && outdated,
            })
        })
        .await?
    }

    async fn run<T: Send + 'static>(
        &self,
        place: QueuePlace,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HasherError> {
        let places = match place {
            QueuePlace::Stranger => self.queue - self.queue / 3,
            QueuePlace::Known => self.queue,
        };
        let place = Place::take(&self.waiting, places).ok_or(HasherError::Busy)?;
        let permit = Arc::clone(&self.workers)
            .acquire_owned()
            .await
            .map_err(|_| HasherError::Broken)?;
        drop(place);
        // The worker keeps its permit to the end, also when the caller goes away.
        let work = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| HasherError::Broken)
    }
}

fn hash(argon2: &Argon2<'_>, password: &[u8], salt: &[u8]) -> Result<String, HasherError> {
    let hashed = argon2
        .hash_password_with_salt(password, salt)
        .map_err(|_| HasherError::Broken)?;
    Ok(hashed.to_string())
}

/// Made, not computed: it looks like a hash with our parameters, and comparing with it costs as much.
fn decoy(argon2: &Argon2<'_>, entropy: &Entropy) -> Result<String, HasherError> {
    let broken = |_| HasherError::Broken;
    let decoy = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).map_err(broken)?,
        salt: Some(Salt::new(&entropy.bytes::<16>()).map_err(|_| HasherError::Broken)?),
        hash: Some(Output::new(&entropy.bytes::<32>()).map_err(|_| HasherError::Broken)?),
    };
    Ok(decoy.to_string())
}

/// A place in the queue, given back when its holder goes on or goes away.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, places: usize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::SeqCst) < places).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
