//! Networks of addresses, as operators write them: `10.0.0.0/8, fd00::/8` (RFC 4632, RFC 4291 section 2.3).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Networks, with commas between them; an empty text is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// Why a text names no networks. Each says what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworksError {
    /// Neither a network nor an address.
    #[error("write networks with commas between them, such as \"10.0.0.0/8, fd00::/8\"; {0:?} is none")]
    Unreadable(String),
    /// An address within a network in the place of a network.
    #[error("write {network} for the network, or {address} for the one address, instead of {address}/{}", .network.prefix_len())]
    AddressInside {
        /// The address.
        address: IpAddr,
        /// The network that it is in.
        network: IpNet,
    },
    /// A network of all addresses.
    #[error("{0} is everybody; write the networks of your own machines only")]
    Everybody(IpNet),
}

impl Networks {
    /// Whether an address is in one of them. An IPv4 address may come as IPv6 (`::ffff:10.0.0.1`).
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for Networks {
    type Err = NetworksError;

    fn from_str(text: &str) -> Result<Self, NetworksError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',').map(parse).collect::<Result<_, _>>().map(Self)
    }
}

/// One network, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether an address as it is kept of a request (`192.0.2.7`, or `2001:db8:0:1::/64` for an IPv6 network, of which one
    /// person has all addresses) is in this network, or has it within itself.
    pub fn meets(&self, kept: &str) -> bool {
        let kept = kept.parse::<IpAddr>().map(IpNet::from).or_else(|_| kept.parse());
        kept.is_ok_and(|kept: IpNet| self.0.contains(&kept) || kept.contains(&self.0))
    }
}

impl FromStr for Network {
    type Err = NetworksError;

    fn from_str(text: &str) -> Result<Self, NetworksError> {
        parse(text).map(Self)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// Whether an address is one of the public internet (IANA's registries of special-purpose addresses). What is not is this
/// machine, a private or a link-local network, many machines at once, or nobody. Addresses that carry an IPv4 address in
/// them are judged by that.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // The well-known prefix of NAT64 (RFC 6052) and 6to4 (RFC 3056).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
        // Special purposes (Teredo and others, ORCHID), documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Nothing else than this is given to anybody as a unicast address.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

fn parse(text: &str) -> Result<IpNet, NetworksError> {
    let text = text.trim();
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text
            .parse()
            .map_err(|_| NetworksError::Unreadable(text.to_owned()))?,
    };
    let network = canonical(network);
    if network.prefix_len() == 0 {
        return Err(NetworksError::Everybody(network));
    }
    if network != network.trunc() {
        return Err(NetworksError::AddressInside {
            address: network.addr(),
            network: network.trunc(),
        });
    }
    Ok(network)
}

/// A network of IPv4 addresses that was written as IPv6.
fn canonical(network: IpNet) -> IpNet {
    let length = network.prefix_len().checked_sub(96);
    match (network.addr().to_canonical(), length) {
        (IpAddr::V4(address), Some(length)) => Ipv4Net::new(address, length).map_or(network, IpNet::V4),
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<Networks>().expect_err(text).to_string()
    }

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for public in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
        ] {
            assert!(is_public(public.parse().expect(public)), "{public}");
        }
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().expect(private)), "{private}");
        }
    }

    #[test]
    fn networks_contain_their_addresses_in_every_spelling() {
        let networks: Networks = "10.0.0.0/8,192.0.2.7 , fd00::/8, ::ffff:198.51.100.0/120"
            .parse()
            .expect("valid");
        let contains = |address: &str| networks.contains(address.parse().expect(address));
        for inside in [
            "10.255.0.1",
            "::ffff:10.0.0.1",
            "192.0.2.7",
            "fd12::1",
            "198.51.100.9",
        ] {
            assert!(contains(inside), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "fe80::1", "::a00:1", "198.51.101.9"] {
            assert!(!contains(outside), "{outside}");
        }
        assert_eq!(" ".parse(), Ok(Networks::default()));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_write() {
        for text in [
            "proxy.example.com",
            "10.0.0.0/33",
            "10.0.0.0/8,",
            "10.0.0.0/8 fd00::/8",
            "10/8",
        ] {
            assert!(refused(text).contains("write networks with commas"), "{text}");
        }
        let inside =
            "write 10.0.0.0/8 for the network, or 10.1.2.3 for the one address, instead of 10.1.2.3/8";
        assert_eq!(refused("10.1.2.3/8"), inside);
        for everybody in ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "10.1.2.3/0"] {
            assert!(refused(everybody).contains("is everybody"), "{everybody}");
        }
    }
}
