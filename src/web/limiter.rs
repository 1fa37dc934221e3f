//! Counts failed token requests per address, in this process: bounded, and free for requests that are right. Each node
//! counts for itself: what is guessed here is too long to be found, so the limit only keeps the noise down.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    base::time::{Instant, Lifetime},
    domain::limit::Limit,
};

/// So many addresses are told apart. When all of them have failed lately, a failure of one more is not counted: a bound
/// on memory must not become a way to shut out addresses that have done nothing.
const MAX_ADDRESSES: usize = 10_000;

/// Buckets by address.
#[derive(Debug)]
pub(super) struct Limiter {
    limit: Limit,
    buckets: Mutex<HashMap<String, Instant>>,
}

impl Limiter {
    /// A limiter without history.
    pub(super) fn new(limit: Limit) -> Self {
        Self {
            limit,
            buckets: Mutex::new(HashMap::new()),
        }
    }

    /// Counts a failure. Once the bucket is full it says how long to wait: the failure itself is then told no more than
    /// that. Requests that are right are never counted and never wait, whoever else is behind their address.
    pub(super) fn count(&self, address: &str, now: Instant) -> Result<(), Lifetime> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(address) {
            buckets.retain(|_, empty_at| *empty_at > now);
            if buckets.len() >= MAX_ADDRESSES {
                return Ok(());
            }
        }
        let empty_at = self.limit.take(buckets.get(address).copied(), now)?;
        buckets.insert(address.to_owned(), empty_at);
        Ok(())
    }
}
