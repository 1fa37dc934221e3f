use futures_util::future::join_all;
use postern::{
    base::{
        digest::Digest,
        time::{Instant, Lifetime},
    },
    domain::limit::Limit,
    store::attempts::{FIND, GIVE_BACK, SWEEP, TAKE},
};

use super::world::{World, at, digest};

const LIMIT: Limit = Limit {
    burst: 3,
    every: Lifetime::from_secs(10),
};

async fn take(world: &World, bucket: Digest, now: Instant) -> bool {
    let binds = (bucket, now, LIMIT.every.millis(), LIMIT.ceiling(now));
    world.db.execute(TAKE, binds).await.expect("answered").is_some()
}

async fn empty_at(world: &World, bucket: Digest) -> Option<Instant> {
    world
        .db
        .read(FIND, (bucket,))
        .await
        .expect("answered")
        .map(|row| row.0)
}

pub(crate) async fn a_burst_is_taken_and_one_more_when_one_has_drained(world: World) {
    let bucket = digest("alice");
    for _ in 0..3 {
        assert!(take(&world, bucket, at(0)).await);
    }
    assert!(!take(&world, bucket, at(0)).await && !take(&world, bucket, at(9)).await);
    assert!(take(&world, bucket, at(10)).await && !take(&world, bucket, at(10)).await);
    assert!(take(&world, digest("bob"), at(0)).await, "another bucket");
    assert_eq!(empty_at(&world, bucket).await, Some(at(40)));
    // Long empty: it starts again from the present, not from where it was.
    assert!(take(&world, bucket, at(500)).await);
    assert_eq!(empty_at(&world, bucket).await, Some(at(510)));
}

pub(crate) async fn a_try_given_back_is_free_again(world: World) {
    let bucket = digest("alice");
    for _ in 0..3 {
        assert!(take(&world, bucket, at(0)).await);
    }
    let _: Option<()> = world
        .db
        .execute(GIVE_BACK, (bucket, LIMIT.every.millis()))
        .await
        .expect("given back");
    assert!(take(&world, bucket, at(0)).await && !take(&world, bucket, at(0)).await);
}

pub(crate) async fn parallel_tries_never_take_more_than_the_burst(world: World) {
    let taken = join_all((0..50).map(|_| take(&world, digest("alice"), at(0)))).await;
    assert_eq!(taken.into_iter().filter(|taken| *taken).count(), 3);
}

pub(crate) async fn a_sweep_forgets_only_empty_buckets_and_so_many_at_once(world: World) {
    for n in 0..5 {
        assert!(take(&world, digest(&n), at(n)).await);
    }
    let left = async || {
        let mut left = 0;
        for n in 0..5 {
            left += usize::from(empty_at(&world, digest(&n)).await.is_some());
        }
        left
    };
    let sweep = async |at_most| {
        let _ = world.db.execute(SWEEP, (at(13), at_most)).await.expect("swept");
    };
    sweep(2).await;
    assert_eq!(left().await, 3);
    sweep(100).await;
    assert_eq!(left().await, 2, "those that are empty at 13 and 14 stay");
    assert!(empty_at(&world, digest(&3)).await.is_some() && empty_at(&world, digest(&4)).await.is_some());
}
