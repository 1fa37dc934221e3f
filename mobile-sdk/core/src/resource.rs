//! Requests to APIs with an access token (RFC 6750, RFC 9449 section 7), and what their answers mean.

use crate::{
    access_token,
    clock::{Moment, NOTICEABLE},
    config::Config,
    effect::Header,
    end,
    error::ErrorCode,
    headers,
    host::{Host, Result},
    memory::Shared,
    outcome::{Outcome, RequestHeaders, Verdict, Want},
    url,
};

pub(crate) async fn authorize(
    host: &Host,
    account: Option<String>,
    method: &str,
    to: &str,
    want: Want,
) -> Result<Outcome> {
    check(host.config(), method, to)?;
    for _ in 0..2 {
        let (id, token) = access_token::obtain(host, account.clone(), &want).await?;
        let mut headers = vec![Header {
            name: "Authorization".to_owned(),
            value: format!("{} {}", token.token_type, token.value.text()).into(),
        }];
        if token.token_type == "DPoP" {
            let key = host.memory().session(&id).key.clone();
            let key = key.ok_or(ErrorCode::Internal)?;
            match key.proof(host, method, to, Some(token.value.text())).await {
                Ok(proof) => headers.push(Header {
                    name: "DPoP".to_owned(),
                    value: proof.into(),
                }),
                Err(error) if error.code == ErrorCode::KeyLost => {
                    end::without_key(host, &id, &key).await?;
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        return Ok(Outcome::Headers {
            headers: RequestHeaders { headers },
        });
    }
    Err(ErrorCode::Busy.into())
}

/// A token goes to nobody over plain http, and into no header that it could break.
fn check(config: &Config, method: &str, to: &str) -> Result<()> {
    let is_method = !method.is_empty()
        && method.len() <= 32
        && method.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
    if is_method && url::is_endpoint(to, config.allow_loopback) {
        Ok(())
    } else {
        Err(ErrorCode::InvalidArgument.into())
    }
}

/// Judges an answer: the nonce is kept, and one repetition is worth it when the API asked for another proof or token.
pub(crate) fn seen(
    shared: &Shared,
    account: Option<String>,
    to: &str,
    status: u16,
    answered: &[Header],
    tries: u32,
    now: &Moment,
) -> Verdict {
    let mut memory = shared.memory();
    let nonce = headers::nonce(answered);
    if let (Some(nonce), Some(origin)) = (nonce, url::origin(to)) {
        memory.keep_nonce(origin, nonce);
    }
    if status != 401 {
        return Verdict::Pass;
    }
    match headers::challenge_error(answered).as_deref() {
        Some("insufficient_user_authentication") => Verdict::StepUp,
        Some("use_dpop_nonce") if nonce.is_some() && tries == 0 => Verdict::Retry,
        Some("invalid_token") if tries == 0 => {
            if let Some(account) = account.or_else(|| memory.default.clone()) {
                memory.session(&account).refused_before = now.monotonic_ms.saturating_add(1);
            }
            Verdict::Retry
        }
        // Perhaps our time is wrong, and the API tells a better one.
        Some("invalid_dpop_proof") if tries == 0 => {
            let thought = memory.offset();
            memory.hear(answered, now, now);
            if memory.offset().abs_diff(thought) > NOTICEABLE {
                Verdict::Retry
            } else {
                Verdict::Pass
            }
        }
        _ => Verdict::Pass,
    }
}
