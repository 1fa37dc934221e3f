//! The core's types as JSON.

use base64ct::{Base64UrlUnpadded, Encoding};
use postern_mobile_core::{
    Config, Effect, Event, Header, HttpFailure, Input, Moment, Next, Outcome, SdkError, Verdict,
};
use serde_json::{Value, json};

/// Text where it is text, so that people can read it.
fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => json!(text),
        _ => json!({ "base64url": Base64UrlUnpadded::encode_string(bytes) }),
    }
}

/// `SomeName` as `some_name`.
fn name(variant: impl std::fmt::Debug) -> Value {
    let mut name = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name.into()
}

pub(super) fn headers(headers: &[Header]) -> Value {
    let pair = |header: &Header| json!([header.name, bytes(header.value.bytes())]);
    headers.iter().map(pair).collect()
}

pub(super) fn moment(now: &Moment) -> Value {
    json!({ "wall_ms": now.wall_ms, "monotonic_ms": now.monotonic_ms, "boot_id": now.boot_id })
}

pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Retry => "retry",
        Verdict::StepUp => "step_up",
    }
}

pub(super) fn config(config: &Config) -> Value {
    json!({
        "issuer": config.issuer, "client_id": config.client_id, "redirect_uri": config.redirect_uri,
        "scopes": config.scopes, "resources": config.resources, "dpop": name(config.dpop), "par": name(config.par),
        "attestation": name(config.attestation), "require_hardware_key": config.require_hardware_key,
        "allow_custom_scheme": config.allow_custom_scheme, "allow_loopback": config.allow_loopback,
        "read_only": config.read_only,
    })
}

/// A step without its input.
pub(super) fn said(now: &Moment, events: &[Event], next: &Next) -> Value {
    let mut said = json!({ "now": moment(now), "events": events.iter().map(event).collect::<Vec<_>>() });
    match next {
        Next::Need { effect: asked, .. } => said["effect"] = effect(asked),
        Next::Done { outcome: end } => said["done"] = outcome(end),
        Next::Failed { error: why } => said["failed"] = error(why),
    }
    said
}

fn effect(effect: &Effect) -> Value {
    match effect {
        Effect::Http { request } => json!({
            "type": "http", "method": request.method, "url": request.url, "headers": headers(&request.headers),
            "body": bytes(request.body.bytes()),
        }),
        Effect::Get { key } => json!({ "type": "get", "key": key }),
        Effect::Put { key, value, expect } => {
            json!({ "type": "put", "key": key, "value": bytes(value.bytes()), "expect": expect })
        }
        Effect::Delete { key, expect } => json!({ "type": "delete", "key": key, "expect": expect }),
        Effect::Keys { prefix } => json!({ "type": "keys", "prefix": prefix }),
        Effect::Lock {
            name,
            ttl_ms,
            wait_ms,
        } => json!({ "type": "lock", "name": name, "ttl_ms": ttl_ms, "wait_ms": wait_ms }),
        Effect::Unlock { name } => json!({ "type": "unlock", "name": name }),
        Effect::KeyEnsure { key, policy } => {
            json!({ "type": "key_ensure", "key": key, "policy": name(policy) })
        }
        Effect::Sign { key, message } => json!({ "type": "sign", "key": key, "message": bytes(message) }),
        Effect::KeyDelete { key } => json!({ "type": "key_delete", "key": key }),
        Effect::Attest { challenge, jkt } => {
            json!({ "type": "attest", "challenge": bytes(challenge), "jkt": jkt })
        }
        Effect::Random { len } => json!({ "type": "random", "len": len }),
        Effect::Sleep { ms } => json!({ "type": "sleep", "ms": ms }),
    }
}

pub(super) fn input(input: &Input) -> Value {
    match input {
        Input::Http { response } => json!({
            "type": "http", "status": response.status, "headers": headers(&response.headers),
            "body": bytes(response.body.bytes()),
        }),
        Input::HttpFailed { failure } => json!({
            "type": "http_failed",
            "failure": match failure {
                HttpFailure::NotSent => "not_sent",
                HttpFailure::Ambiguous => "ambiguous",
            },
        }),
        Input::Value { value, version } => {
            json!({ "type": "value", "value": bytes(value.bytes()), "version": version })
        }
        Input::Absent => json!({ "type": "absent" }),
        Input::Stored { version } => json!({ "type": "stored", "version": version }),
        Input::Conflict => json!({ "type": "conflict" }),
        Input::Keys { keys } => json!({ "type": "keys", "keys": keys }),
        Input::LockHeld => json!({ "type": "lock_held" }),
        Input::LockTimeout => json!({ "type": "lock_timeout" }),
        Input::Key { key } => {
            json!({ "type": "key", "x": bytes(&key.x), "y": bytes(&key.y), "level": name(key.level) })
        }
        Input::Signature { signature } => json!({ "type": "signature", "signature": bytes(signature) }),
        Input::Attested { evidence } => json!({
            "type": "attested", "attestation": bytes(evidence.attestation.bytes()),
            "proof": bytes(evidence.proof.bytes()),
        }),
        Input::Random { bytes: drawn } => json!({ "type": "random", "bytes": bytes(drawn.bytes()) }),
        Input::Done => json!({ "type": "done" }),
        Input::Failed { error } => json!({ "type": "failed", "error": name(error) }),
    }
}

fn event(event: &Event) -> Value {
    let of = |kind: &str, account: &str| json!({ "type": kind, "account": account });
    match event {
        Event::AccountAdded { account } => of("account_added", account),
        Event::AccountRemoved { account } => of("account_removed", account),
        Event::TokensRotated { account } => of("tokens_rotated", account),
        Event::SessionEnded { account, reason } => {
            json!({ "type": "session_ended", "account": account, "reason": name(reason) })
        }
        Event::StorageDegraded { account } => of("storage_degraded", account),
        Event::StorageRecovered { account } => of("storage_recovered", account),
        Event::ClockSkewDetected { offset_ms } => {
            json!({ "type": "clock_skew_detected", "offset_ms": offset_ms })
        }
        Event::RedirectRejected { code } => json!({ "type": "redirect_rejected", "code": code.name() }),
        Event::RevocationQueued { account } => of("revocation_queued", account),
        Event::BrowserSessionKept { account } => of("browser_session_kept", account),
        Event::AttestationSkipped => json!({ "type": "attestation_skipped" }),
    }
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::AuthorizationReady { ready } => json!({
            "type": "authorization_ready", "url": ready.url, "redirect_uri": ready.redirect_uri,
            "flow_id": ready.flow_id,
        }),
        Outcome::DeviceReady { ready } => json!({
            "type": "device_ready", "user_code": ready.user_code, "verification_uri": ready.verification_uri,
            "verification_uri_complete": ready.verification_uri_complete, "flow_id": ready.flow_id,
            "expires_in_ms": ready.expires_in_ms,
        }),
        Outcome::SignedIn { account } => json!({ "type": "signed_in", "account": account }),
        Outcome::Token { token } => json!({
            "type": "token", "value": bytes(token.value.bytes()), "token_type": token.token_type,
            "expires_in_ms": token.expires_in_ms, "scopes": token.scopes,
        }),
        Outcome::Headers { headers: made } => {
            json!({ "type": "headers", "headers": headers(&made.headers) })
        }
        Outcome::Accounts { accounts, default } => {
            json!({ "type": "accounts", "accounts": accounts, "default": default })
        }
        Outcome::Url { url } => json!({ "type": "url", "url": url }),
        Outcome::Claims { json: claims } => json!({ "type": "claims", "json": bytes(claims.bytes()) }),
        Outcome::Shared { sso } => json!({
            "type": "shared", "id_token": bytes(sso.id_token.bytes()),
            "device_secret": bytes(sso.device_secret.bytes()),
        }),
        Outcome::Done => json!({ "type": "done" }),
    }
}

fn error(error: &SdkError) -> Value {
    json!({
        "code": error.code.name(), "number": error.number, "action": format!("{:?}", error.action),
        "retry_after_ms": error.retry_after_ms, "details": error.details,
    })
}
