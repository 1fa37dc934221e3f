//! `session end --wait`.

use postern::base::time::Clock;
use serde_json::Value;

use super::Shell;
use crate::harness::{ALICE, BOB, Follower, Postern};

#[tokio::test]
async fn it_says_by_how_many_apis_the_end_is_confirmed_and_who_is_missing() {
    let postern = Postern::start_at(Clock::system(), None, |_| {}).await;
    let shell = Shell::beside(&postern);
    for email in [ALICE, BOB] {
        postern.phone().signed_in(&mut postern.browser(), email).await;
    }
    let (_, tokens) = {
        let phone = postern.phone();
        let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
        (phone, tokens)
    };
    let said = shell
        .run(&["session", "end", &tokens.sid(), "--wait"])
        .await
        .done();
    assert!(
        said.contains("Confirmed by 0 of 0: no API follows the revocation stream"),
        "{said}"
    );

    let follower = Follower::new(&postern, "api").await;
    let mut stream = follower.followed().await;
    let said = tokio::select! {
        said = shell.run(&["session", "end", "--user", ALICE, "--wait"]) => said.done(),
        () = follower.goes_on(&mut stream) => unreachable!("it goes on"),
    };
    assert!(said.contains("Confirmed by 1 of 1"), "{said}");

    let end = ["session", "end", "--user", BOB, "--wait", "--timeout", "100ms"];
    let said = shell.run(&end).await;
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.out.contains("Confirmed by 0 of 1") && said.out.contains("api "),
        "{}",
        said.out
    );
    assert!(
        said.err.contains("1 have not confirmed it in time"),
        "{}",
        said.err
    );
    // It is done all the same; and as JSON.
    let said = shell.run(&[&end[..], &["--json"]].concat()).await;
    assert_eq!(said.code, 3, "{said:?}");
    let json: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(json["confirmation"]["confirmed"], 0);
    assert_eq!(json["confirmation"]["missing"][0]["client"], "api");

    let wrong = shell
        .run(&["session", "end", "--user", BOB, "--timeout", "1s"])
        .await;
    assert_eq!(wrong.code, 2, "a timeout of nothing: {wrong:?}");
}
