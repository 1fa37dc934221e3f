//! 64 tasks at once against the real program: one winner where there may be one, and no fault.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::future::join_all;

use super::{node::Node, world::World};
use crate::harness::postgres;

/// Sends the same form 64 times at once; each status with its body.
async fn at_once(node: &Arc<Node>, form: &[(&'static str, String)]) -> Vec<(u16, String)> {
    let tasks = (0..64).map(|_| {
        let (node, form) = (Arc::clone(node), form.to_vec());
        tokio::spawn(async move {
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = node.post("/token", &form).send().await.expect("an answer");
            (answer.status().as_u16(), answer.text().await.expect("a body"))
        })
    });
    let answers = join_all(tasks).await;
    answers
        .into_iter()
        .map(|answer| answer.expect("no panic"))
        .collect()
}

async fn race(world: World) {
    let node = world.node().await;
    for device in &world.devices {
        for _ in 0..3 {
            let held = device.held();
            let form = [
                ("grant_type", "refresh_token".to_owned()),
                ("client_id", "notes".to_owned()),
                ("refresh_token", held.refresh.clone()),
            ];
            let answers = at_once(&node, &form).await;
            let mut successors = BTreeSet::new();
            for (status, body) in answers {
                assert_eq!(status, 200, "{body}");
                let json: serde_json::Value = serde_json::from_str(&body).expect("JSON");
                successors.insert(json["refresh_token"].as_str().expect("a token").to_owned());
            }
            assert_eq!(successors.len(), 1, "one successor for all");
            // The device comes last: it gets that one too.
            let next = device.refresh(&node, &held).await.expect("it lives");
            assert!(successors.contains(&next.refresh));
        }
    }
    world.found(None).await.agrees_with(&world.devices);
    let log = node.log();
    assert!(!log.contains("ERROR") && !log.contains("locked"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_refreshes_of_one_token_on_the_embedded_database() {
    race(World::open(None, 3).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_refreshes_of_one_token_on_postgresql() {
    let Some(database) = postgres::database().await else {
        return;
    };
    let place = (database.cluster.url(&database.name), database.location.clone());
    race(World::open(Some(place), 3).await).await;
}
