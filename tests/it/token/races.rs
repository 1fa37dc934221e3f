//! Many at once.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};
use postern::{
    domain::{
        ending::{Ending, Reason},
        event::Subject,
    },
    flows::end::end,
};

use super::{Prover, number, row, set, signed_in};
use crate::harness::{ALICE, Postern, Tokens};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_refreshes_of_one_token_all_get_the_same_successor() {
    for postern in Postern::on_each().await {
        let (phone, first) = signed_in(&postern, "notes").await;
        let mut newest = first.refresh.clone();
        for round in 1..=3 {
            let answers = join_all((0..64).map(|_| phone.refresh(&newest))).await;

            let tokens: Vec<Tokens> = answers.iter().map(Tokens::of).collect();
            let successors: BTreeSet<&str> = tokens.iter().map(|tokens| tokens.refresh.as_str()).collect();
            assert_eq!(successors.len(), 1);
            let access: BTreeSet<&str> = tokens.iter().map(|tokens| tokens.access.as_str()).collect();
            assert_eq!(access.len(), 64);
            let row = row(&postern, &first).await;
            assert_eq!((row.generation, row.retries), (round + 1, 63 * round));
            newest.clone_from(&tokens[0].refresh);
            postern.advance("1h");
        }
        assert_eq!(number(&postern, "SELECT COUNT(*) FROM device_sessions").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_refreshes_of_a_bound_session_too() {
    for postern in Postern::on_each().await {
        let app = Prover::new(&postern, "the phone's key");
        let first = app.signed_in().await;

        let answers = join_all((0..64).map(|_| app.refresh(&first.refresh))).await;

        let successors: BTreeSet<String> = answers
            .into_iter()
            .map(|answer| answer.expect("all are served").refresh)
            .collect();
        assert_eq!(successors.len(), 1);
        assert_eq!(row(&postern, &first).await.generation, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_refreshes_of_a_token_newer_than_its_row_go_forward_once() {
    for postern in Postern::on_each().await {
        let (phone, first) = signed_in(&postern, "notes").await;
        let mut newest = first.refresh.clone();
        for _ in 0..4 {
            newest = Tokens::of(&phone.refresh(&newest).await).refresh;
        }
        set(&postern, &first, "generation = 1").await;

        let answers = join_all((0..64).map(|_| phone.refresh(&newest))).await;

        let successors: BTreeSet<String> = answers.iter().map(|answer| Tokens::of(answer).refresh).collect();
        assert_eq!(successors.len(), 1);
        assert_eq!(row(&postern, &first).await.generation, 6);
        assert_eq!(postern.count_events("refresh.fast_forwarded").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_acknowledged_end_no_refresh_succeeds() {
    for postern in Postern::on_each().await {
        let id = postern.user(ALICE).await.id;
        for _ in 0..10 {
            let (phone, first) = signed_in(&postern, "notes").await;
            let (_, other) = signed_in(&postern, "notes").await;
            let refreshes = async |tokens: &Tokens| {
                let mut newest = tokens.clone();
                loop {
                    let answers = join_all((0..4).map(|_| phone.refresh(&newest.refresh))).await;
                    assert!(
                        answers
                            .iter()
                            .all(|answer| [200, 400].contains(&answer.status.as_u16()))
                    );
                    let last = answers.iter().rposition(|answer| answer.status == 200);
                    match last {
                        Some(last) => newest = Tokens::of(&answers[last]),
                        None => return newest,
                    }
                }
            };
            let ending = async {
                tokio::task::yield_now().await;
                let ending = Ending::User { id, keep: None };
                let ended = end(
                    postern.provider(),
                    ending,
                    Reason::EndedByOperator,
                    Subject::default(),
                )
                .await;
                assert_eq!(ended.expect("the database answers").devices, 2);
                // Acknowledged: from here on nothing is served, whoever is still on the way.
                let active = "SELECT COUNT(*) FROM device_sessions WHERE state <> 'ended'";
                assert_eq!(number(&postern, active).await, 0);
                assert_eq!(phone.refresh(&first.refresh).await.status, 400);
            };
            let ((newest, others), ()) = join(join(refreshes(&first), refreshes(&other)), ending).await;
            for tokens in [newest, others] {
                assert_eq!(phone.refresh(&tokens.refresh).await.status, 400);
                assert_eq!(phone.userinfo(&tokens.access).await.status, 401);
            }
        }
        assert_eq!(
            number(
                &postern,
                "SELECT COUNT(*) FROM device_sessions WHERE state <> 'ended'"
            )
            .await,
            0
        );
    }
}
