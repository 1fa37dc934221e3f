//! Ports for servers that have to be told theirs.

use std::{
    net::TcpListener,
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the ports that the kernel gives to outgoing connections: one of those could be taken while the server that had
/// it is stopped, and who connects to it meanwhile could even meet itself.
const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// A port that nobody has, and that no other test of this process gets.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(process::id() * 101 % u32::from(COUNT)).expect("it is below a port");
    loop {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (offset + own) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
