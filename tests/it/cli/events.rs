//! `postern events export`: what happened, as lines.

use postern::{
    base::{
        id::{BrowserSessionId, ClientId, DeviceSessionId, MassEndId},
        time::{Instant, Lifetime},
    },
    domain::{
        ending::{Ending, Reason},
        event::Event,
    },
    flows::restore,
    store::restore::Effect,
};
use serde_json::{Value, json};

use super::Shell;
use crate::harness::{ALICE, Postern};

async fn export(shell: &Shell, words: &[&str]) -> Vec<Value> {
    let out = shell.run(&[&["events", "export"], words].concat()).await.done();
    out.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["kind"].as_str().expect("text"))
        .collect()
}

#[tokio::test]
async fn an_export_has_what_happened_in_its_span_oldest_first() {
    let postern = Postern::start().await;
    let shell = Shell::beside(&postern);
    let start = postern.clock.now();
    postern.advance("1h");
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let signed_in = postern.clock.now();
    postern.advance("1h");
    phone.revoke(&tokens.refresh).await;

    let all = export(&shell, &["--since", &start.to_rfc3339()]).await;
    assert_eq!(all.len(), postern.events().await.len());
    assert!(all.is_sorted_by_key(|line| line["at"].as_i64()));
    assert_eq!(kinds(&all[all.len() - 1..]), ["session.ended"]);
    assert_eq!(
        kinds(&export(&shell, &["--since", "59m"]).await),
        ["session.ended"]
    );
    // What happens within a millisecond has no order.
    let of_sign_in = export(&shell, &["--since", "61m", "--until", "1m"]).await;
    let mut of_sign_in = kinds(&of_sign_in);
    of_sign_in.sort_unstable();
    assert_eq!(
        of_sign_in,
        ["consent.granted", "session.opened", "user.signed_in"]
    );
    assert!(
        export(&shell, &["--since", "30m", "--until", "20m"])
            .await
            .is_empty()
    );
    // The end of a span is not in it, so that spans put one behind the other hold each event once.
    let until = Instant::from_millis(signed_in.millis()).to_rfc3339();
    let before = export(&shell, &["--since", "3h", "--until", &until]).await;
    assert_eq!(before.len() + 4, all.len());
}

#[tokio::test]
async fn a_line_says_what_when_and_whom_and_no_secret() {
    let postern = Postern::start().await;
    let shell = Shell::beside(&postern);
    postern.advance("1h");
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    postern.advance("1s");
    phone.revoke(&tokens.refresh).await;
    let lines = export(&shell, &["--since", "1m"]).await;
    let alice = postern.user(ALICE).await.id.to_string();
    let end = lines.last().expect("an event");
    assert_eq!(end["at"], postern.clock.now().millis());
    assert!(end["id"].as_str().is_some_and(|id| id.starts_with("evt_")));
    assert_eq!(
        end["subject"],
        json!({ "user": alice, "client": "notes", "session": tokens.sid(), "address": "203.0.113.7" })
    );
    assert_eq!(
        end["data"],
        json!({ "kind": "session.ended", "node": "device", "id": tokens.sid(), "reason": "revoked",
                "devices": 1, "browsers": 0 })
    );
    let text = serde_json::to_string(&lines).expect("JSON");
    assert!(!text.contains("pst_") && !text.contains(&tokens.refresh[10..]));
}

#[tokio::test]
async fn more_events_than_a_page_come_each_once() {
    let postern = Postern::start().await;
    for n in 0..600 {
        postern.add_user(&format!("person{n}@example.com")).await;
    }
    let lines = export(&Shell::beside(&postern), &["--since", "59m"]).await;
    let mut ids: Vec<_> = lines
        .iter()
        .map(|line| line["id"].as_str().expect("text"))
        .collect();
    assert!(ids.len() > 600 && ids.is_sorted());
    ids.dedup();
    assert_eq!(ids.len(), lines.len());
}

#[tokio::test]
async fn a_time_that_is_none_says_how_to_write_it() {
    let postern = Postern::start().await;
    let said = Shell::beside(&postern)
        .run(&["events", "export", "--since", "yesterday"])
        .await
        .refused(2);
    assert!(
        said.contains("2026-11-22T10:00:00Z") && said.contains("2h"),
        "{said}"
    );
}

#[tokio::test]
async fn every_end_for_every_reason_is_read_from_its_line_to_be_done_again() {
    let postern = Postern::start().await;
    let user = postern.user(ALICE).await.id;
    let browser = BrowserSessionId::from_bytes([1; 16]);
    let device = DeviceSessionId::from_bytes([2; 16]);
    let notes: ClientId = "notes".parse().expect("a client id");
    let endings = [
        Ending::Device { id: device },
        Ending::Granted { id: device },
        Ending::Browser { id: browser },
        Ending::AllOfOrigin { id: browser },
        Ending::User { id: user, keep: None },
        Ending::User {
            id: user,
            keep: Some(browser),
        },
        Ending::Consent {
            user,
            client: notes.clone(),
        },
        Ending::Client { id: notes },
        Ending::Matching {
            mass_end: MassEndId::from_bytes([3; 16]),
            ids: vec![device],
        },
    ];
    let mut written = Vec::new();
    for ending in endings {
        for reason in Reason::ALL {
            // One each millisecond: an export has them in this order.
            postern.clock.advance(Lifetime::from_millis(1));
            let (now, ending) = (postern.clock.now(), ending.clone());
            written.push(Effect::Ended(ending.clone(), reason));
            let event = Event::SessionsEnded {
                ending,
                reason,
                devices: 1,
                browsers: 0,
                note: None,
            };
            postern.happened(now, event).await;
        }
    }
    let lines = Shell::beside(&postern)
        .run(&["events", "export", "--since", "1h"])
        .await
        .done();
    let read = lines
        .lines()
        .map(|line| restore::read(line).expect("read").effect);
    let read: Vec<Effect> = read
        .filter(|effect| matches!(effect, Effect::Ended(..)))
        .collect();
    assert_eq!(read, written);
}

#[tokio::test]
async fn an_export_may_be_of_one_kind_and_of_one_person() {
    let postern = Postern::start().await;
    let shell = Shell::beside(&postern);
    for email in [ALICE, crate::harness::BOB] {
        postern.phone().signed_in(&mut postern.browser(), email).await;
    }
    let of_alice = export(&shell, &["--since", "1h", "--user", ALICE]).await;
    let alice = postern.user(ALICE).await.id.to_string();
    assert_eq!(of_alice.len(), 4, "made, signed in, allowed, opened");
    assert!(of_alice.iter().all(|line| line["subject"]["user"] == alice));
    let opened = export(&shell, &["--since", "1h", "--kind", "session.opened"]).await;
    assert_eq!(kinds(&opened), ["session.opened"; 2]);
    let made = export(
        &shell,
        &["--since", "1h", "--kind", "user.created", "--user", ALICE],
    )
    .await;
    assert_eq!(
        (made.len(), &made[0]["actor"]),
        (1, &json!({ "kind": "operator" }))
    );
    let nobody = shell
        .run(&[
            "events",
            "export",
            "--since",
            "1h",
            "--user",
            "nobody@example.com",
        ])
        .await
        .refused(1);
    assert!(nobody.contains("nobody@example.com"), "{nobody}");
}
