//! Clients whose id is the address of what they say of themselves (OAuth Client ID Metadata Document,
//! draft-ietf-oauth-client-id-metadata-document): nobody registers them; the document is fetched when they first come.
//!
//! Such a client becomes a row like one that registered openly, within the same bounds, and is swept like one: so every node
//! knows it, and everything after its first request is as for any client. Whether its document has changed is looked at when
//! it sends people here, never at the token endpoint: that an app stays signed in does not hang on somebody's web server.

use crate::{
    base::{
        digest::Digest,
        id::ClientId,
        time::{Instant, Lifetime},
        url::HttpsUrl,
    },
    domain::{
        client::Client,
        event::Event,
        oauth_error::{ErrorCode, OAuthError},
        registration::{self, Bounds, Proposed},
    },
    flows::{
        Provider, clients,
        registration::{RegistrationError, admission, event},
    },
    ports::fetch::{FetchError, Fetched},
    store::{
        error::StoreError,
        registrations::{Register, Registered, Update},
    },
};

/// How long a document is taken for what it was: as it says itself, within these bounds.
const LEAST: Lifetime = Lifetime::from_secs(300);
const MOST: Lifetime = Lifetime::from_days(1);
/// How long one that is not there, or wrong, is not asked for again.
const REFUSED: Lifetime = Lifetime::from_secs(60);

/// Whether this id is of a client that has a document and that nobody here knows yet: what it takes to know it is not free.
pub fn is_stranger(provider: &Provider, id: &str) -> bool {
    provider.registration.metadata_documents
        && id.starts_with("https://")
        && provider.clients.find(id).is_none()
        && id.parse::<ClientId>().is_ok()
}

/// Makes a client with a document known, or up to date. An id of another kind is none of its business.
pub async fn meet(provider: &Provider, id: &str, address: Option<String>) -> Result<(), RegistrationError> {
    let Some((id, place)) = document_of(provider, id) else {
        return Ok(());
    };
    let now = provider.clock.now();
    let find = || provider.clients.find(id.as_str());
    let Some(mut seen) = provider.client_documents.turn(&id, now).await else {
        // Whoever is known already is not kept out by strangers.
        return find().map(drop).ok_or_else(busy);
    };
    let known = find();
    if seen.until.is_some_and(|until| now < until) {
        if seen.is_refused {
            return Err(refused());
        }
        // One that was removed in the meantime comes anew.
        if known.is_some() {
            return Ok(());
        }
    }
    let fetched = provider.client_documents.fetch(&place).await;
    match fetched.map(|fetched| judge(provider, &id, &fetched).map(|proposed| (proposed, fetched.max_age))) {
        Ok(Ok((proposed, max_age))) => {
            settle(provider, &id, proposed, known.as_deref(), address, now).await?;
            let fresh = max_age.unwrap_or(LEAST).max(LEAST).min(MOST);
            (seen.until, seen.is_refused) = (Some(now.plus(fresh)), false);
            Ok(())
        }
        // Who does not answer has said nothing: what was known counts.
        Err(error) if known.is_some() && says_nothing(&error) => {
            tracing::warn!(client = %id, %error, "the metadata document of a client could not be fetched");
            (seen.until, seen.is_refused) = (Some(now.plus(REFUSED)), false);
            Ok(())
        }
        wrong => {
            let why = match &wrong {
                Ok(Err(error)) => error.hint.to_string(),
                Err(error) => error.to_string(),
                Ok(Ok(_)) => String::new(),
            };
            tracing::info!(client = %id, why, "the metadata document of a client is not good");
            (seen.until, seen.is_refused) = (Some(now.plus(REFUSED)), true);
            Err(refused())
        }
    }
}

fn says_nothing(error: &FetchError) -> bool {
    match error {
        FetchError::NoAnswer(_) => true,
        FetchError::Status(status) => status.is_server_error(),
        _ => false,
    }
}

fn document_of(provider: &Provider, id: &str) -> Option<(ClientId, HttpsUrl)> {
    let is_on = provider.registration.metadata_documents && id.starts_with("https://");
    let id: ClientId = id.parse().ok().filter(|_| is_on)?;
    let place = id.as_str().parse().ok()?;
    Some((id, place))
}

fn refused() -> RegistrationError {
    let hint = "the client_id is an address, and what is there is not the metadata document of this app";
    OAuthError::new(ErrorCode::InvalidClient, hint).into()
}

fn busy() -> RegistrationError {
    let hint = "too many apps have come here for the first time: try again later";
    OAuthError::new(ErrorCode::TemporarilyUnavailable, hint).into()
}

fn judge(provider: &Provider, id: &ClientId, fetched: &Fetched) -> Result<Proposed, OAuthError> {
    let policy = &provider.registration;
    let bounds = Bounds {
        issuer: &provider.issuer,
        policy,
        scope: &policy.scope,
        is_open: true,
    };
    registration::of_document(id, &fetched.body, bounds)
}

/// Writes the client as its document says it is.
async fn settle(
    provider: &Provider,
    id: &ClientId,
    proposed: Proposed,
    known: Option<&Client>,
    address: Option<String>,
    now: Instant,
) -> Result<(), RegistrationError> {
    let Proposed { name, settings, told } = proposed;
    if known.is_some_and(|known| known.settings == settings && known.name == name) {
        return Ok(());
    }
    let client = Client {
        id: id.clone(),
        name,
        settings,
        created_at: known.map_or(now, |known| known.created_at),
        disabled_at: None,
    };
    clients::check(provider, &client)?;
    clients::make_keys(provider, &client.settings).await?;
    let metadata = serde_json::Value::Object(told).to_string();
    // Nobody has a token for it: it is looked after where the document is.
    let digest = Digest::zero();
    let written = if let Some(known) = known {
        let changed = Event::client_updated(known, &client);
        let change = Update {
            forgets_consents: known.settings.redirect_uris != client.settings.redirect_uris,
            client,
            digest,
            metadata,
            secret: None,
            removed: Vec::new(),
            event: event(provider, id, address, now, changed),
        };
        provider.db.write(change).await.map(|_| Registered::Done)
    } else {
        let policy = &provider.registration;
        let change = Register {
            client: client.clone(),
            secret: None,
            digest,
            metadata,
            admission: admission(policy, None, now),
            event: event(
                provider,
                id,
                address,
                now,
                Event::client_registered(&client, None),
            ),
        };
        provider.db.write(change).await
    };
    match written {
        // Or another node was faster.
        Ok(Registered::Done) | Err(StoreError::Conflict(_)) => {}
        Ok(Registered::TooMany | Registered::TokenSpent) => return Err(busy()),
        Err(error) => return Err(error.into()),
    }
    provider.clients.reload(&provider.db).await?;
    Ok(())
}
