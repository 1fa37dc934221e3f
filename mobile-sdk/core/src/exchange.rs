//! Token exchange (RFC 8693), and the apps of one maker that sign in once (OpenID Connect Native SSO for Mobile Apps 1.0).

use crate::{
    access_token, account, discovery, end,
    error::ErrorCode,
    host::{Host, Result},
    outcome::{ExchangeParams, NativeSso, Outcome, Want},
    pending,
    record::pending::{Kind, Pending},
    sign_in, token_endpoint,
    token_response::Reply,
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Exchanges the account's access token; nothing of it is kept.
pub(crate) async fn exchange(
    host: &Host,
    account: Option<String>,
    params: ExchangeParams,
) -> Result<Outcome> {
    let scopes = params.scopes.map(|scopes| scopes.join(" "));
    for _ in 0..2 {
        let (id, token) = access_token::obtain(host, account.clone(), &Want::default()).await?;
        // This token's key: what is stored by now may be another session.
        let key = host.memory().session(&id).key.clone();
        let (account, _) = account::load(host, &id).await?;
        let form = token_endpoint::request(host, GRANT)
            .with("subject_token", token.value.text())
            .with(
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            )
            .with_some("audience", params.audience.as_deref())
            .with_some("resource", params.resource.as_deref())
            .with_some("scope", scopes.as_deref());
        let sent = host.now();
        let granted = match (
            token_endpoint::ask(host, &account.server, &form, key.as_ref()).await,
            &key,
        ) {
            (Err(error), Some(key)) if error.code == ErrorCode::KeyLost => {
                end::without_key(host, &id, key).await?;
                continue;
            }
            (reply, _) => reply?.granted()?,
        };
        granted.check_type(key.is_some())?;
        let token = granted.access(params.resource, scopes, &account.scopes, &sent);
        let token = token.token(&host.now());
        return Ok(Outcome::Token { token });
    }
    Err(ErrorCode::Busy.into())
}

/// What an app of the same maker needs; to be put where only those can read it.
pub(crate) async fn share(host: &Host, account: Option<String>) -> Result<Outcome> {
    let id = account::resolve(host, account).await?;
    let (account, _) = account::load(host, &id).await?;
    match (account.id_token, account.device_secret) {
        (Some(id_token), Some(device_secret)) => Ok(Outcome::Shared {
            sso: NativeSso {
                id_token,
                device_secret,
            },
        }),
        _ => Err(ErrorCode::NotSupported.into()),
    }
}

/// Section 4.3: the other app's ID token and device secret for a session of one's own, with one's own key.
pub(crate) async fn native_sso(host: &Host, sso: NativeSso) -> Result<Outcome> {
    let server = discovery::server(host).await?;
    pending::tidy(host, 1).await?;
    let flow = pending::flow_of(&host.random_text().await?);
    let scopes = host.config().scopes.clone();
    let pending = Pending {
        // Nobody continues it; what is left of it after a crash is tidied away.
        used: true,
        ..Pending::new(host, flow, server, scopes, Kind::Server)
    };
    let (pending, version) = pending.begin(host).await?;
    let form = token_endpoint::request(host, GRANT)
        .with("audience", &host.config().issuer)
        .with("subject_token", sso.id_token.text())
        .with("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")
        .with("actor_token", sso.device_secret.text())
        .with("actor_token_type", "urn:openid:params:token-type:device-secret")
        .with("scope", &pending.scopes.join(" "));
    let sent = host.now();
    let reply = token_endpoint::ask(host, &pending.server, &form, pending.key.as_ref()).await;
    match reply.and_then(Reply::granted) {
        Ok(granted) => sign_in::complete(host, &pending, version, &granted, &sent).await,
        Err(error) => {
            pending::give_up(host, &pending, version).await?;
            Err(error)
        }
    }
}
