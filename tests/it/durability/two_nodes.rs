//! Two nodes on one PostgreSQL under load: an end counts for both at once, and the death of one is noticed by nobody
//! but its own callers.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::sleep;

use super::{
    device::Device,
    world::{Crowd, World, go_on},
};
use crate::harness::postgres;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_nodes_is_killed() {
    let Some(database) = postgres::database().await else {
        return;
    };
    let place = (database.cluster.url(&database.name), database.location.clone());
    let world = World::open(Some(place), 72).await;
    let (one, two) = (world.node().await, world.node().await);
    let (apps, doomed) = world.devices.split_at(64);
    let (of_one, of_two) = apps.split_at(32);
    let mut staying = Crowd::new();
    for app in of_one {
        staying.join(app, &one);
    }
    let mut losing = Crowd::new();
    for app in of_two {
        losing.join(app, &two);
    }

    go_on(apps, 1).await;
    for device in doomed {
        let next = device.refresh(&two, &device.held()).await;
        assert!(
            next.is_some() && device.is_accepted(&two).await,
            "the other node knows it"
        );
        device.ends(&one).await;
        assert!(
            device.is_refused(&two).await,
            "the very next request after the answer"
        );
    }

    two.kill().await;
    // They ask in vain, as long as nobody sends them elsewhere.
    while of_two.iter().any(|app| unanswered(app) == 0) {
        sleep(Duration::from_millis(5)).await;
    }
    go_on(of_one, 2).await;
    two.run();
    go_on(apps, 2).await;
    staying.stops().await;
    losing.stops().await;

    for app in of_one {
        assert_eq!(
            unanswered(app),
            0,
            "{} asked the node that lives: {}",
            app.id,
            one.log()
        );
    }
    for device in doomed {
        assert!(
            device.is_refused(&one).await && device.is_refused(&two).await,
            "{}",
            device.id
        );
    }
    let found = world.found(None).await;
    found.agrees_with(&world.devices);
    assert_eq!(found.count("session.ended"), doomed.len());
}

fn unanswered(app: &Arc<Device>) -> u64 {
    app.unanswered.load(Ordering::SeqCst)
}
