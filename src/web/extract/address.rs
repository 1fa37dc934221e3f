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

impl Address {
    /// Of a request of which nobody knows.
    pub(crate) const NOWHERE: Self = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

    /// As the outermost layer found it.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self::NOWHERE)
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

/// No chain of proxies is longer.
const MAX_HOPS: usize = 16;
/// So many entries of the header are looked at, from the last, empty ones too.
const MAX_ENTRIES: usize = 64;

impl Proxies {
    /// Trusts the proxies in these networks.
    pub(crate) fn new(trusted: Networks) -> Self {
        Self {
            trusted,
            told: AtomicBool::new(false),
        }
    }

    /// The very address that a request came from; nothing when a proxy passed it on whose word does not count, or cannot be
    /// read.
    pub(crate) fn source(&self, request: &Request) -> Option<IpAddr> {
        let peer = peer(request);
        if self.trusted.contains(peer) {
            return self.behind(peer, request.headers()).ok();
        }
        let passed_on = [HEADER, "forwarded"]
            .iter()
            .any(|name| request.headers().contains_key(*name));
        (!passed_on).then_some(peer)
    }

    /// Where a request came from.
    pub(crate) fn client(&self, request: &Request) -> Result<Address, Unreadable> {
        let peer = peer(request);
        if self.trusted.contains(peer) {
            return self.behind(peer, request.headers()).map(Address::from);
        }
        if request.headers().contains_key(HEADER) && !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "{peer} sends X-Forwarded-For and is no trusted proxy, so its requests count as its own; if it is your \
                 proxy, set server.trusted_proxies = \"{peer}\" (said once)"
            );
        }
        Ok(peer.into())
    }

    /// Each proxy adds whom it heard at the end, so the header is read from there, across trusted proxies, to the first
    /// address that is none: what stands before it is only what that one said. An entry that does not read is nobody: to
    /// take the proxy before it in its place would give a stranger what is allowed to that.
    fn behind(&self, proxy: IpAddr, headers: &HeaderMap) -> Result<IpAddr, Unreadable> {
        if !headers.contains_key(HEADER) {
            return Ok(proxy);
        }
        let unreadable = |entry: &[u8]| Unreadable {
            proxy,
            entry: String::from_utf8_lossy(entry).chars().take(64).collect(),
        };
        // Several lines are one list, and empty entries are none (RFC 9110 sections 5.3 and 5.6.1).
        let lines = headers.get_all(HEADER).into_iter().rev();
        let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        let entries = entries.map(<[u8]>::trim_ascii).take(MAX_ENTRIES);
        let mut client = None;
        for (hop, entry) in entries.filter(|entry| !entry.is_empty()).enumerate() {
            let address = read(entry).filter(|_| hop < MAX_HOPS);
            let address = address.ok_or_else(|| unreadable(entry))?;
            if !self.trusted.contains(address) {
                return Ok(address);
            }
            client = Some(address);
        }
        client.ok_or_else(|| unreadable(b""))
    }
}

/// A trusted proxy passed a request on, and nobody can read from whom.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a request was refused: it came through {proxy}, which server.trusted_proxies names, and {entry:?} in its X-Forwarded-For is \
     no address, or one too many; the proxy has to add the address of its client there"
)]
pub(crate) struct Unreadable {
    proxy: IpAddr,
    entry: String,
}

/// Who is at the other end of the connection.
fn peer(request: &Request) -> IpAddr {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map_or(Address::NOWHERE.0, |ConnectInfo(socket)| {
        socket.ip().to_canonical()
    })
}

/// An address, with or without port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn read(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse::<IpAddr>();
    let address = address.or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    Some(address.ok()?.to_canonical())
}
