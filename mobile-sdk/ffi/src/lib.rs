//! What other languages see of the core. Nothing here decides anything: the types are the core's own, declared once more
//! for the bindings (the compiler compares them, and a test their documentation, which goes into the bindings), and the objects
//! put a lock around it.

#![warn(missing_docs)]

mod config;
mod effect;
mod error;
mod objects;
mod outcome;
mod secret;

uniffi::setup_scaffolding!("postern_mobile");
