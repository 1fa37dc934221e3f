//! A storm of strangers leaves room for people who have signed in before.

use futures_util::{StreamExt, stream::FuturesUnordered};

use super::{attempt, stand_still, stranger, with_one_hashing_thread};
use crate::harness::{ALICE, Answer, Browser, PASSWORD, Postern};

/// A server that hashes one password at a time; of six that may wait, two places are kept.
async fn start() -> Postern {
    Postern::start_with(|config| (config.passwords.workers, config.passwords.queue) = (1, 6)).await
}

fn is_told_to_come_back(answer: &Answer) {
    assert_eq!(answer.status, 503);
    assert!(!answer.header("retry-after").is_empty());
    assert!(
        answer.body.contains("<h1>Sign in</h1>"),
        "with the form, to try again"
    );
}

/// The same browser, for another request at the same time.
fn again<'a>(postern: &'a Postern, browser: &Browser<'_>) -> Browser<'a> {
    let mut copy = postern.browser();
    copy.cookies.clone_from(&browser.cookies);
    copy
}

#[test]
fn a_third_of_the_queue_is_kept_for_known_browsers() {
    with_one_hashing_thread(async {
        let postern = start().await;
        let mut alices = postern.browser();
        assert_eq!(attempt(&mut alices, ALICE, PASSWORD).await.status, 303);

        let go_on = stand_still();
        // Of unknown people: they cost a hash too, else they could be told apart.
        let names: Vec<String> = (0..8).map(|n| format!("nobody{n}@example.com")).collect();
        let mut storm: FuturesUnordered<_> = names
            .iter()
            .map(|name| stranger(&postern, name, PASSWORD))
            .collect();
        // One is being looked at and four wait.
        for _ in 0..3 {
            is_told_to_come_back(&storm.next().await.expect("eight"));
        }
        let mut known: FuturesUnordered<_> = (0..3)
            .map(|_| {
                let mut browser = again(&postern, &alices);
                async move { attempt(&mut browser, ALICE, PASSWORD).await }
            })
            .collect();
        // Two wait in the places that were kept.
        is_told_to_come_back(&known.next().await.expect("three"));
        // A stranger is still told to come back, whoever's address they write.
        is_told_to_come_back(&stranger(&postern, ALICE, PASSWORD).await);

        drop(go_on);
        let (storm, known): (Vec<_>, Vec<_>) = tokio::join!(storm.collect(), known.collect());
        let statuses = |answers: Vec<Answer>| -> Vec<u16> {
            answers.iter().map(|answer| answer.status.as_u16()).collect()
        };
        assert_eq!(statuses(storm), [422; 5]);
        assert_eq!(statuses(known), [303; 2]);
    });
}

#[test]
fn known_browsers_may_use_all_of_it() {
    with_one_hashing_thread(async {
        let postern = start().await;
        let mut alices = postern.browser();
        assert_eq!(attempt(&mut alices, ALICE, PASSWORD).await.status, 303);
        let go_on = stand_still();
        let mut known: FuturesUnordered<_> = (0..8)
            .map(|_| {
                let mut browser = again(&postern, &alices);
                async move { attempt(&mut browser, ALICE, PASSWORD).await }
            })
            .collect();
        // One is being looked at and six wait.
        is_told_to_come_back(&known.next().await.expect("eight"));
        is_told_to_come_back(&stranger(&postern, ALICE, PASSWORD).await);
        drop(go_on);
        let answers: Vec<Answer> = known.collect().await;
        assert_eq!(answers.len(), 7);
        assert!(answers.iter().all(|answer| answer.status == 303), "{answers:?}");
    });
}
