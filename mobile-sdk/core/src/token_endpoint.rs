//! Asking the token endpoint (RFC 6749 section 3.2), with evidence and with proofs.

use crate::{
    attestation,
    discovery::Server,
    dpop::Key,
    effect::Header,
    endpoint::{is_elsewhere, refusal, send},
    error::ErrorCode,
    form::Form,
    host::{Host, Result},
    patience::Patience,
    token_response::{Granted, Reply},
};

/// What each request to the token endpoint says.
pub(crate) fn request(host: &Host, grant_type: &str) -> Form {
    let version = host.config().app_version.as_ref().map(|version| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        let sent = version.chars().take(32);
        sent.map(|c| if plain(c) { c } else { '-' }).collect::<String>()
    });
    Form::default()
        .with("grant_type", grant_type)
        .with("client_id", &host.config().client_id)
        .with_some(
            "app_version",
            version.as_deref().filter(|version| !version.is_empty()),
        )
}

/// Asks the token endpoint, or another that answers like it, with a proof that was made for it.
pub(crate) async fn post(
    host: &Host,
    server: &Server,
    form: &Form,
    key: Option<&Key>,
    proof: Option<String>,
) -> Result<Reply> {
    let mut extra = attestation::headers(host, server, key).await?;
    extra.extend(proof.map(|proof| Header {
        name: "DPoP".to_owned(),
        value: proof.into(),
    }));
    match send(host, &server.token, form, extra).await? {
        Err(failure) => Ok(Reply::Failed(failure)),
        Ok(response) if response.status == 200 => match Granted::parse(response.body.bytes()) {
            Some(granted) => Ok(Reply::Granted(granted)),
            None => Err(ErrorCode::ServerUnavailable.into()),
        },
        Ok(response) if is_elsewhere(response.status) => Ok(Reply::Moved),
        Ok(response) => Ok(Reply::Refused(refusal(host, &response).await?)),
    }
}

/// The same with proofs made as needed, for what is not a refresh.
pub(crate) async fn ask(host: &Host, server: &Server, form: &Form, key: Option<&Key>) -> Result<Reply> {
    let mut patience = Patience::default();
    loop {
        let proof = match key {
            Some(key) => Some(key.proof(host, "POST", &server.token, None).await?),
            None => None,
        };
        let before = host.memory().offset();
        let reply = post(host, server, form, key, proof).await?;
        if !patience.again(host, &reply, before).await? {
            return Ok(reply);
        }
    }
}
