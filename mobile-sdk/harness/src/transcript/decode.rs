//! JSON as the core's types.

use base64ct::{Base64UrlUnpadded, Encoding};
use postern_mobile_core::{
    AttestationPolicy, AuthorizeParams, Config, Core, DpopPolicy, Evidence, ExchangeParams, Header,
    HookError, HttpFailure, HttpResponse, Input, KeyInfo, KeyLevel, LogoutMode, Moment, NativeSso, Operation,
    ParPolicy, Secret, StoredTokens, Verdict, Want,
};
use serde_json::Value;

fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        other => Base64UrlUnpadded::decode_vec(other["base64url"].as_str()?).ok(),
    }
}

fn secret(value: &Value) -> Option<Secret> {
    bytes(value).map(Secret::from)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(text).collect()
}

fn number<T: TryFrom<u64>>(value: &Value) -> Option<T> {
    T::try_from(value.as_u64()?).ok()
}

fn headers(value: &Value) -> Option<Vec<Header>> {
    let header = |pair: &Value| {
        Some(Header {
            name: text(&pair[0])?,
            value: secret(&pair[1])?,
        })
    };
    value.as_array()?.iter().map(header).collect()
}

pub(super) fn moment(value: &Value) -> Option<Moment> {
    Some(Moment {
        wall_ms: value["wall_ms"].as_i64()?,
        monotonic_ms: value["monotonic_ms"].as_i64()?,
        boot_id: text(&value["boot_id"])?,
    })
}

pub(super) fn config(value: &Value) -> Option<Config> {
    Some(Config {
        issuer: text(&value["issuer"])?,
        client_id: text(&value["client_id"])?,
        redirect_uri: text(&value["redirect_uri"])?,
        scopes: texts(&value["scopes"])?,
        resources: texts(&value["resources"])?,
        dpop: match value["dpop"].as_str()? {
            "required" => DpopPolicy::Required,
            "preferred" => DpopPolicy::Preferred,
            _ => DpopPolicy::Off,
        },
        par: match value["par"].as_str()? {
            "required" => ParPolicy::Required,
            "preferred" => ParPolicy::Preferred,
            _ => ParPolicy::Off,
        },
        attestation: match value["attestation"].as_str()? {
            "required" => AttestationPolicy::Required,
            "preferred" => AttestationPolicy::Preferred,
            _ => AttestationPolicy::Off,
        },
        require_hardware_key: value["require_hardware_key"].as_bool()?,
        allow_custom_scheme: value["allow_custom_scheme"].as_bool()?,
        allow_loopback: value["allow_loopback"].as_bool()?,
        read_only: value["read_only"].as_bool()?,
        app_version: None,
    })
}

/// Starts the operation of a call.
pub(super) fn start(core: &Core, call: &Value) -> Option<Operation> {
    let account = text(&call["account"]);
    Some(match call["type"].as_str()? {
        "begin" => core.begin(params(call)),
        "handle_redirect" => core.handle_redirect(secret(&call["url"])?),
        "cancel" => core.cancel(text(&call["flow_id"])?),
        "begin_device" => core.begin_device(params(call)),
        "poll_device" => core.poll_device(text(&call["flow_id"])?),
        "access_token" => core.access_token(account, want(call)?),
        "authorize_request" => {
            core.authorize_request(account, text(&call["method"])?, text(&call["url"])?, want(call)?)
        }
        "logout" => core.logout(account, mode(&call["mode"])?),
        "end_session_url" => core.end_session_url(account, text(&call["then"]), text(&call["state"])),
        "accounts" => core.accounts(),
        "set_default" => core.set_default(account?),
        "id_claims" => core.id_claims(account),
        "exchange" => core.exchange(
            account,
            ExchangeParams {
                audience: text(&call["audience"]),
                resource: text(&call["resource"]),
                scopes: texts(&call["scopes"]),
            },
        ),
        "share" => core.share(account),
        "native_sso" => core.native_sso(NativeSso {
            id_token: secret(&call["id_token"])?,
            device_secret: secret(&call["device_secret"])?,
        }),
        "adopt" => core.adopt(StoredTokens {
            refresh_token: secret(&call["refresh_token"])?,
            id_token: secret(&call["id_token"]),
        }),
        "resume" => core.resume(),
        _ => return None,
    })
}

fn params(call: &Value) -> AuthorizeParams {
    AuthorizeParams {
        login_hint: text(&call["login_hint"]),
        prompt: text(&call["prompt"]),
        acr_values: text(&call["acr_values"]),
        max_age: number(&call["max_age"]),
        ui_locales: text(&call["ui_locales"]),
        scopes: texts(&call["scopes"]),
        ..AuthorizeParams::default()
    }
}

fn want(call: &Value) -> Option<Want> {
    Some(Want {
        min_ttl_ms: call["min_ttl_ms"].as_u64()?,
        resource: text(&call["resource"]),
        scopes: texts(&call["scopes"]),
        fresh: call["fresh"].as_bool()?,
    })
}

fn mode(value: &Value) -> Option<LogoutMode> {
    Some(match value.as_str()? {
        "session" => LogoutMode::Session,
        "session_and_browser" => LogoutMode::SessionAndBrowser,
        "local_only" => LogoutMode::LocalOnly,
        _ => return None,
    })
}

pub(super) fn seen(core: &Core, call: &Value, now: &Moment) -> Option<Verdict> {
    Some(core.response_seen(
        text(&call["account"]),
        call["url"].as_str()?,
        number(&call["status"])?,
        &headers(&call["headers"])?,
        number(&call["tries"])?,
        now,
    ))
}

pub(super) fn input(value: &Value) -> Option<Input> {
    Some(match value["type"].as_str()? {
        "http" => Input::Http {
            response: HttpResponse {
                status: number(&value["status"])?,
                headers: headers(&value["headers"])?,
                body: secret(&value["body"])?,
            },
        },
        "http_failed" => Input::HttpFailed {
            failure: if value["failure"] == "not_sent" {
                HttpFailure::NotSent
            } else {
                HttpFailure::Ambiguous
            },
        },
        "value" => Input::Value {
            value: secret(&value["value"])?,
            version: value["version"].as_i64()?,
        },
        "absent" => Input::Absent,
        "stored" => Input::Stored {
            version: value["version"].as_i64()?,
        },
        "conflict" => Input::Conflict,
        "keys" => Input::Keys {
            keys: texts(&value["keys"])?,
        },
        "lock_held" => Input::LockHeld,
        "lock_timeout" => Input::LockTimeout,
        "key" => Input::Key {
            key: KeyInfo {
                x: bytes(&value["x"])?,
                y: bytes(&value["y"])?,
                level: level(&value["level"])?,
            },
        },
        "signature" => Input::Signature {
            signature: bytes(&value["signature"])?,
        },
        "attested" => Input::Attested {
            evidence: Evidence {
                attestation: secret(&value["attestation"])?,
                proof: secret(&value["proof"])?,
            },
        },
        "random" => Input::Random {
            bytes: secret(&value["bytes"])?,
        },
        "done" => Input::Done,
        "failed" => Input::Failed {
            error: hook_error(&value["error"])?,
        },
        _ => return None,
    })
}

fn level(value: &Value) -> Option<KeyLevel> {
    Some(match value.as_str()? {
        "secure_enclave" => KeyLevel::SecureEnclave,
        "strong_box" => KeyLevel::StrongBox,
        "tee" => KeyLevel::Tee,
        "software" => KeyLevel::Software,
        _ => return None,
    })
}

fn hook_error(value: &Value) -> Option<HookError> {
    Some(match value.as_str()? {
        "locked" => HookError::Locked,
        "not_found" => HookError::NotFound,
        "cancelled" => HookError::Cancelled,
        "key_lost" => HookError::KeyLost,
        "corrupt" => HookError::Corrupt,
        "io" => HookError::Io,
        "timeout" => HookError::Timeout,
        "unavailable" => HookError::Unavailable,
        "unknown" => HookError::Unknown,
        _ => return None,
    })
}
