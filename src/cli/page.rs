//! What every list of a command has: where it goes on, and how long a page is.

use clap::Args;

use crate::base::page::MAX_PAGE;

/// A page of a list.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Limit {
    /// How many rows at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=MAX_PAGE))]
    limit: i64,
}

impl Limit {
    /// How many rows to show.
    pub(super) fn shown(self) -> i64 {
        self.limit
    }

    /// How many to ask for: one more tells whether there are more.
    pub(super) fn asked(self) -> i64 {
        self.limit + 1
    }
}
