//! An end that an admin sees acknowledged arrives at every API, and one that was confirmed has arrived.

use super::{Api, World};
use crate::{durability::soak, harness::ALICE};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_on_one_node_is_refused_at_an_api_that_follows_another() {
    for world in World::of_each(12).await {
        let last = world.servers.len() - 1;
        world.meets(last);
        let api = Api::follow(&world).await;
        let (doomed, alive) = (world.sessions(8), world.session());
        for session in doomed.iter().chain([&alive]) {
            api.accepts(session).await;
        }
        for session in &doomed {
            world.ends(0, session).await;
        }
        for session in &doomed {
            api.refuses_at_last(session).await;
        }
        api.accepts(&alive).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_confirmed_is_refused_by_every_copy_without_waiting() {
    for world in World::of_each(4).await {
        let (one, two) = (Api::follow(&world).await, Api::follow(&world).await);
        for session in world.sessions(3) {
            one.accepts(&session).await;
            two.accepts(&session).await;
            let (code, said) = world.ends_and_waits(&session).await;
            assert_eq!(code, 0, "{said}");
            assert!(said.contains("Confirmed by 2 of 2"), "{said}");
            one.refuses(&session).await;
            two.refuses(&session).await;
        }
        // Who stops in order is not waited for.
        one.stop().await;
        let session = world.session();
        let (code, said) = world.ends_and_waits(&session).await;
        assert!(code == 0 && said.contains("Confirmed by 1 of 1"), "{said}");
        two.refuses(&session).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_one_job_ends_is_refused_when_that_is_confirmed_and_nothing_else() {
    let many = if soak() { 10_000 } else { 200 };
    for world in World::of_each(many).await {
        let api = Api::follow(&world).await;
        let (doomed, alive) = (world.sessions(many), world.bound_session());
        for session in doomed.iter().chain([&alive]) {
            api.accepts(session).await;
        }
        let (code, said) = world.ends_all_of(ALICE).await;
        assert_eq!(code, 0, "{said}");
        for session in &doomed {
            api.refuses(session).await;
        }
        api.accepts(&alive).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_bound_to_a_key_is_refused_with_the_right_proof() {
    for world in World::of_each(0).await {
        let api = Api::follow(&world).await;
        let session = world.bound_session();
        api.accepts(&session).await;
        let (code, said) = world.ends_and_waits(&session).await;
        assert_eq!(code, 0, "{said}");
        api.refuses(&session).await;
    }
}
