//! `server.private_*`: the private listener.

use std::net::SocketAddr;

use crate::{
    base::{
        network::Networks,
        url::{Issuer, IssuerError, RedirectUri},
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

/// The private listener as it is set, if it is.
#[derive(Debug)]
pub(super) struct Chosen(pub(super) Option<PrivateConfig>);

impl Chosen {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let listen = reader.get("server.private_listen");
        let url = reader.get("server.private_url");
        let allow = reader.get("server.private_allow");
        let (Listen(listen), Url(url), allow) = (listen?, url?, allow?);
        let Some(listen) = listen else {
            return Some(Self(None));
        };
        let url = url.map_or_else(|| format!("http://{listen}").parse(), Ok);
        let Ok(url) = url else {
            let hint = "write the https URL under which admins reach server.private_listen: its address is not this \
                        machine's own";
            reader.refuse("server.private_url", "this is needed", hint.to_owned());
            return None;
        };
        if Issuer::at(&url, "/").parse::<RedirectUri>().is_err() {
            let hint = "write http://127.0.0.1 or http://[::1] instead of a name, or an https URL";
            reader.refuse("server.private_url", "this value cannot be used", hint.to_owned());
            return None;
        }
        Some(Self(Some(PrivateConfig { listen, url, allow })))
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
