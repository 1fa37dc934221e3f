//! Networks of addresses, as operators write them: `10.0.0.0/8, fd00::/8` (RFC 4632, RFC 4291 section 2.3).

use std::{net::IpAddr, str::FromStr};

use ipnet::{IpNet, Ipv4Net};

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
