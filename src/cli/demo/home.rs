//! The demo's data folder: a database, a person whose password can be printed, and an app. Made once, then reused.

use std::{fs, io, path::Path, sync::Arc};

use anyhow::{Context, bail};

use crate::{
    app::{App, AppError, Surroundings},
    base::{entropy::Entropy, file::write_once, id::ClientId, text::Email, time::Lifetime},
    cli::words::shell,
    config::Config,
    domain::{
        actor::Actor,
        client::{ClientKind, ClientSettings},
        password::Password,
        role::Role,
    },
    flows::{
        Provider, account,
        admin::{By, look, people},
        clients::{self as client_verbs, secrets},
        sign_in::{Credentials, SignInError, by_password},
    },
};

/// Who signs in.
pub(super) const EMAIL: &str = "demo@example.com";
/// The app that the demo plays.
pub(super) const CLIENT: &str = "demo-app";
/// The API that its access tokens are for. No address: the port may differ from run to run.
pub(super) const RESOURCE: &str = "https://api.demo.example";
/// What the app asks for.
pub(super) const SCOPE: &str = "openid profile email offline_access";

const PASSWORD_FILE: &str = "demo-password";

/// As whom the demo's API follows what has ended.
pub(super) const API_CLIENT: &str = "demo-api";

const API_SECRET_FILE: &str = "demo-api-secret";

/// The password of the demo's person: the one of the last run, else a new one.
pub(super) fn password(data: &Path, config: &Config, entropy: &Entropy) -> anyhow::Result<String> {
    let file = data.join(PASSWORD_FILE);
    match fs::read_to_string(&file) {
        Ok(text) => return Ok(text.trim_end().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
    // Written before the database, so a database without it is somebody's real one.
    if config.database.file().is_none_or(Path::exists) {
        bail!(
            "{} has a database that the demo did not make; choose another folder with --data",
            shell(data)
        );
    }
    let password = readable(entropy);
    write_once(&file, format!("{password}\n").as_bytes())
        .with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(password)
}

/// Four words that can be read aloud, 48 random bits: `bimo-kazu-lepo-ruti`.
fn readable(entropy: &Entropy) -> String {
    let syllable = |byte: &u8| {
        let (consonant, vowel) = (usize::from(byte >> 2 & 15), usize::from(byte & 3));
        [CONSONANTS[consonant], VOWELS[vowel]]
    };
    let words = entropy.bytes::<8>();
    let words = words
        .chunks(2)
        .map(|pair| pair.iter().flat_map(syllable).collect::<String>());
    words.collect::<Vec<_>>().join("-")
}

const CONSONANTS: [char; 16] = [
    'b', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'z',
];
const VOWELS: [char; 4] = ['a', 'i', 'o', 'u'];

/// Opens the demo's database, and makes what is missing in it.
pub(super) async fn furnish(
    config: &Config,
    surroundings: &Surroundings,
    password: &str,
) -> anyhow::Result<App> {
    match App::found(config, surroundings).await {
        Ok(_) | Err(AppError::AlreadyFounded(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let app = App::open(config, surroundings.clone()).await?;
    let provider: &Arc<Provider> = &app.provider;
    let begin_anew = || {
        format!(
            "to begin anew, remove the folder that holds {}",
            config.database.location
        )
    };
    add_person(provider, password).await.with_context(begin_anew)?;
    add_client(provider).await.with_context(begin_anew)?;
    make_owner(provider).await.with_context(begin_anew)?;
    Ok(app)
}

async fn add_person(provider: &Arc<Provider>, password: &str) -> anyhow::Result<()> {
    let email: Email = EMAIL.parse()?;
    let password = Password::chosen(password.to_owned(), &email)?;
    let Some(user) = look::by_address(provider, &email).await? else {
        let name = "Demo Person".parse()?;
        account::add(provider, email, Some(name), password).await?;
        return Ok(());
    };
    if user.disabled_at.is_some() {
        bail!("{EMAIL} was disabled");
    }
    // It may have been changed on the account page; what is printed has to be true.
    let credentials = Credentials {
        email,
        password: password.clone(),
        address: "this command".to_owned(),
        known_browser: None,
    };
    match by_password(provider, credentials).await {
        Err(SignInError::Wrong) => {
            account::set_password(provider, user.id, password, None, None, Some(Actor::Operator)).await?;
            Ok(())
        }
        checked => Ok(checked.map(drop)?),
    }
}

/// The secret of the demo's API: the one of the last run, else a new one.
pub(super) async fn api_secret(provider: &Provider, data: &Path) -> anyhow::Result<String> {
    let file = data.join(API_SECRET_FILE);
    let id: ClientId = API_CLIENT.parse()?;
    let is_known = provider.clients.find(API_CLIENT).is_some();
    match fs::read_to_string(&file) {
        Ok(text) if is_known => return Ok(text.trim_end().to_owned()),
        // Of a client that was removed.
        Ok(_) => fs::remove_file(&file).with_context(|| format!("{} is in the way", file.display()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
    let secret = if is_known {
        let at_once = Lifetime::from_secs(0);
        secrets::rotate(provider, &id, None, at_once, Actor::Operator)
            .await?
            .new
    } else {
        let settings = ClientSettings {
            scope: "revocations".parse()?,
            ..ClientSettings::new(ClientKind::Service)
        };
        let name = "The demo's API".parse()?;
        let added = client_verbs::register(provider, id, name, settings, None, Actor::Operator).await?;
        added.secret.context("the demo's API has no secret")?
    };
    let secret = secret.secret.expose().to_owned();
    write_once(&file, format!("{secret}\n").as_bytes())
        .with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(secret)
}

/// The demo's person sees the console, too.
async fn make_owner(provider: &Provider) -> anyhow::Result<()> {
    let email: Email = EMAIL.parse()?;
    if let Some(user) = look::by_address(provider, &email).await? {
        people::set_role(provider, &By::operator(), user.id, Some(Role::Owner)).await?;
    }
    Ok(())
}

async fn add_client(provider: &Provider) -> anyhow::Result<()> {
    let settings = ClientSettings {
        redirect_uris: vec!["http://127.0.0.1/callback".parse()?],
        scope: SCOPE.parse()?,
        resource: Some(RESOURCE.parse()?),
        ..ClientSettings::new(ClientKind::Native)
    };
    let id = CLIENT.parse()?;
    if provider.clients.held(&id).is_some() {
        return Ok(());
    }
    client_verbs::add(provider, id, "Postern demo".parse()?, settings).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_password_can_be_chosen() {
        let email: Email = EMAIL.parse().expect("valid");
        for seed in 0..200 {
            let password = readable(&Entropy::seeded(seed));
            assert_eq!(password.len(), 19, "{password}");
            assert!(Password::chosen(password.clone(), &email).is_ok(), "{password}");
        }
    }
}
