//! The recorded conversations in `transcripts/`, which every language replays. They are compared with what the core says
//! now; `POSTERN_RECORD=1` holds them with the real server and writes them anew, `POSTERN_RECORD=NAME` one of them.

#![expect(
    clippy::disallowed_methods,
    reason = "the files and the environment are the test's"
)]

mod faults;
mod other_ways;
mod sessions;
mod sign_in;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use postern_mobile_core::{Config, Outcome};
use postern_mobile_harness::{
    device::{Device, config, signed_in},
    server::Server,
    transcript::{Recorder, replay},
};
use serde_json::{Value, json};

type Story = fn(&Server) -> Recorder;

const STORIES: [(&str, Story); 29] = [
    ("sign-in-to-logout", sign_in::to_logout),
    ("sign-in-killed", sign_in::killed),
    ("sign-in-refused", sign_in::refused),
    ("redirects-forged", sign_in::redirects_forged),
    ("refresh-answer-lost", sessions::answer_lost),
    ("refresh-write-fails", sessions::write_fails),
    ("refresh-another-was-faster", sessions::another_was_faster),
    ("refresh-killed", sessions::killed),
    ("server-asks-for-patience", sessions::server_asks_for_patience),
    ("device-locked", sessions::device_locked),
    ("key-lost", sessions::key_lost),
    ("read-only", sessions::read_only),
    ("two-people", sessions::two_people),
    ("logout-offline", sessions::logout_offline),
    ("logout-killed", sessions::logout_killed),
    ("logout-in-the-browser", sessions::logout_in_the_browser),
    ("adopt", other_ways::adopt),
    ("adopt-killed", other_ways::adopt_killed),
    ("device-grant", other_ways::device_grant),
    ("device-grant-runs-out", other_ways::device_grant_runs_out),
    ("token-exchange", other_ways::token_exchange),
    ("native-sso", other_ways::native_sso),
    ("native-sso-killed", other_ways::native_sso_killed),
    ("native-sso-shared", other_ways::native_sso_shared),
    ("attestation", faults::attestation),
    ("signer-fails", faults::signer_fails),
    ("no-hardware-key", faults::no_hardware_key),
    ("store-fails", faults::store_fails),
    ("server-talks-nonsense", faults::server_talks_nonsense),
];

/// The apps besides `app`: one whose tokens another SDK has kept, one that signs its person out in the browser, a
/// television, and two of one maker.
const APPS: [(&str, &str, &str); 5] = [
    (
        "old",
        SCOPE,
        "--redirect-uri http://127.0.0.1/callback --dpop allowed",
    ),
    (
        "notes",
        SCOPE,
        "--redirect-uri http://127.0.0.1/callback --dpop required \
         --post-logout-redirect-uri http://127.0.0.1/bye",
    ),
    (
        "tv",
        SCOPE,
        "--grant-type urn:ietf:params:oauth:grant-type:device_code --grant-type refresh_token --dpop required",
    ),
    (
        "mail",
        "openid profile offline_access device_sso",
        "--redirect-uri http://127.0.0.1/callback --dpop required --sso-group acme",
    ),
    (
        "chat",
        SCOPE,
        "--redirect-uri http://127.0.0.1/callback --dpop required --sso-group acme --grant-type authorization_code \
         --grant-type refresh_token --grant-type urn:ietf:params:oauth:grant-type:token-exchange",
    ),
];
/// What every host meets in one of them: calls, effects with their inputs, ends.
const COVERED: &str = "begin handle_redirect cancel begin_device poll_device access_token authorize_request response_seen \
    logout:session logout:session_and_browser logout:local_only end_session_url accounts set_default id_claims exchange \
    share native_sso adopt resume \
    http>http http>http_failed:not_sent http>http_failed:ambiguous get>value get>absent get>failed:io get>failed:unknown \
    get>failed:corrupt put>stored put>conflict put>failed:locked put>failed:io delete>done delete>conflict \
    delete>failed:io keys>keys keys>failed:locked keys>failed:timeout lock>lock_held lock>lock_timeout unlock>done \
    key_ensure>key key_ensure>failed:unavailable sign>signature sign>failed:locked sign>failed:not_found \
    sign>failed:cancelled sign>failed:timeout sign>failed:unavailable sign>failed:corrupt sign>failed:key_lost \
    key_delete>done key_delete>failed:locked attest>attested attest>failed:unavailable attest>failed:unknown \
    random>random sleep>done \
    =authorization_ready =device_ready =signed_in =token =headers =accounts =url =claims =shared =done \
    +account_added +account_removed +tokens_rotated +session_ended +storage_degraded +storage_recovered \
    +clock_skew_detected +redirect_rejected +revocation_queued +attestation_skipped";
const SCOPE: &str = "openid profile offline_access";

#[test]
fn the_recorded_conversations_are_what_the_core_says() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../transcripts"));
    let record = std::env::var("POSTERN_RECORD").unwrap_or_default();
    let mut covered = BTreeSet::new();
    for (name, story) in STORIES {
        let file = folder.join(format!("{name}.json"));
        if record == "1" || record == name {
            let server = Server::start_with(&APPS);
            let transcript = story(&server).transcript();
            std::fs::write(&file, format!("{transcript:#}\n")).expect("written");
        }
        let text = std::fs::read_to_string(&file).expect("recorded: POSTERN_RECORD=1");
        let transcript: Value = serde_json::from_str(&text).expect("JSON");
        if let Err(difference) = replay(&transcript) {
            panic!("{name}: {difference}\nIf that is meant to be so: POSTERN_RECORD=1");
        }
        cover(&transcript, &mut covered);
        // Whoever compares nothing finds no difference either.
        let mut other = transcript;
        other["turns"][0]["steps"][0]["input"] = json!({ "type": "conflict" });
        assert!(replay(&other).is_err(), "{name}");
    }
    let missing: Vec<_> = COVERED
        .split(' ')
        .filter(|word| !word.is_empty() && !covered.contains(*word))
        .collect();
    assert!(missing.is_empty(), "in no conversation: {missing:?}");
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    let files = files.filter(|file| file.path().extension().is_some_and(|end| end == "json"));
    assert_eq!(files.count(), STORIES.len(), "each has its story");
}

/// The words of `COVERED` that a conversation has.
fn cover(transcript: &Value, words: &mut BTreeSet<String>) {
    let kind = |value: &Value, more: &str| {
        let name = value["type"].as_str().unwrap_or_default();
        value[more]
            .as_str()
            .map_or_else(|| name.to_owned(), |more| format!("{name}:{more}"))
    };
    for turn in transcript["turns"].as_array().into_iter().flatten() {
        words.insert(kind(&turn["call"], "mode"));
        for step in turn["steps"].as_array().into_iter().flatten() {
            let input = &step["input"];
            let why = if input["type"] == "failed" {
                "error"
            } else {
                "failure"
            };
            words.insert(format!("{}>{}", kind(&step["effect"], ""), kind(input, why)));
            words.insert(format!("={}", kind(&step["done"], "")));
            let events = step["events"].as_array().into_iter().flatten();
            words.extend(events.map(|event| format!("+{}", kind(event, ""))));
        }
    }
}

fn fresh() -> Value {
    json!({ "type": "access_token", "account": null, "min_ttl_ms": 0, "fresh": true })
}

fn redirect(url: &str) -> Value {
    json!({ "type": "handle_redirect", "url": url })
}

fn begin(recorder: &mut Recorder) -> String {
    match recorder.run(&json!({ "type": "begin" })) {
        Ok(Outcome::AuthorizationReady { ready }) => ready.url,
        other => panic!("{other:?}"),
    }
}

/// Alice is signed in on it already.
fn with_session(server: &Server, about: &'static str) -> (Arc<Device>, Recorder) {
    let device = signed_in(server);
    let recorder = Recorder::new(&device, about);
    (device, recorder)
}

/// A device with another configuration.
fn with_app(server: &Server, client_id: &str, change: impl FnOnce(&mut Config)) -> Arc<Device> {
    let mut config = config(&server.issuer);
    client_id.clone_into(&mut config.client_id);
    change(&mut config);
    Device::new(config)
}
