use std::collections::BTreeMap;

use futures_util::future::join_all;
use postern::{
    base::{entropy::Entropy, id::NodeId},
    store::{app_versions::Walked, jobs::claim},
};

use super::world::{World, at};

fn nodes(many: usize) -> Vec<NodeId> {
    let entropy = Entropy::seeded(9);
    (0..many).map(|_| NodeId::new(at(0), &entropy)).collect()
}

async fn gets(world: &World, node: NodeId, from: i64, until: i64) -> bool {
    let claimed = claim(&world.db, "work", node, at(from), at(until)).await;
    claimed.expect("answered").is_some()
}

pub(crate) async fn of_many_at_once_one_gets_the_job(world: World) {
    let nodes = nodes(64);
    for round in 0..3 {
        let (from, until) = (round * 100, round * 100 + 99);
        let got = join_all(nodes.iter().map(|node| gets(&world, *node, from, until))).await;
        assert_eq!(got.into_iter().filter(|got| *got).count(), 1, "round {round}");
    }
}

pub(crate) async fn a_job_is_kept_by_its_holder_and_lost_by_time(world: World) {
    let [one, other] = nodes(2)[..] else { panic!("two") };
    assert!(gets(&world, one, 0, 100).await && !gets(&world, other, 50, 150).await);
    assert!(gets(&world, one, 50, 200).await && !gets(&world, other, 150, 250).await);
    assert!(gets(&world, other, 200, 300).await && !gets(&world, one, 250, 350).await);
    let of_another_name = claim(&world.db, "other work", one, at(250), at(350)).await;
    assert!(of_another_name.expect("answered").is_some());
}

pub(crate) async fn who_takes_over_goes_on_where_the_other_was(world: World) {
    let [one, other] = nodes(2)[..] else { panic!("two") };
    let cursor = async |node, from| {
        let claimed = claim(&world.db, "work", node, at(from), at(from + 100)).await;
        claimed.expect("answered").expect("free").cursor
    };
    assert_eq!(cursor(one, 0).await, None);
    let remember = async |holder, cursor| {
        let walked = Walked {
            job: "work",
            holder,
            is_new: false,
            cursor,
            met: BTreeMap::new(),
            now: at(0),
        };
        world.db.write(walked).await.expect("answered")
    };
    let far = Some(vec![7; 16]);
    assert!(remember(one, far.clone()).await);
    assert_eq!(cursor(one, 50).await, far);
    assert_eq!(cursor(other, 500).await, far);
    // Who has lost it does not turn back who has it.
    assert!(!remember(one, None).await);
    assert_eq!(cursor(other, 550).await, far);
    assert!(remember(other, None).await);
    assert_eq!(cursor(other, 560).await, None);
}
