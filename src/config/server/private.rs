//! `server.private_*`: the private listener.

use std::net::SocketAddr;

use crate::{
    base::{
        network::Networks,
        url::{Issuer, IssuerError},
    },
    config::{
        reader::Reader,
        setting::{Raw, Setting, parse_text},
    },
};

/// The private listener.
#[derive(Debug, Clone)]
pub struct PrivateConfig {
    /// The address on which it accepts connections.
    pub listen: SocketAddr,
    /// The URL under which admins reach it.
    pub url: Issuer,
    /// Who may ask anything of it.
    pub allow: Networks,
}

/// The settings of the private listener; `Some(None)` is none.
pub(super) fn read(reader: &mut Reader) -> Option<Option<PrivateConfig>> {
    let listen = reader.get("server.private_listen");
    let url = reader.get("server.private_url");
    let allow = reader.get("server.private_allow");
    let (Listen(listen), Url(url), allow) = (listen?, url?, allow?);
    let Some(listen) = listen else {
        return Some(None);
    };
    let url = url.map_or_else(|| format!("http://{listen}").parse(), Ok);
    match url {
        Ok(url) => Some(Some(PrivateConfig { listen, url, allow })),
        Err(_) => {
            let hint = "write the https URL under which admins reach server.private_listen: its address is not \
                        this machine's own";
            reader.refuse("server.private_url", "this is needed", hint.to_owned());
            None
        }
    }
}

/// An address, or none.
struct Listen(Option<SocketAddr>);

impl Setting for Listen {
    fn parse(raw: Raw<'_>) -> Result<Self, String> {
        if let Raw::Text("") | Raw::Untyped("") = raw {
            return Ok(Self(None));
        }
        let address = SocketAddr::parse(raw).map_err(|hint| format!("{hint}; \"\" is none"))?;
        Ok(Self(Some(address)))
    }
}

/// A URL, or none.
struct Url(Option<Issuer>);

impl Setting for Url {
    fn parse(raw: Raw<'_>) -> Result<Self, String> {
        parse_text(raw, |text| {
            let url = (!text.is_empty()).then(|| text.parse()).transpose();
            url.map(Self)
                .map_err(|error: IssuerError| format!("{error}; \"\" is none"))
        })
    }
}
