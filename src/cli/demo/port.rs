//! A port for the demo's server.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, TcpListener},
};

use anyhow::Context;

/// The port that is tried first.
const USUAL: u16 = 8080;
/// How many are tried after it.
const TRIES: u16 = 100;

/// A loopback listener: on `wanted`, or on the first free port from the usual one on.
pub(super) fn bind(wanted: Option<u16>) -> anyhow::Result<(TcpListener, u16)> {
    if let Some(port) = wanted {
        return bind_to(port).with_context(|| {
            format!(
                "port {port} cannot be used; name another with --port, or leave --port out to get a free one"
            )
        });
    }
    let mut tried = (USUAL..USUAL + TRIES).map(bind_to);
    let first = tried.find_map(Result::ok);
    first.with_context(|| {
        format!(
            "no port from {USUAL} to {} is free; name one with --port",
            USUAL + TRIES - 1
        )
    })
}

fn bind_to(port: u16) -> io::Result<(TcpListener, u16)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let port = listener.local_addr()?.port();
    // A browser may take `localhost` for [::1], so nobody else may be there either.
    match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        _ => Ok((listener, port)),
    }
}
