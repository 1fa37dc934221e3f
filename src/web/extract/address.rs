//! Where a request came from, as limits, events and session lists know it: an IPv4 address, or an IPv6 network of 64
//! bits (one person has them all).
//!
//! Behind a proxy it is what `X-Forwarded-For` says, as far as proxies that the operator trusts have written it. The
//! header `Forwarded` (RFC 7239) is not read: few proxies write it, and one that adds to the one header hands the other
//! on as its client made it up. `X-Forwarded-Proto` and `X-Forwarded-Host` are not needed: what a browser calls this
//! server is the setting `server.public_url`, whatever a request says.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
};

use axum::extract::{ConnectInfo, Request};
use http::{Extensions, HeaderMap};

use crate::base::network::Networks;

/// The address of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address(IpAddr);

const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl Address {
    /// As the outermost layer found it.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self(NOWHERE))
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

/// The proxies whose word counts.
#[derive(Debug)]
pub(crate) struct Proxies {
    trusted: Networks,
    /// Whether the log says already that others send the header too.
    told: AtomicBool,
}

const HEADER: &str = "x-forwarded-for";

/// So many entries of the header are looked at, from the last: no chain of proxies is as long.
const MAX_HOPS: usize = 16;

impl Proxies {
    /// Trusts the proxies in these networks.
    pub(crate) fn new(trusted: Networks) -> Self {
        Self {
            trusted,
            told: AtomicBool::new(false),
        }
    }

    /// The very address that a request came from; nothing when a proxy passed it on whose word does not count.
    pub(crate) fn source(&self, request: &Request) -> Option<IpAddr> {
        let peer = peer(request);
        if self.trusted.contains(peer) {
            return Some(self.behind(peer, request.headers()));
        }
        let passed_on = [HEADER, "forwarded"]
            .iter()
            .any(|name| request.headers().contains_key(*name));
        (!passed_on).then_some(peer)
    }

    /// Where a request came from.
    pub(crate) fn client(&self, request: &Request) -> Address {
        let peer = peer(request);
        if self.trusted.contains(peer) {
            return self.behind(peer, request.headers()).into();
        }
        if request.headers().contains_key(HEADER) && !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "{peer} sends X-Forwarded-For and is no trusted proxy, so its requests count as its own; if it is your \
                 proxy, set server.trusted_proxies = \"{peer}\" (said once)"
            );
        }
        peer.into()
    }

    /// Each proxy adds whom it heard at the end, so the header is read from there, across trusted proxies, to the first
    /// address that is none: what stands before it is only what that one said. Where an entry does not read, the last
    /// good one counts.
    fn behind(&self, proxy: IpAddr, headers: &HeaderMap) -> IpAddr {
        // Several lines are one list, and empty entries are none (RFC 9110 sections 5.3 and 5.6.1).
        let lines = headers.get_all(HEADER).into_iter().rev();
        let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        let mut client = proxy;
        for entry in entries.take(MAX_HOPS).map(<[u8]>::trim_ascii) {
            if entry.is_empty() {
                continue;
            }
            let Some(address) = read(entry) else { break };
            client = address;
            if !self.trusted.contains(client) {
                break;
            }
        }
        client
    }
}

/// Who is at the other end of the connection.
fn peer(request: &Request) -> IpAddr {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map_or(NOWHERE, |ConnectInfo(socket)| socket.ip().to_canonical())
}

/// An address, with or without port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn read(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse::<IpAddr>();
    let address = address.or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    Some(address.ok()?.to_canonical())
}
