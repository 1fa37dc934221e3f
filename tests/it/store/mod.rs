//! The database by itself.

mod contract;
mod crash;
mod disk_full;
mod group_commit;
mod migrations;
mod scratch;
mod statements;
