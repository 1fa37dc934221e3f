//! Sends what waits in the outbox: at least once, to each recipient by itself, so that one that is slow or gone holds up
//! nobody else. What cannot be delivered is tried again for a day, and then told of as an event.

use base64ct::{Base64UrlUnpadded, Encoding};
use futures_util::future::join_all;

use crate::{
    base::{id::ClientId, time::Lifetime, url::HttpsUrl},
    domain::{
        client::Client,
        event::{Event, Subject},
        logout_token::LogoutTokenClaims,
        message::{Message, MessageKind},
    },
    flows::Provider,
    ports::{
        fetch::{FetchError, Heard},
        signer::{BadKey, TokenType},
    },
    store::{
        error::Result,
        outbox::{self, FORGET, Settle, TakeMessages},
    },
};

/// How many recipients are asked for at once.
const RECIPIENTS: i64 = 1000;
/// How many messages a recipient is sent at once.
const AT_ONCE: i64 = 8;
/// How many times that before others have their turn.
const BATCHES: usize = 8;
/// How long a message is one node's: longer than a try may take.
const LEASE: Lifetime = Lifetime::from_secs(60);
/// How long a recipient that is down is asked nothing at all. Short: it is told of new ends soon after it is back.
const SPARED: Lifetime = Lifetime::from_secs(10);
/// How often a message is tried that its recipient answers and does not take: it may not be the one who asked for it.
const MOST_REFUSED: i64 = 10;
/// How long one try may take.
const PATIENCE: Lifetime = Lifetime::from_secs(10);

/// Whom there is something to tell.
pub async fn due(provider: &Provider) -> Result<Vec<ClientId>> {
    outbox::due(&provider.db, provider.clock.now(), RECIPIENTS).await
}

/// Tells a client what is due, a few messages at a time, and not so many that others would wait for long. It is left alone
/// after the first that it does not answer. Whether something was done: else it is no use to come back at once.
pub async fn serve(provider: &Provider, recipient: &ClientId) -> Result<bool> {
    for _ in 0..BATCHES {
        let now = provider.clock.now();
        let client = provider.clients.find(recipient.as_str());
        let told = client.and_then(|client| Some((client.settings.backchannel_logout_uri.clone()?, client)));
        let Some((uri, client)) = told else {
            let forgotten = provider.db.execute(FORGET, (recipient.clone(),)).await?;
            return Ok(forgotten.is_some());
        };
        let take = TakeMessages {
            recipient: recipient.clone(),
            now,
            until: now.plus(LEASE),
            most: AT_ONCE,
        };
        let messages = provider.db.write(take).await?;
        if messages.is_empty() {
            return Ok(true);
        }
        provider.keys.ensure_recent(&provider.db, &provider.clock).await?;
        let tries = messages
            .iter()
            .map(|message| tell(provider, &client, &uri, message));
        let settle = settle(provider, &client, &messages, &join_all(tries).await);
        let goes_on = settle.spared_until.is_none();
        provider.db.write(settle).await?;
        if !goes_on {
            return Ok(true);
        }
    }
    Ok(true)
}

/// What came of one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Delivered,
    /// It answers, and did not take this one.
    Refused,
    /// It does not answer, or only says that it cannot.
    Down,
}

/// One try. Each has a token of its own, so that one whose answer was lost is not taken for a replay.
async fn tell(provider: &Provider, client: &Client, uri: &HttpsUrl, message: &Message) -> Outcome {
    let body = match message.kind {
        MessageKind::BackchannelLogout => logout_token(provider, client, message),
    };
    let heard = match body {
        Ok(body) => provider.fetcher.post_form(uri, body, PATIENCE).await,
        Err(error) => Err(FetchError::Unusable(error.to_string())),
    };
    let outcome = match &heard {
        Ok(Heard::Success) => Outcome::Delivered,
        Ok(Heard::Failure(status)) if status.is_client_error() && status.as_u16() != 429 => Outcome::Refused,
        Ok(Heard::Failure(_)) | Err(_) => Outcome::Down,
    };
    if outcome != Outcome::Delivered {
        tracing::warn!(
            client = %client.id, kind = message.kind.as_str(), attempts = message.attempts, ?heard,
            "a client was not told of an end"
        );
    }
    outcome
}

/// The form of OpenID Connect Back-Channel Logout 1.0 section 2.5, with nothing else in it.
fn logout_token(
    provider: &Provider,
    client: &Client,
    message: &Message,
) -> std::result::Result<String, BadKey> {
    let jti = Base64UrlUnpadded::encode_string(&provider.entropy.bytes::<16>());
    let about = (message.user, message.session);
    let claims = LogoutTokenClaims::new(&provider.issuer, &client.id, about, &jti, provider.clock.now());
    let keys = provider.keys.load();
    let signer = keys.signer_of(client.settings.id_token_signed_response_alg)?;
    // Every character of a JWT stands for itself in a form.
    Ok(format!(
        "logout_token={}",
        signer.sign(TokenType::LogoutToken, &claims)?
    ))
}

fn settle(provider: &Provider, client: &Client, messages: &[Message], outcomes: &[Outcome]) -> Settle {
    let now = provider.clock.now();
    let mut settle = Settle {
        recipient: client.id.clone(),
        done: Vec::new(),
        again: Vec::new(),
        given_up: Vec::new(),
        spared_until: None,
    };
    for (message, outcome) in messages.iter().zip(outcomes) {
        let (kind, session) = (message.kind, message.session);
        if *outcome == Outcome::Delivered {
            settle.done.push((kind, session));
            continue;
        }
        let is_tried_again = *outcome == Outcome::Down || message.attempts < MOST_REFUSED;
        if let Some(at) = message.again_at(now).filter(|_| is_tried_again) {
            settle.again.push((kind, session, at));
        } else {
            let subject = Subject {
                user: Some(message.user),
                client: Some(client.id.clone()),
                session: Some(session),
                address: None,
            };
            let event = provider.event(now, subject, Event::MessageUndelivered { message: kind });
            settle.given_up.push((kind, session, event));
        }
        if *outcome == Outcome::Down {
            settle.spared_until = Some(now.plus(SPARED));
        }
    }
    settle
}
