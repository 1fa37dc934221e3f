//! `session list|end`, and the sessions that have come to their end by themselves.

use serde_json::Value;

use super::Shell;
use crate::harness::{ALICE, BOB, Postern, Tokens};

async fn ids(shell: &Shell, more: &[&str]) -> Vec<String> {
    let list = shell
        .run(&[&["session", "list", "--json"], more].concat())
        .await
        .json();
    let items = list["items"].as_array().expect("a list");
    let id = |session: &Value| session["id"].as_str().expect("text").to_owned();
    items.iter().map(id).collect()
}

#[tokio::test]
async fn an_app_session_is_ended_by_its_id() {
    let postern = Postern::start().await;
    let shell = Shell::beside(&postern);
    assert_eq!(
        shell.run(&["session", "list"]).await.done(),
        "No app is signed in.\n"
    );
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let table = shell.run(&["session", "list"]).await.done();
    assert!(
        table.starts_with("APP SESSION ") && table.contains("just now"),
        "{table}"
    );
    assert!(!table.contains("BROWSER"), "{table}");
    assert_eq!(ids(&shell, &[]).await, [tokens.sid()]);

    let said = shell.run(&["session", "end", &tokens.sid()]).await.done();
    assert_eq!(said, format!("{}: ended 1 app session.\n", tokens.sid()));
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
    assert_eq!(postern.count_events("session.ended").await, 1);
    // Who got no answer asks again: what stands is confirmed, and nothing is told twice.
    let again = shell
        .run(&["session", "end", &tokens.sid(), "--wait"])
        .await
        .done();
    let left = format!(
        "{}: no session was left to end.\nConfirmed by 0 of 0",
        tokens.sid()
    );
    assert!(again.starts_with(&left), "{again}");
    for unknown in [
        "bse_01890a5dac96774bbcceb302099a8057",
        "dse_01890a5dac96774bbcceb302099a8057",
    ] {
        let said = shell.run(&["session", "end", unknown, "--wait"]).await.refused(1);
        assert!(
            said.contains(&format!("there is no session {unknown}: it never was")),
            "{said}"
        );
    }
    assert_eq!(
        postern.count_events("session.ended").await,
        1,
        "nothing more ended"
    );
}

#[tokio::test]
async fn a_browser_session_is_ended_by_its_id_and_its_apps_live_on() {
    let postern = Postern::start().await;
    let (shell, mut browser) = (Shell::beside(&postern), postern.browser());
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut browser, ALICE).await;
    let list = shell
        .run(&["session", "list", "--user", ALICE, "--json"])
        .await
        .json();
    let id = list["browsers"][0]["id"].as_str().expect("a browser session");
    let table = shell.run(&["session", "list", "--user", ALICE]).await.done();
    assert!(
        table.starts_with("BROWSER SESSION ") && table.contains("\nAPP SESSION "),
        "{table}"
    );

    let all = shell.run(&["session", "browsers", "--json"]).await.json();
    assert_eq!(all["items"][0]["id"], id);
    let table = shell.run(&["session", "browsers", "--user", ALICE]).await.done();
    assert!(
        table.starts_with("BROWSER SESSION ") && table.contains(id),
        "{table}"
    );
    let none = shell
        .run(&["session", "browsers", "--device", "nokia"])
        .await
        .done();
    assert_eq!(none, "Nobody is signed in in a browser.\n");
    let shown = shell.run(&["session", "show", id]).await.done();
    assert!(shown.contains("active"), "{shown}");

    let ended = shell.run(&["session", "end", id, "--json"]).await.json();
    assert_eq!(
        (&ended["session"], &ended["ended"]["browsers"]),
        (&Value::from(id), &Value::from(1))
    );
    let shown = shell.run(&["session", "show", id]).await.done();
    assert!(shown.contains("(ended_by_operator)"), "{shown}");
    let page = browser.open("/account").await.page();
    assert_eq!(page.forms("/sign-in").len(), 1, "signed out");
    assert_eq!(phone.refresh(&tokens.refresh).await.status, 200);
}

#[tokio::test]
async fn everything_of_a_person_ends_and_nothing_of_others() {
    let postern = Postern::start().await;
    let shell = Shell::beside(&postern);
    let phone = postern.phone();
    let alice = phone.signed_in(&mut postern.browser(), ALICE).await;
    let bob = phone.signed_in(&mut postern.browser(), BOB).await;
    assert_eq!(ids(&shell, &["--user", BOB]).await, [bob.sid()]);
    let said = shell.run(&["session", "end", "--user", ALICE]).await.done();
    assert_eq!(
        said,
        "alice@example.com: ended 1 app session and 1 browser session.\n"
    );
    assert_eq!(phone.refresh(&alice.refresh).await.error(), "invalid_grant");
    assert_eq!(phone.refresh(&bob.refresh).await.status, 200);
    let again = shell.run(&["session", "end", "--user", ALICE]).await.done();
    assert!(again.contains("no session was left to end"), "{again}");
    shell
        .run(&["session", "end", "--user", "eve@example.com"])
        .await
        .refused(1);
}

#[tokio::test]
async fn a_long_list_goes_on_page_by_page() {
    let postern = Postern::start().await;
    let shell = Shell::beside(&postern);
    let mut sids = Vec::new();
    for _ in 0..3 {
        sids.push(
            postern
                .phone()
                .signed_in(&mut postern.browser(), ALICE)
                .await
                .sid(),
        );
        postern.advance("1s");
    }
    let first = shell
        .run(&["session", "list", "--user", ALICE, "--limit", "2", "--json"])
        .await
        .json();
    let next = first["next"].as_str().expect("there are more");
    assert_eq!(next, sids[1]);
    assert_eq!(ids(&shell, &["--user", ALICE, "--after", next]).await, sids[..1]);
    let table = shell
        .run(&["session", "list", "--user", ALICE, "--limit", "2"])
        .await
        .done();
    assert!(
        table.contains(&format!(
            "\n\nThere are more: postern session list --user {ALICE} --limit 2 --data "
        )) && table.ends_with(&format!(" --after {next}\n")),
        "{table}"
    );
    // What it says is what there is to type, and it leads to the end.
    let mut said = shell
        .run(&[
            "session",
            "list",
            "--used-since",
            "1h",
            "--client",
            "notes",
            "--limit",
            "1",
        ])
        .await
        .done();
    let mut seen = 1;
    while let Some((_, next)) = said.split_once("There are more: postern ") {
        let words: Vec<String> = next.split_whitespace().map(str::to_owned).collect();
        assert!(
            words
                .join(" ")
                .starts_with("session list --used-since 1h --client notes --limit 1 ")
        );
        assert_eq!(
            words.iter().filter(|word| *word == "--after").count(),
            1,
            "{words:?}"
        );
        let data = words
            .iter()
            .position(|word| word == "--data")
            .expect("where it is");
        let words = [&words[..data], &words[data + 2..]].concat();
        said = shell
            .run(&words.iter().map(String::as_str).collect::<Vec<_>>())
            .await
            .done();
        assert!(said.contains(&sids[2 - seen]), "{said}");
        seen += 1;
    }
    assert_eq!(seen, sids.len());
}

#[tokio::test]
async fn ends_of_many_are_listed_page_by_page() {
    let postern = Postern::start().await;
    let shell = Shell::beside(&postern);
    let mut begun = Vec::new();
    for reason in ["one", "two", "three"] {
        let end = [
            "session",
            "end",
            "--no-wait",
            "--client",
            "notes",
            "--reason",
            reason,
            "--json",
        ];
        begun.insert(0, shell.run(&end).await.json()["id"].clone());
        postern.advance("1s");
    }
    let ends = ["session", "ends", "--limit", "2"];
    let page = shell.run(&[&ends[..], &["--json"]].concat()).await.json();
    let ids = |page: &Value| {
        let items = page["items"].as_array().expect("a list");
        items.iter().map(|end| end["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((ids(&page), &page["next"]), (begun[..2].to_vec(), &begun[1]));
    let next = page["next"].as_str().expect("there are more");
    let said = shell.run(&ends).await.done();
    assert!(said.ends_with(&format!(" --after {next}\n")), "{said}");
    let rest = shell
        .run(&[&ends[..], &["--after", next, "--json"]].concat())
        .await
        .json();
    assert_eq!((ids(&rest), &rest["next"]), (begun[2..].to_vec(), &Value::Null));
}

#[tokio::test]
async fn what_idled_for_longer_than_its_client_allows_is_in_no_list() {
    let postern = Postern::start().await;
    let day = Some("1d".parse().expect("a length of time"));
    postern
        .add_client("bank", |bank| bank.lifetimes.device_session_idle = day)
        .await;
    let shell = Shell::beside(&postern);
    let mut browser = postern.browser();
    let short = postern.phone_of("bank").signed_in(&mut browser, ALICE).await;
    let long = postern.phone().signed_in(&mut browser, ALICE).await;
    postern.advance("23h");
    assert_eq!(ids(&shell, &[]).await.len(), 2);
    postern.advance("1h");
    assert_eq!(ids(&shell, &[]).await, [long.sid()]);
    // A page is filled from behind those that idle.
    let page = shell
        .run(&["session", "list", "--limit", "1", "--json"])
        .await
        .json();
    assert_eq!(
        (&page["items"][0]["id"], &page["next"]),
        (&Value::from(long.sid()), &Value::Null)
    );
    let account = browser.account(ALICE).await;
    let forms = account.forms("/account/end");
    let devices: Vec<_> = forms
        .iter()
        .map(|form| form.field("id"))
        .filter(|id| id.starts_with("dse_"))
        .collect();
    assert_eq!(devices, [long.sid()]);
    assert_eq!(
        postern.phone_of("bank").refresh(&short.refresh).await.error(),
        "invalid_grant"
    );
}

#[tokio::test]
async fn sessions_that_match_are_counted_first_and_end_with_a_reason() {
    let postern = Postern::start().await;
    let shell = Shell::beside(&postern);
    let phone = postern.phone();
    let code = phone.allowed_code(&mut postern.browser(), ALICE).await;
    let old = Tokens::of(&phone.redeem_with(&code, &[("app_version", "1.0")]).await);
    let code = phone.allowed_code(&mut postern.browser(), BOB).await;
    let new = Tokens::of(&phone.redeem_with(&code, &[("app_version", "2.0")]).await);
    assert_eq!(ids(&shell, &["--app-version", "1.0"]).await, [old.sid()]);
    let shown = shell.run(&["session", "show", &old.sid()]).await.done();
    assert!(
        shown.contains("version         1.0") && shown.contains("203.0.113.7"),
        "{shown}"
    );

    let flags = ["--client", "notes", "--app-version", "1.0"];
    let end = [&["session", "end", "--reason", "1.0 leaks"], &flags[..]].concat();
    let said = shell.run(&[&end[..], &["--dry-run"]].concat()).await.done();
    assert_eq!(
        said,
        "1 app session would end, with what hangs under them. Nothing was changed.\n"
    );
    assert_eq!(phone.refresh(&old.refresh).await.status, 200);
    let ended = shell.run(&[&end[..], &["--json"]].concat()).await.json();
    assert_eq!(
        (&ended["found"], &ended["ended"]),
        (&Value::from(1), &Value::from(1))
    );
    assert_eq!(phone.refresh(&old.refresh).await.error(), "invalid_grant");
    assert_eq!(phone.refresh(&new.refresh).await.status, 200);
    let shown = shell.run(&["session", "show", &old.sid()]).await.done();
    assert!(shown.contains("(ended_by_operator)"), "{shown}");
    let ends = shell.run(&["session", "ends"]).await.done();
    assert!(ends.contains("1.0 leaks") && ends.contains("done "), "{ends}");
    let id = ended["id"].as_str().expect("an id");
    let late = shell.run(&["session", "cancel-end", id]).await.refused(1);
    assert!(late.contains("it is done"), "{late}");

    // One by one with a reason too.
    shell
        .run(&["session", "end", &new.sid(), "--reason", "asked to"])
        .await
        .done();
    let events = postern.events().await;
    assert!(
        events
            .iter()
            .any(|(kind, data)| kind == "session.ended" && data["note"] == "asked to")
    );
}

#[tokio::test]
async fn all_browsers_of_a_person_are_shown_however_many_searches_that_takes() {
    let postern = Postern::start().await;
    postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    postern
        .tamper(
            "INSERT INTO browser_sessions (id, digest, user_id, auth_time, acr, amr, label, created_at, last_seen_at, expires_at)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
             SELECT CAST(substr(id, 1, 6) || randomblob(10) AS BLOB), randomblob(32), user_id, auth_time, acr, amr, label,
                    created_at, last_seen_at, expires_at FROM browser_sessions, n",
        )
        .await;
    let shell = Shell::beside(&postern);
    let shown = shell.run(&["user", "show", ALICE, "--json"]).await.json();
    assert_eq!(shown["browsers"], 1201);
    let listed = shell
        .run(&["session", "list", "--user", ALICE, "--json"])
        .await
        .json();
    assert_eq!(listed["browsers"].as_array().map(Vec::len), Some(1201));
}
