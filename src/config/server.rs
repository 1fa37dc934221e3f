//! `[server]`: addresses, time limits and appearance of the HTTP server.

mod private;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use self::private::Chosen;
pub use self::private::PrivateConfig;
use super::{
    reader::Reader,
    setting::{Raw, Setting, parse_text},
};
use crate::{
    base::{
        network::Networks,
        text::DisplayName,
        time::Lifetime,
        url::{HttpsUrl, HttpsUrlError, Issuer},
    },
    domain::policy::Links,
};

/// The HTTP server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The address on which it accepts connections.
    pub listen: SocketAddr,
    /// The URL under which browsers and apps reach it: the issuer of its tokens.
    pub public_url: Issuer,
    /// The proxies before it, which say where requests come from.
    pub trusted_proxies: Networks,
    /// The private listener.
    pub private: Option<PrivateConfig>,
    /// What pages call the service.
    pub service_name: DisplayName,
    /// How many connections may be open at once.
    pub max_connections: usize,
    /// How long a client may take to send a request's header.
    pub header_timeout: Lifetime,
    /// How long a request may take.
    pub request_timeout: Lifetime,
    /// How long requests may go on after the server was told to stop.
    pub shutdown_timeout: Lifetime,
    /// A folder whose templates replace the built-in ones.
    pub templates: Option<PathBuf>,
    /// Pages about the service.
    pub links: Links,
}

impl ServerConfig {
    pub(super) fn read(reader: &mut Reader, data: &Path) -> Option<Self> {
        let timeout = Lifetime::from_secs(1)..=Lifetime::from_secs(600);
        let listen = reader.get("server.listen");
        let public_url = reader.get("server.public_url");
        let trusted_proxies = reader.get("server.trusted_proxies");
        let private = Chosen::read(reader);
        let service_name = reader.get("server.service_name");
        let max_connections = reader.within("server.max_connections", 1..=1_000_000);
        let header_timeout = reader.within("server.header_timeout", timeout.clone());
        let request_timeout = reader.within("server.request_timeout", timeout.clone());
        let shutdown_timeout = reader.within("server.shutdown_timeout", timeout);
        let templates = reader.checked("server.templates", |folder: &String| is_folder(data, folder));
        let service_documentation = reader.get("server.service_documentation");
        let op_policy_uri = reader.get("server.op_policy_uri");
        let op_tos_uri = reader.get("server.op_tos_uri");
        let links = || {
            let (Link(service_documentation), Link(op_policy_uri), Link(op_tos_uri)) =
                (service_documentation?, op_policy_uri?, op_tos_uri?);
            Some(Links {
                service_documentation,
                op_policy_uri,
                op_tos_uri,
            })
        };
        Some(Self {
            links: links()?,
            listen: listen?,
            public_url: public_url?,
            trusted_proxies: trusted_proxies?,
            private: private?.0,
            service_name: service_name?,
            max_connections: max_connections?,
            header_timeout: header_timeout?,
            request_timeout: request_timeout?,
            shutdown_timeout: shutdown_timeout?,
            templates: templates.map(|folder| (!folder.is_empty()).then(|| data.join(folder)))?,
        })
    }
}

/// The address of a page, or none.
struct Link(Option<HttpsUrl>);

impl Setting for Link {
    fn parse(raw: Raw<'_>) -> Result<Self, String> {
        parse_text(raw, |text| {
            let link = (!text.is_empty()).then(|| text.parse()).transpose();
            link.map(Self)
                .map_err(|error: HttpsUrlError| format!("{error}; \"\" is none"))
        })
    }
}

fn is_folder(data: &Path, folder: &str) -> Result<(), String> {
    let path = data.join(folder);
    if folder.is_empty() || path.is_dir() {
        return Ok(());
    }
    Err(format!(
        "write the path of a folder, or \"\" for none; {} is no folder",
        path.display()
    ))
}
