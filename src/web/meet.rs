//! Clients whose id is the address of their metadata become known when they are first heard of.

use crate::{
    base::time::Lifetime,
    domain::oauth_error::OAuthError,
    flows::{client_metadata, registration::RegistrationError},
    store::error::StoreError,
    web::{Site, extract::address::Address},
};

/// Why a client is not known that has a document.
pub(super) enum NotMet {
    Refused(OAuthError),
    Wait(Lifetime),
    Store(StoreError),
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
