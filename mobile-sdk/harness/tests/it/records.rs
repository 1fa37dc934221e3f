//! Records that a newer SDK has written, that were torn, or that lost a bit.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
};

use base64ct::{Base64UrlUnpadded, Encoding};
use postern_mobile_core::{
    Action, AuthorizeParams, Config, Core, Effect, EndReason, ErrorCode, Event, ExchangeParams, HttpFailure,
    Input, LogoutMode, Operation, Outcome, Want,
};
use postern_mobile_harness::{
    device::{App, Device, Kill, fresh},
    fake::{Fake, ISSUER, Rules},
};

type Call = fn(&Core) -> Operation;

/// Alice is signed in, a sign-in waits for its browser and a sign-out for the network; and then the app was a newer one.
fn written_by_a_newer_sdk(server: &Fake) -> std::sync::Arc<Device> {
    let device = server.device();
    let app = device.app();
    server.sign_in(&app);
    server.person("bob");
    let bob = server.sign_in(&app);
    let wire = device.wire.lock().expect("one thread").clone();
    device.wire(|_| Input::HttpFailed {
        failure: HttpFailure::NotSent,
    });
    app.run(app.core.logout(Some(bob), LogoutMode::Session))
        .expect("signed out here");
    *device.wire.lock().expect("one thread") = wire;
    app.begin();
    server.person("alice");
    for (name, record) in device.store.records().iter_mut() {
        let text = String::from_utf8(record.clone()).expect("text");
        let newer = text.replace("\"schema\":1", "\"schema\":2");
        assert_ne!(newer, text, "{name}");
        *record = newer.into_bytes();
    }
    device
}

fn records(device: &Device) -> BTreeMap<String, String> {
    let records = device.store.records();
    let text = |value: &Vec<u8>| String::from_utf8_lossy(value).into_owned();
    records
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

#[test]
fn a_session_of_a_newer_sdk_is_refused_and_nothing_of_it_is_touched() {
    let calls: [(&str, Call); 10] = [
        ("token", |core| core.access_token(None, Want::default())),
        ("fresh token", |core| core.access_token(None, fresh())),
        ("request", |core| {
            core.authorize_request(None, "GET".into(), "https://api.example/".into(), Want::default())
        }),
        ("claims", |core| core.id_claims(None)),
        ("share", |core| core.share(None)),
        ("exchange", |core| {
            let params = ExchangeParams {
                audience: None,
                resource: None,
                scopes: None,
            };
            core.exchange(None, params)
        }),
        ("end_session_url", |core| core.end_session_url(None, None, None)),
        ("logout", |core| core.logout(None, LogoutMode::Session)),
        ("logout here", |core| core.logout(None, LogoutMode::LocalOnly)),
        ("logout of all", |core| {
            core.logout(None, LogoutMode::SessionAndBrowser)
        }),
    ];
    let server = Fake::default();
    let device = written_by_a_newer_sdk(&server);
    let (stored, keys) = (records(&device), device.keys.count());
    assert_eq!((stored.len(), keys), (4, 2), "{:?}", stored.keys());
    let asked = |path| server.asked(path);
    let before = [asked("token"), asked("revoke")];
    for read_only in [false, true] {
        let config = Config {
            read_only,
            ..device.config.clone()
        };
        let app = App {
            core: Core::new(config).expect("a configuration"),
            ..device.app()
        };
        for (name, call) in &calls {
            let error = app.run(call(&app.core)).expect_err("newer");
            let said = (error.code, error.number, error.action);
            assert_eq!(
                said,
                (ErrorCode::StorageTooNew, 1502, Action::UpdateApp),
                "{name}"
            );
        }
        assert_eq!(app.run(app.core.resume()), Ok(Outcome::Done));
        // They are there, and an app that names them is told more.
        let accounts = app.run(app.core.accounts());
        assert!(
            matches!(accounts, Ok(Outcome::Accounts { accounts, default: Some(_) }) if accounts.len() == 1)
        );
        assert!(app.events.lock().expect("one thread").is_empty());
    }
    assert_eq!(records(&device), stored);
    assert_eq!(device.keys.count(), keys);
    assert_eq!([asked("token"), asked("revoke")], before);
}

/// Whoever signs in anew takes the place of their own session, and ends it: of one that this SDK cannot read it cannot.
#[test]
fn a_sign_in_takes_no_place_of_a_newer_sdks_session() {
    let server = Fake::default();
    let device = written_by_a_newer_sdk(&server);
    let (stored, keys, ended) = (records(&device), device.keys.count(), server.ended());
    let app = device.app();
    let back = server.browse(&app.begin());
    let error = app.run(app.core.handle_redirect(back.as_str().into()));
    let error = error.expect_err("newer");
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::StorageTooNew, Action::UpdateApp)
    );
    assert_eq!(records(&device), stored);
    assert_eq!(device.keys.count(), keys, "none of the new one");
    assert_eq!(server.ended(), ended + 1, "the new one was given back");
    // Others may sign in, and out.
    server.person("carol");
    let carol = server.sign_in(&app);
    app.run(app.core.access_token(Some(carol.clone()), fresh()))
        .expect("Carol's");
    app.run(app.core.logout(Some(carol), LogoutMode::Session))
        .expect("signed out");
    assert_eq!(records(&device), stored);
    // The app is up to date again: all goes on where it was.
    for record in device.store.records().values_mut() {
        let text = String::from_utf8(record.clone()).expect("text");
        *record = text.replace("\"schema\":2", "\"schema\":1").into_bytes();
    }
    let app = device.app();
    assert!(app.refresh().is_ok());
    assert_eq!(app.run(app.core.resume()), Ok(Outcome::Done));
    assert_eq!(server.ended(), ended + 3, "Carol's, and Bob's that waited");
}

/// The record that says whom an app means that names nobody.
fn chosen(device: &Device) -> String {
    let all = records(device).into_iter();
    let mut named = all.filter(|(name, _)| name.starts_with("default/"));
    named.next().expect("one").1
}

/// Which account is the default one is written anew by who can read what is there.
#[test]
fn the_default_account_that_a_newer_sdk_has_chosen_stays() {
    let server = Fake::default();
    let device = written_by_a_newer_sdk(&server);
    let app = device.app();
    server.person("carol");
    let carol = server.sign_in(&app);
    let before = chosen(&device);
    let error = app.run(app.core.set_default(carol)).expect_err("newer");
    assert_eq!(error.code, ErrorCode::StorageTooNew);
    assert_eq!(chosen(&device), before);
    // Nor does a sign-in, when the account that it names is gone.
    device
        .store
        .records()
        .retain(|name, _| !name.starts_with("account/"));
    let app = device.app();
    server.sign_in(&app);
    assert_eq!(chosen(&device), before);
    assert!(app.refresh().is_ok(), "the first one is meant");
}

/// The process was killed before it could forget the sign-in, whose session a newer SDK has taken over since.
#[test]
fn a_sign_in_that_is_tidied_away_leaves_its_session_the_key() {
    for schema in ["1", "2"] {
        let server = Fake::default();
        let device = server.device();
        let app = device.app();
        let back = server.browse(&app.begin());
        let begun = device.store.names("pending/").remove(0);
        let record = String::from_utf8(device.store.records()[&begun].clone()).expect("text");
        app.run(app.core.handle_redirect(back.as_str().into()))
            .expect("signed in");
        let used = record.replace("\"used\":false", "\"used\":true");
        assert_ne!(used, record);
        let session = device.store.names("account/").remove(0);
        let account = records(&device)[&session].replace("\"schema\":1", &format!("\"schema\":{schema}"));
        device.store.records().insert(begun, used.into_bytes());
        device.store.records().insert(session, account.into_bytes());
        // One whose code was sent is left alone for ten minutes more.
        device.passed.fetch_add(4_200_001, Ordering::Relaxed);
        let app = device.app();
        assert_eq!(app.run(app.core.resume()), Ok(Outcome::Done));
        assert!(device.store.names("pending/").is_empty());
        assert_eq!(device.keys.count(), 1, "schema {schema}");
    }
}

/// Sign-ins as the first version stored them: for the browser, for another device, and for nobody but the server.
const BROWSER: &str = include_str!("pending-1-browser.json");
const DEVICE: &str = include_str!("pending-1-device.json");
const SERVER: &str = include_str!("pending-1-server.json");

/// Stores one of them with what is of today: until when it waits, its key and its code.
fn waits(device: &Device, record: &str, code: &str) -> String {
    let known: serde_json::Value = serde_json::from_str(record).expect("JSON");
    let flow = known["flow"].as_str().expect("text").to_owned();
    let Input::Key { key } = device.keys.ensure(&format!("key/{flow}")) else {
        panic!("a key");
    };
    let until = device.now().monotonic_ms + 3_600_000;
    let mut record = record
        .trim_end()
        .replace(&known["until_ms"].to_string(), &until.to_string());
    for (old, new) in [
        (&known["key"]["x"], Base64UrlUnpadded::encode_string(&key.x)),
        (&known["key"]["y"], Base64UrlUnpadded::encode_string(&key.y)),
        (&known["device_code"], code.to_owned()),
    ] {
        if let Some(old) = old.as_str() {
            record = record.replace(old, &new);
        }
    }
    device
        .store
        .records()
        .insert(format!("pending/{flow}"), record.into_bytes());
    flow
}

#[test]
fn a_sign_in_that_the_first_version_began_goes_on() {
    let server = Fake::new(Rules {
        device: true,
        ..Rules::default()
    });
    let back = server.browse(&format!(
        "{ISSUER}/authorize?redirect_uri=http://127.0.0.1/callback&state=kzPIlpD0XsPUZqUPBWy6AdlJp-fya_FwycocK5LAbY4\
         &nonce=Br2UPYbUH08t5ohJnUrynp5IM7uAT8M4l1jIo9hx0wU&code_challenge=hZ74did0Q4QVaQFNnAyB3N3whXnDc34MPjzoO0_8ckw"
    ));
    let back = format!("{back}&iss={ISSUER}");
    let other = server.device();
    other
        .app()
        .run(other.app().core.begin_device(AuthorizeParams::default()))
        .expect("a code");
    let code = other.store.record("pending/")["device_code"].clone();
    let code = code.as_str().expect("text");
    let device = server.device();
    for (record, redirected) in [(BROWSER, true), (DEVICE, false)] {
        let flow = waits(&device, record, code);
        let name = format!("pending/{flow}");
        let stored = records(&device)[&name].clone();
        let app = device.app();
        let finish = if redirected {
            app.core.handle_redirect(back.as_str().into())
        } else {
            app.core.poll_device(flow.clone())
        };
        let mut written = Vec::new();
        let (signed_in, _) = app.run_with(finish, Kill::Never, |_, effect| {
            if let Effect::Put { key, value, .. } = effect
                && *key == name
            {
                written.push(value.text().to_owned());
            }
            None
        });
        assert!(matches!(signed_in, Ok(Outcome::SignedIn { .. })), "{signed_in:?}");
        // An older version can read what this one writes.
        assert_eq!(written, [stored.replace("\"used\":false", "\"used\":true")]);
        assert_eq!(
            device.keys.count(),
            1,
            "of the session, whose predecessor's is gone"
        );
        assert!(device.store.names("pending/").is_empty());
    }
    // Nobody goes on with what waits for the server, but it is tidied away with its key.
    let flow = waits(&device, SERVER, code);
    let app = device.app();
    assert!(app.run(app.core.poll_device(flow)).is_err());
    device.passed.fetch_add(4_200_001, Ordering::Relaxed);
    assert_eq!(app.run(app.core.resume()), Ok(Outcome::Done));
    assert!(device.store.names("pending/").is_empty());
    assert_eq!(device.keys.count(), 1);
}

/// Puts this in the place of the session's record, and says what a refresh of it came to.
fn refresh(device: &std::sync::Arc<Device>, name: &str, record: &[u8]) -> (App, Result<(), ErrorCode>) {
    device.store.records().insert(name.to_owned(), record.to_vec());
    let app = device.app();
    let done = app.refresh().map(|_| ()).map_err(|error| error.code);
    (app, done)
}

#[test]
fn a_record_that_was_torn_is_wiped_and_told_once() {
    let server = Fake::default();
    let device = server.signed_in();
    let name = device.store.names("account/").remove(0);
    let record = device.store.records()[&name].clone();
    for end in 0..record.len() {
        let (app, done) = refresh(&device, &name, &record[..end]);
        assert_eq!(done, Err(ErrorCode::StorageCorrupt), "{end}");
        assert!(!device.store.records().contains_key(&name), "{end}");
        assert_eq!(app.refresh().expect_err("gone").code, ErrorCode::NoSuchAccount);
        let events = app.events.lock().expect("one thread");
        let told = events.iter().filter(|event| {
            matches!(
                event,
                Event::SessionEnded {
                    reason: EndReason::Corrupt,
                    ..
                }
            )
        });
        assert_eq!((told.count(), events.len()), (1, 1), "{end}");
    }
    let app = device.app();
    server.sign_in(&app);
    assert!(app.refresh().is_ok());
}

/// A host's store keeps what it is given as it was; of one that does not, this much is left.
#[test]
fn a_bit_that_flips_anywhere_in_a_record_is_a_typed_error_and_keeps_nobody_out() {
    let server = Fake::default();
    let device = server.signed_in();
    let name = device.store.names("account/").remove(0);
    let length = device.store.records()[&name].len();
    let mut seen = BTreeSet::new();
    for at in 0..length {
        server.sign_in(&device.app());
        let mut record = device.store.records()[&name].clone();
        let at = at.min(record.len() - 1);
        record[at] ^= 1 << (at % 8);
        let (app, done) = refresh(&device, &name, &record);
        let stored = device.store.records().get(&name).cloned();
        match done {
            Ok(()) => assert!(app.refresh().is_ok(), "{at}"),
            // Over: the record, the token in it or the name of its key is none.
            Err(ErrorCode::StorageCorrupt | ErrorCode::SessionRevoked | ErrorCode::KeyLost) => {
                assert_eq!(stored, None, "{at}: {done:?}");
            }
            // Left as it is: another app's or a newer SDK's, of another person, with another key, or without a token.
            Err(
                ErrorCode::NoSuchAccount
                | ErrorCode::StorageTooNew
                | ErrorCode::IdTokenSubject
                | ErrorCode::ProofRejected
                | ErrorCode::RequestRejected
                | ErrorCode::NoRefreshToken,
            ) => assert_eq!(stored.as_ref(), Some(&record), "{at}: {done:?}"),
            // The server is not where the record says.
            Err(ErrorCode::ServerUnavailable) => {}
            Err(other) => panic!("{at}: {other:?}"),
        }
        if done == Err(ErrorCode::StorageTooNew) {
            // Nobody else writes over it.
            device.store.records().remove(&name);
        }
        seen.insert(format!("{done:?}"));
    }
    assert!(
        seen.contains("Err(StorageTooNew)") && seen.contains("Err(StorageCorrupt)"),
        "{seen:?}"
    );
}

#[test]
fn a_record_of_one_account_in_the_place_of_another_is_none() {
    let server = Fake::default();
    let device = server.signed_in();
    let alice = device.store.names("account/").remove(0);
    let record = device.store.records()[&alice].clone();
    server.person("bob");
    server.sign_in(&device.app());
    let bob = device
        .store
        .names("account/")
        .into_iter()
        .find(|name| *name != alice);
    let bob = bob.expect("Bob's");
    device.store.records().insert(bob.clone(), record.clone());
    let app = device.app();
    let id = bob.trim_start_matches("account/").to_owned();
    let token = app.run(app.core.access_token(Some(id), Want::default()));
    assert_eq!(token.expect_err("Alice's").code, ErrorCode::StorageCorrupt);
    assert_eq!(device.store.records().get(&alice), Some(&record));
    assert!(!device.store.records().contains_key(&bob));
}
