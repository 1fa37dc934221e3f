//! Evidence that it is this app on a real device (draft-ietf-oauth-attestation-based-client-auth), bound to the DPoP key.

use crate::{
    config::AttestationPolicy,
    discovery::Server,
    dpop::Key,
    effect::{Evidence, Header},
    endpoint::{refusal, send},
    error::{Action, ErrorCode},
    event::Event,
    form::Form,
    host::{Host, Result},
    json,
};

/// The headers of a request, by the policy.
pub(crate) async fn headers(host: &Host, server: &Server, key: Option<&Key>) -> Result<Vec<Header>> {
    let policy = host.config().attestation;
    if policy == AttestationPolicy::Off {
        return Ok(Vec::new());
    }
    // A server that cannot take evidence is not asked for a challenge.
    if server.challenge.is_none() && policy == AttestationPolicy::Preferred {
        return Ok(Vec::new());
    }
    let Some(key) = key else {
        // Evidence is of a key: a bearer session has none.
        if policy == AttestationPolicy::Required {
            return Err(ErrorCode::AttestationUnavailable.into());
        }
        host.tell(Event::AttestationSkipped);
        return Ok(Vec::new());
    };
    match evidence(host, server, key).await {
        Ok(evidence) => Ok(vec![
            Header {
                name: "OAuth-Client-Attestation".to_owned(),
                value: evidence.attestation,
            },
            Header {
                name: "OAuth-Client-Attestation-PoP".to_owned(),
                value: evidence.proof,
            },
        ]),
        Err(_) if policy == AttestationPolicy::Preferred => {
            host.tell(Event::AttestationSkipped);
            Ok(Vec::new())
        }
        Err(error) if matches!(error.action, Action::RetryLater | Action::WaitForUnlock) => Err(error),
        Err(_) => Err(ErrorCode::AttestationUnavailable.into()),
    }
}

async fn evidence(host: &Host, server: &Server, key: &Key) -> Result<Evidence> {
    let endpoint = server
        .challenge
        .as_ref()
        .ok_or(ErrorCode::AttestationUnavailable)?;
    let response = send(host, endpoint, &Form::default(), Vec::new()).await??;
    if response.status != 200 {
        return Err(refusal(host, &response).await?.to_error());
    }
    let challenge = json::object(response.body.bytes())
        .and_then(|members| json::owned(&members, "attestation_challenge"))
        .ok_or(ErrorCode::AttestationUnavailable)?;
    host.attest(challenge.into_bytes(), &key.thumbprint()).await
}
