//! A code that a person's decision stands behind is redeemed, of whichever kind it is: its row moves on, and tokens follow.

use crate::{
    base::{digest::Digest, id::EventId, text::AppVersion, time::Instant, url::Resource},
    domain::{
        authorization_details::AuthorizationDetails,
        binding::Proof,
        client::Client,
        device_secret::DeviceSecret,
        refresh_token::{Generation, Handle, RefreshToken},
    },
    flows::{
        Provider,
        issue::{Order, Tokens, issue},
        token::{TokenError, live::NotEnded},
    },
    store::device_sessions::RedeemCode,
};

/// What is presented, and what it has to fit.
pub(super) struct Redemption<'a> {
    /// The session that the code names.
    pub(super) session: NotEnded,
    /// Digest of the code's secret.
    pub(super) code: Digest,
    /// What was answered with.
    pub(super) challenge: Digest,
    /// Where the code came to, when that is said.
    pub(super) redirect_uri: Option<&'a str>,
    /// The API that the access token is for.
    pub(super) resource: Option<&'a Resource>,
    /// A secret for the maker's other apps on the device, where the client may let them in.
    pub(super) device_secret: Option<DeviceSecret>,
    /// Fewer details than were allowed.
    pub(super) details: Option<&'a AuthorizationDetails>,
    /// The DPoP proof, checked in everything but its key.
    pub(super) proof: Option<Proof>,
    /// Where the request came from.
    pub(super) address: Option<String>,
    /// Which version the app says that it is.
    pub(super) app_version: Option<AppVersion>,
    /// When.
    pub(super) now: Instant,
}

/// The first tokens of a session; nothing when its row does not wait for this.
pub(super) async fn redeem(
    provider: &Provider,
    client: &Client,
    redemption: Redemption<'_>,
) -> Result<Option<Tokens>, TokenError> {
    let Redemption {
        session,
        resource,
        details,
        now,
        ..
    } = redemption;
    let session = session.id();
    let handle = Handle::new(&provider.entropy);
    let key = redemption.proof.map(|proof| proof.key);
    let change = RedeemCode {
        id: session,
        code: redemption.code,
        client: client.id.clone(),
        redirect_uri: redemption.redirect_uri.map(str::to_owned),
        challenge: redemption.challenge,
        key,
        binds: key.filter(|_| !client.is_confidential()),
        handle: handle.digest(),
        device_secret: redemption.device_secret.as_ref().map(DeviceSecret::digest),
        now,
        event: EventId::new(now, &provider.entropy),
        address: redemption.address,
        app_version: redemption.app_version,
    };
    let Some(redeemed) = provider.db.write(change).await? else {
        return Ok(None);
    };
    let order = Order {
        client,
        session,
        scope: None,
        resource,
        details,
        key,
        with_id_token: true,
        device_secret: redemption.device_secret.as_ref(),
        now,
    };
    let refresh_token = RefreshToken {
        session,
        handle,
        generation: Generation::FIRST,
    };
    Ok(Some(issue(provider, &order, &redeemed, &refresh_token)?))
}
