//! The database by itself.

mod contract;
mod crash;
mod disk_full;
mod group_commit;
mod migrations;
mod plans;
mod scratch;
mod statements;
