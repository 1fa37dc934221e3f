//! The database does not grow: what is over is deleted, and nothing that lives.

mod deletion;
mod month;
mod nodes;
