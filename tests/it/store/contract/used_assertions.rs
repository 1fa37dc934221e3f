use postern::store::used_assertions::{SWEEP, USE, Used, use_unchecked};

use super::world::{World, at, digest};

pub(crate) async fn an_assertion_is_used_once_whoever_is_first(world: World) {
    let at_once = (0..16).map(|_| world.db.execute(USE, (digest("one"), at(60))));
    let taken = futures_util::future::join_all(at_once).await;
    let taken = taken
        .into_iter()
        .filter(|row| row.as_ref().expect("answered").is_some());
    assert_eq!(taken.count(), 1);
    let other = world.db.execute(USE, (digest("two"), at(120))).await;
    assert!(other.expect("answered").is_some());
}

pub(crate) async fn what_has_expired_is_forgotten_so_many_at_once(world: World) {
    for (number, until) in [10, 20, 30, 99].into_iter().enumerate() {
        let row = world.db.execute(USE, (digest(&number), at(until))).await;
        assert!(row.expect("answered").is_some());
    }
    for left in [true, true, false] {
        let row = world.db.execute(SWEEP, (at(50), 2)).await;
        assert_eq!(row.expect("answered").is_some(), left);
    }
    for (number, is_gone) in [(0, true), (1, true), (2, true), (3, false)] {
        let row = world.db.execute(USE, (digest(&number), at(200))).await;
        assert_eq!(row.expect("answered").is_some(), is_gone, "{number}");
    }
}

pub(crate) async fn one_of_a_client_that_nobody_has_checked_is_used_once_too(world: World) {
    let of_stranger = async |name: &str| {
        use_unchecked(&world.db, digest(name), at(100), at(10))
            .await
            .expect("answered")
    };
    let other = world.db.execute(USE, (digest("other"), at(100))).await;
    assert!(other.expect("answered").is_some());
    for (name, used) in [
        ("one", Used::First),
        ("one", Used::Again),
        ("two", Used::First),
        ("other", Used::Again),
    ] {
        assert_eq!(of_stranger(name).await, used, "{name}");
    }
}
