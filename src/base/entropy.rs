//! The source of random bytes: the system's, or a seeded one that makes a test repeatable. (What libraries draw by
//! themselves is not from here: signing keys, nonces of seals, the ids that tower-sessions puts into cookies.)

use std::sync::{Mutex, PoisonError};

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Where random bytes come from; passed to whatever needs some.
#[derive(Debug)]
pub struct Entropy(Source);

#[derive(Debug)]
enum Source {
    System,
    Seeded(Box<Mutex<StdRng>>),
}

impl Entropy {
    /// The operating system's randomness, through a generator that reseeds itself from it.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// The same bytes for the same seed. For tests only.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Box::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// `N` random bytes, fit for keys.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place where randomness enters")]
            Source::System => rand::rng().fill_bytes(&mut bytes),
            Source::Seeded(rng) => rng
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .fill_bytes(&mut bytes),
        }
        bytes
    }
}
