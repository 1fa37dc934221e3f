//! `[passwords]`: what a password hash costs, and how many are made at once.

use std::{num::NonZero, thread};

use super::reader::Reader;
use crate::ports::hasher::HasherSettings;

/// Cost and pool of the argon2id hashes (RFC 9106).
#[derive(Debug, Clone, Copy)]
pub struct PasswordsConfig {
    /// Memory of one hash in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
    /// How many hashes are made at once; never 0.
    pub workers: usize,
    /// How many may wait.
    pub queue: usize,
}

impl PasswordsConfig {
    /// For the pool.
    pub fn hasher(&self) -> HasherSettings {
        let Self {
            memory_kib,
            iterations,
            parallelism,
            workers,
            queue,
        } = *self;
        HasherSettings {
            memory_kib,
            iterations,
            parallelism,
            workers,
            queue,
        }
    }

    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let memory_kib = reader.within("passwords.memory_kib", LEAST_MEMORY..=1_048_576);
        let iterations = reader.within("passwords.iterations", 1..=100);
        let parallelism = reader.within("passwords.parallelism", 1..=16);
        let workers = reader.within("passwords.workers", 0..=1024);
        let queue = reader.within("passwords.queue", 1..=100_000);
        let (memory_kib, iterations) = (memory_kib?, iterations?);
        if let Err(hint) = strong_enough(memory_kib, iterations) {
            reader.refuse(
                "passwords.memory_kib",
                "this makes stolen hashes too cheap to try",
                hint,
            );
        }
        Some(Self {
            memory_kib,
            iterations,
            parallelism: parallelism?,
            workers: workers.map(|workers| if workers == 0 { spare_cores() } else { workers })?,
            queue: queue?,
        })
    }
}

/// Iterations and the least memory for them that the OWASP password storage cheat sheet calls equally strong.
const STRONG_ENOUGH: [(u32, u32); 5] = [
    (1, 47_104),
    (2, 19_456),
    (3, 12_288),
    (4, 9_216),
    (5, LEAST_MEMORY),
];
const LEAST_MEMORY: u32 = 7_168;

fn strong_enough(memory_kib: u32, iterations: u32) -> Result<(), String> {
    let row = STRONG_ENOUGH.iter().rev().find(|(at, _)| *at <= iterations);
    let needed = row.map_or(u32::MAX, |(_, memory)| *memory);
    let pairs = STRONG_ENOUGH
        .map(|(iterations, memory)| format!("{memory} with {iterations}"))
        .join(", ");
    if memory_kib >= needed {
        return Ok(());
    }
    Err(format!(
        "write at least {needed} with {iterations} passwords.iterations (OWASP's least: {pairs} or more)"
    ))
}

/// All cores but one, which stays for the requests that need no password.
fn spare_cores() -> usize {
    thread::available_parallelism()
        .map_or(1, NonZero::get)
        .saturating_sub(1)
        .max(1)
}
