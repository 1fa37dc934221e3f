//! APIs that follow the stream of the real program, by the crate that APIs use: what has ended is refused, whatever
//! happens to the nodes, the database, the network and the APIs themselves.

mod api;
mod arrives;
mod commits;
mod latency;
mod lost;
mod stopped;
mod world;

use self::{
    api::Api,
    world::{Session, World},
};
use crate::durability::surely;
