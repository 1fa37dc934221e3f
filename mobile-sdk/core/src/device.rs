//! Signing in on another device (RFC 8628).

use crate::{
    attestation,
    deadline::Deadline,
    discovery,
    effect::HttpFailure,
    endpoint::{refusal, send},
    error::{ErrorCode, SdkError},
    form::Form,
    host::{Host, Result},
    json,
    outcome::{AuthorizeParams, DeviceReady, Outcome},
    pending,
    record::pending::{Device, Kind, Pending},
    sign_in, token_endpoint,
    token_response::Reply,
    url,
};

pub(crate) async fn begin(host: &Host, params: AuthorizeParams) -> Result<Outcome> {
    let server = discovery::server(host).await?;
    let endpoint = server.device.clone().ok_or(ErrorCode::NotSupported)?;
    pending::tidy(host, 1).await?;
    let flow = pending::flow_of(&host.random_text().await?);
    let scopes = sign_in::scopes(host.config(), params.scopes.as_ref())?;
    let pending = Pending::new(host, flow, server, scopes, Kind::Server);
    let (pending, version) = pending.begin(host).await?;
    match ask(host, &endpoint, pending.clone(), version).await {
        Err(error) => {
            pending::give_up(host, &pending, version).await?;
            Err(error)
        }
        ready => ready,
    }
}

/// Section 3.1, and what came of it.
async fn ask(host: &Host, endpoint: &str, mut pending: Pending, version: i64) -> Result<Outcome> {
    let form = Form::default()
        .with("client_id", &host.config().client_id)
        .with("scope", &pending.scopes.join(" "));
    let extra = attestation::headers(host, &pending.server, pending.key.as_ref()).await?;
    let response = send(host, endpoint, &form, extra).await??;
    if response.status != 200 {
        return Err(refusal(host, &response).await?.to_error());
    }
    let members = json::object(response.body.bytes()).ok_or(ErrorCode::ServerUnavailable)?;
    let text = |name: &str| json::owned(&members, name).ok_or(ErrorCode::ServerUnavailable);
    let life = json::number(&members, "expires_in").unwrap_or(600).clamp(1, 3600) * 1000;
    let verification_uri = text("verification_uri")?;
    let complete = json::owned(&members, "verification_uri_complete");
    let shown = |uri: &str| url::is_endpoint(uri, host.config().allow_loopback);
    if !shown(&verification_uri) || complete.as_ref().is_some_and(|uri| !shown(uri)) {
        return Err(ErrorCode::ServerUnavailable.into());
    }
    let user_code = text("user_code")?;
    if user_code.len() > 64 {
        return Err(ErrorCode::ServerUnavailable.into());
    }
    pending.kind = Kind::Device(Device {
        code: text("device_code")?.into(),
        interval: json::number(&members, "interval").unwrap_or(5).clamp(1, 60),
    });
    pending.until = Deadline::after(host, life);
    pending.put(host, version).await?;
    let ready = DeviceReady {
        user_code,
        verification_uri,
        verification_uri_complete: complete,
        flow_id: pending.flow,
        expires_in_ms: life.unsigned_abs(),
    };
    Ok(Outcome::DeviceReady { ready })
}

/// How often a poll looks again where another process seems to have the answer.
const LOOKS: u32 = 3;

/// Asks at the server's pace until there is an answer (section 3.5). It may be dropped and begun again, and two processes
/// may ask at once: one of them makes an account of the answer.
pub(crate) async fn poll(host: &Host, flow: &str) -> Result<Outcome> {
    let mut interval = 0;
    let (mut looks, mut refused) = (0, false);
    loop {
        let Some((pending, version)) = pending::load(host, flow).await? else {
            return finished(host, flow, ErrorCode::DeviceCodeExpired.into()).await;
        };
        let device = pending.device().ok_or(ErrorCode::InvalidArgument)?;
        let form = request(host, device);
        interval = interval.max(device.interval);
        if pending.used {
            looks += 1;
            let done = finished(host, flow, ErrorCode::CodeRefused.into()).await;
            if done.is_ok() || looks > LOOKS {
                return done;
            }
            host.sleep(interval.unsigned_abs() * 1000).await?;
            continue;
        }
        host.sleep(interval.unsigned_abs() * 1000).await?;
        if pending.is_over(host) {
            if pending::give_up(host, &pending, version).await? {
                return finished(host, flow, ErrorCode::DeviceCodeExpired.into()).await;
            }
            continue;
        }
        let sent = host.now();
        match token_endpoint::ask(host, &pending.server, &form, pending.key.as_ref()).await {
            Ok(Reply::Granted(granted)) => {
                if let Some(version) = pending.mark_used(host, version).await? {
                    return sign_in::complete(host, &pending, version, &granted, &sent).await;
                }
                if pending::load(host, flow).await?.is_none()
                    && pending::account_of(host, flow).await?.is_none()
                {
                    sign_in::too_late(host, &pending, &granted, &sent).await;
                }
            }
            Ok(Reply::Refused(refusal)) => match refusal.error.as_str() {
                "authorization_pending" => {}
                "slow_down" => {
                    interval = refusal
                        .interval()
                        .unwrap_or(interval + 5)
                        .max(interval + 1)
                        .min(120);
                }
                // Another process may have the tokens in hand.
                "invalid_grant" if !std::mem::replace(&mut refused, true) => {}
                _ => {
                    if pending::give_up(host, &pending, version).await? {
                        return finished(host, flow, refusal.to_error()).await;
                    }
                }
            },
            // No network: more slowly (section 3.5).
            Ok(Reply::Failed(HttpFailure::NotSent | HttpFailure::Ambiguous)) => {
                interval = (interval * 2).min(60);
            }
            Ok(Reply::Moved) => return Err(ErrorCode::ServerUnavailable.into()),
            Err(error) if error.code == ErrorCode::RateLimited => interval = (interval * 2).min(60),
            Err(error) => return Err(error),
        }
    }
}

/// Section 3.4.
fn request(host: &Host, device: &Device) -> Form {
    token_endpoint::request(host, "urn:ietf:params:oauth:grant-type:device_code")
        .with("device_code", device.code.text())
}

/// A sign-in of which nothing more is to come: another process, or this one before it was killed, may have made an account
/// of it.
async fn finished(host: &Host, flow: &str, error: SdkError) -> Result<Outcome> {
    match pending::account_of(host, flow).await? {
        Some(account) => {
            pending::forget(host, flow).await?;
            Ok(Outcome::SignedIn { account })
        }
        None => Err(error),
    }
}
