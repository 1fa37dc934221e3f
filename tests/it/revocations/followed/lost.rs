//! A node dies, loses its database, or the connection to it breaks: nothing is missed, and an API that cannot know does
//! what it chose.

use std::time::Duration;

use postern_resource_server::{StreamHealth, WhenDown};
use tokio::time::sleep;

use super::{Api, World};
use crate::{durability::surely, harness::postgres, postgres::forwarder::Forwarder};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_while_the_node_that_is_followed_is_dead_is_refused_at_the_next() {
    let Some(world) = World::of_two_nodes(9).await else {
        return;
    };
    world.meets(1);
    let api = Api::follow(&world).await;
    let (doomed, alive) = (world.sessions(8), world.session());
    for session in &doomed {
        api.accepts(session).await;
    }
    let (early, late) = doomed.split_at(4);
    // Just before and after the death of the node that would have told.
    for session in early {
        world.ends(0, session).await;
    }
    world.servers[1].node.kill().await;
    for session in late {
        world.ends(0, session).await;
    }
    world.meets(0);
    for session in &doomed {
        api.refuses_at_last(session).await;
    }
    api.is_up().await;
    api.accepts(&alive).await;
    let confirmed = world.ends_and_waits(&alive).await;
    assert_eq!(confirmed.0, 0, "{confirmed:?}");
    api.refuses(&alive).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_node_is_killed_and_comes_back() {
    for world in World::of_each(6).await {
        world.meets(0);
        let api = Api::follow(&world).await;
        let (doomed, alive) = (world.sessions(4), world.session());
        for session in &doomed {
            api.accepts(session).await;
            world.ends(0, session).await;
        }
        world.servers[0].node.kill().await;
        world.servers[0].node.run();
        world.meets(0);
        for session in &doomed {
            api.refuses_at_last(session).await;
        }
        api.is_up().await;
        api.accepts(&alive).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_in_order_hands_its_apis_on() {
    let Some(world) = World::of_two_nodes(2).await else {
        return;
    };
    world.meets(1);
    let api = Api::follow(&world).await;
    let session = world.session();
    api.accepts(&session).await;
    // Who lost its stream comes to the other node.
    let stopping = world.servers[1].node.stop();
    let leading = async {
        sleep(Duration::from_millis(1)).await;
        world.meets(0);
    };
    tokio::join!(stopping, leading);
    let (code, said) = world.ends_and_waits(&session).await;
    assert_eq!(code, 0, "{said}");
    api.refuses(&session).await;
}

/// The node answers, and looks well to who only looks at the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_at_a_node_that_has_lost_its_database_notices_and_does_what_it_chose() {
    let Some(database) = postgres::database().await else {
        return;
    };
    let network = Forwarder::to(database.cluster.port).await;
    let cut_off = database.url().replace(
        &format!(":{}/", database.cluster.port),
        &format!(":{}/", network.port),
    );
    let mut world = World::open(Some((database.url(), database.location.clone())), 3).await;
    world.add_server(None).await;
    world.add_server(Some(cut_off)).await;
    world.meets(1);
    let choices = [WhenDown::Refuse, WhenDown::Introspect, WhenDown::Accept];
    let mut apis = Vec::new();
    for choice in choices {
        apis.push(Api::follow_or(&world, choice, 6).await);
    }
    let patient = Api::follow_or(&world, WhenDown::Refuse, 3600).await;
    let (doomed, alive) = (world.session(), world.session());
    for api in apis.iter().chain([&patient]) {
        api.accepts(&doomed).await;
    }

    network.lose_everything();
    world.ends(0, &doomed).await;
    for api in &apis {
        api.has_chosen().await;
    }
    // Neither the one whose end it cannot know of nor any other, by those who do not accept blindly.
    for session in [&doomed, &alive] {
        assert_eq!(apis[0].ask(session).await, 503);
        assert_eq!(
            apis[1].ask(session).await,
            503,
            "who can be asked has no database either"
        );
        assert_eq!(apis[2].ask(session).await, 200);
        assert_eq!(patient.ask(session).await, 200, "not yet");
    }
    let noticed = |health| matches!(health, StreamHealth::Down { choice: None, .. });
    patient.becomes("down, and waiting", noticed).await;

    // Led to the node that has a database.
    world.meets(0);
    for api in apis.iter().chain([&patient]) {
        api.is_up().await;
        api.refuses(&doomed).await;
        api.accepts(&alive).await;
    }
    network.heal();
    world.servers[1].node.becomes(200).await;
    world.meets(1);
    let session = world.session();
    let (code, said) = world.ends_and_waits(&session).await;
    assert_eq!(code, 0, "{said}");
    for api in apis.iter().chain([&patient]) {
        api.refuses(&session).await;
    }
}

/// Only the stream is down: who introspects is right about each token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_introspects_refuses_what_ends_while_there_is_no_stream() {
    let Some(mut world) = World::of_two_nodes(2).await else {
        return;
    };
    let api = Api::follow_or(&world, WhenDown::Introspect, 6).await;
    let (doomed, alive) = (world.session(), world.session());
    // Its client is not let in to any stream any more, and asks about tokens as before.
    world.may_not_follow().await;
    api.has_chosen().await;
    api.accepts(&alive).await;
    api.accepts(&doomed).await;
    world.ends(0, &doomed).await;
    api.refuses(&doomed).await;
    api.accepts(&alive).await;
    world.servers.clear();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_all_the_time_hides_nothing() {
    for world in World::of_each(13).await {
        let api = Api::follow(&world).await;
        let (doomed, alive) = (world.sessions(12), world.session());
        let breaking = async {
            loop {
                // A little longer than it takes to come back, or shorter.
                for pause in [20, 700, 150, 1500] {
                    world.front.lead_to_each(Vec::new());
                    sleep(Duration::from_millis(pause / 4)).await;
                    world.meets_everybody();
                    sleep(Duration::from_millis(pause)).await;
                }
            }
        };
        let ending = async {
            for session in &doomed {
                api.accepts(session).await;
                world.ends(0, session).await;
                api.refuses_at_last(session).await;
            }
        };
        tokio::select! {
            () = ending => {}
            () = breaking => unreachable!("it goes on"),
        }
        surely("all is well again", api.is_up()).await;
        for session in &doomed {
            api.refuses(session).await;
        }
        api.accepts(&alive).await;
    }
}
