//! Paging by key: a list goes on after the last id that was seen, never by counting rows.

use serde::{Deserialize, Serialize};

/// How many rows a page may have.
pub const MAX_PAGE: i64 = 1000;

/// One page of a list, and where the next one begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows, in the order of their keys.
    pub items: Vec<T>,
    /// The key of the last row when there are more; pass it as `after`.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Cuts `limit + 1` fetched rows to a page; `key` names the last one kept.
    pub fn cut(mut rows: Vec<T>, limit: i64, key: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(key) } else { None };
        Self { items: rows, next }
    }
}
