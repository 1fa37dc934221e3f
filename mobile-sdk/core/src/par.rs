//! Pushed authorization requests (RFC 9126).

use crate::{
    attestation,
    discovery::Server,
    dpop::Key,
    endpoint::{refusal, send},
    error::ErrorCode,
    form::Form,
    host::{Host, Result},
    json,
};

/// Leaves the request at the server, and gives what stands for it.
pub(crate) async fn push(
    host: &Host,
    server: &Server,
    endpoint: &str,
    request: &Form,
    key: Option<&Key>,
) -> Result<String> {
    let extra = attestation::headers(host, server, key).await?;
    let response = send(host, endpoint, request, extra).await??;
    if !matches!(response.status, 200 | 201) {
        return Err(refusal(host, &response).await?.to_error());
    }
    let members = json::object(response.body.bytes()).ok_or(ErrorCode::ServerUnavailable)?;
    Ok(json::owned(&members, "request_uri").ok_or(ErrorCode::ServerUnavailable)?)
}
