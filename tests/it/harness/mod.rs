//! The actors: a server of one's own ([`Postern`]), a [`Browser`] that fills in forms, a [`Phone`] that plays the app.

mod browser;
mod follower;
mod http;
mod phone;
mod place;
mod port;
mod postern;
pub(crate) mod postgres;
pub(crate) mod proof;
mod rows;
mod small_disk;

pub(crate) use self::{
    browser::{Browser, Form, Page, Went},
    follower::{Follower, Stream},
    http::{Answer, borrowed, encode, form_post, refused, send as request},
    phone::{Phone, Tokens},
    place::Place,
    port::free_port,
    postern::{ALICE, BOB, PASSWORD, Postern, Stopped},
    proof::ProofKey,
    small_disk::SmallDisk,
};
