//! Telling the server that a session is over (RFC 7009).

use super::note::Note;
use crate::{
    discovery,
    dpop::Key,
    effect::Header,
    endpoint::{is_elsewhere, send},
    form::Form,
    host::Host,
    secret::Secret,
    token_response::Refusal,
};

/// Revokes the refresh token (RFC 7009). Whether nothing more is to be done.
pub(super) async fn tell(host: &Host, note: &Note) -> bool {
    let Some(token) = &note.refresh_token else {
        return true;
    };
    let mut endpoint = note.server.revocation.clone();
    let mut looked = false;
    while let Some(to) = &endpoint {
        let Ok(Ok(response)) = send(host, to, &revocation(host, token), Vec::new()).await else {
            return false;
        };
        if response.status == 200 {
            return true;
        }
        // A well-formed no will be one tomorrow too.
        if Refusal::parse(response.body.bytes()).is_some() {
            return response.status < 500 && response.status != 429;
        }
        if !is_elsewhere(response.status) || std::mem::replace(&mut looked, true) {
            return false;
        }
        // The server may have moved since the sign-in; its issuer still knows where it is.
        match discovery::ask(host).await {
            Ok(server) if server.revocation != endpoint => endpoint = server.revocation,
            _ => return false,
        }
    }
    true
}

/// The same, together with the browser session that it came from: an extension of Postern's.
pub(super) async fn tell_with_proof(host: &Host, note: &Note, key: &Key) -> bool {
    let (Some(endpoint), Some(token)) = (&note.server.revocation, &note.refresh_token) else {
        return false;
    };
    let form = revocation(host, token).with("end_browser_session", "true");
    for _ in 0..2 {
        let Ok(proof) = key.proof(host, "POST", endpoint, None).await else {
            return false;
        };
        let proof = Header {
            name: "DPoP".to_owned(),
            value: proof.into(),
        };
        match send(host, endpoint, &form, vec![proof]).await {
            Ok(Ok(response)) if response.status == 200 => return true,
            // Once more with the nonce that came.
            Ok(Ok(response))
                if Refusal::parse(response.body.bytes()).is_some_and(|no| no.error == "use_dpop_nonce") => {}
            _ => return false,
        }
    }
    false
}

fn revocation(host: &Host, token: &Secret) -> Form {
    Form::default()
        .with("client_id", &host.config().client_id)
        .with("token", token.text())
        .with("token_type_hint", "refresh_token")
}
