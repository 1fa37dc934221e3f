//! Apps of one maker on one device (Native SSO): mail is signed in, and chat signs in by it.

use postern::domain::client::{ClientSettings, ConsentPolicy, GrantType};

use super::{GRANT_TYPE, app_of};
use crate::harness::{ALICE, Answer, Phone, Postern, Tokens};

pub(super) const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
pub(super) const DEVICE_SECRET: &str = "urn:openid:params:token-type:device-secret";

/// The app that people sign in with.
pub(super) fn lets_in(settings: &mut ClientSettings) {
    settings.sso_group = Some("acme".parse().expect("a name"));
    settings.scope = "openid profile email offline_access device_sso"
        .parse()
        .expect("valid");
}

/// One that signs in by it, without a question.
pub(super) fn signs_in(settings: &mut ClientSettings) {
    settings.sso_group = Some("acme".parse().expect("a name"));
    settings.grant_types.insert(GrantType::TokenExchange);
    settings.consent = ConsentPolicy::Never;
}

pub(super) async fn register(postern: &Postern) {
    postern.add_client("mail", lets_in).await;
    postern.add_client("chat", signs_in).await;
}

pub(super) async fn start() -> Postern {
    let postern = Postern::start().await;
    register(&postern).await;
    postern
}

pub(super) fn mail(postern: &Postern) -> Phone<'_> {
    app_of(postern, "mail", "openid profile email offline_access device_sso")
}

/// What the apps of the maker share on the device.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) id_token: String,
    pub(super) secret: String,
}

impl Shared {
    pub(super) fn of(tokens: &Tokens) -> Self {
        let text = |name: &str| tokens.answer[name].as_str().expect(name).to_owned();
        Self {
            id_token: text("id_token"),
            secret: text("device_secret"),
        }
    }
}

/// Mail is signed in.
pub(super) async fn signed_in(postern: &Postern) -> (Tokens, Shared) {
    let tokens = mail(postern).signed_in(&mut postern.browser(), ALICE).await;
    let shared = Shared::of(&tokens);
    (tokens, shared)
}

/// An app signs in by what is shared.
pub(super) async fn sign_in_by(
    postern: &Postern,
    phone: &Phone<'_>,
    shared: &Shared,
    changes: &[(&str, &str)],
) -> Answer {
    let usual = [
        ("grant_type", GRANT_TYPE),
        ("client_id", phone.client),
        ("audience", postern.issuer()),
        ("subject_token", &shared.id_token),
        ("subject_token_type", ID_TOKEN),
        ("actor_token", &shared.secret),
        ("actor_token_type", DEVICE_SECRET),
    ];
    let others = usual
        .into_iter()
        .filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let form: Vec<_> = others.chain(changes.iter().copied()).collect();
    let proof = phone.key.as_ref().map(|_| phone.draft("POST", "/token").sign());
    let proofs: Vec<&str> = proof.iter().map(String::as_str).collect();
    phone.post_with_proofs("/token", &form, &proofs).await
}
