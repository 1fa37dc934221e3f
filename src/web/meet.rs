//! Clients whose id is the address of their metadata become known when they are first heard of.

use axum::response::Response;

use crate::{
    base::time::Lifetime,
    domain::oauth_error::OAuthError,
    flows::{client_metadata, registration::RegistrationError},
    store::error::StoreError,
    web::{
        Shared, Site,
        error::{oauth_json, oauth_page, store_json, store_page, too_many, too_many_page},
        extract::{address::Address, session::Visitor},
    },
};

/// Why a client is not known that has a document.
pub(super) enum NotMet {
    Refused(OAuthError),
    Wait(Lifetime),
    Store(StoreError),
}

impl NotMet {
    /// What a program is told; what it sent wrong is counted for its address.
    pub(super) fn json(self, site: &Site, address: Address) -> Response {
        match self {
            Self::Refused(error) => site.count_failure(address, oauth_json(&error)),
            Self::Wait(wait) => too_many(wait),
            Self::Store(error) => store_json(&error),
        }
    }

    /// What a person sees.
    pub(super) fn page(self, site: &Shared, visitor: &Visitor) -> Response {
        match self {
            Self::Refused(error) => oauth_page(site, &visitor.request_id, &error),
            Self::Wait(wait) => too_many_page(site, &visitor.request_id, wait),
            Self::Store(error) => store_page(site, &visitor.request_id, &error),
        }
    }
}

impl Site {
    /// Makes a client known whose id is the address of its metadata. What that costs for strangers is counted by address.
    pub(super) async fn meet(&self, id: &str, address: Address) -> Result<(), NotMet> {
        let provider = &self.provider;
        if client_metadata::is_stranger(provider, id) {
            let counted = self
                .registrations
                .count(&address.to_string(), provider.clock.now());
            counted.map_err(NotMet::Wait)?;
        }
        let met = client_metadata::meet(provider, id, Some(address.to_string())).await;
        met.map_err(|error| match error {
            RegistrationError::Refused(error) => NotMet::Refused(error),
            RegistrationError::Store(error) => NotMet::Store(error),
            other => NotMet::Store(StoreError::Corrupt(other.to_string())),
        })
    }
}
