//! The life of a client's secret: shown once, kept as a digest, replaced with an overlap, told of before it ends.

use postern::{
    base::time::Lifetime,
    domain::{actor::Actor, client::ClientKind, client_secret::ListedSecret},
    flows::{
        clients::secrets::{self, SecretError},
        sweep::sweep,
    },
    store::{client_secrets, db::Statement},
};

use super::{Site, basic, post, refused, register, rotate};
use crate::harness::Postern;

async fn works(postern: &Postern, id: &str, secret: &str) -> bool {
    let form = [("grant_type", "client_credentials")];
    let answer = post(postern, "/token", Some(&basic(id, secret)), &form).await;
    if answer.status != 200 {
        refused(&answer, 401, "invalid_client");
    }
    answer.status == 200
}

#[tokio::test]
async fn a_secret_has_256_random_bits_and_only_its_digest_is_kept() {
    let postern = Postern::start().await;
    let one = Site::with_secret(&postern, "one", ClientKind::Service, |_| {}).await;
    let two = Site::with_secret(&postern, "two", ClientKind::Web, |_| {}).await;
    for site in [&one, &two] {
        let random = site.secret().strip_prefix("pst_cs_").expect("its prefix");
        assert_eq!(random.len(), 43, "256 bits in base64url");
    }
    assert_ne!(one.secret(), two.secret());
    let kept = client_secrets::all(&postern.provider().db).await.expect("read");
    assert_eq!(kept.len(), 2);
    let listed: Vec<_> = kept.iter().cloned().map(ListedSecret::from).collect();
    let shown = format!("{kept:?} {}", serde_json::to_string(&listed).expect("JSON"));
    let told = format!("{:?}", postern.events().await);
    for secret in [one.secret(), two.secret()] {
        assert!(!shown.contains(secret) && !told.contains(secret));
    }
    assert!(
        !shown.contains(&kept[0].digest.to_base64url()),
        "not even the digest is shown"
    );
    assert_eq!(postern.count_events("client.secret_created").await, 2);
    // Public clients have none.
    register(&postern, "app", ClientKind::Native, |_| {}).await;
    assert_eq!(postern.number("SELECT COUNT(*) FROM client_secrets").await, 2);
}

#[tokio::test]
async fn a_rotation_leaves_the_old_secret_good_for_a_while_on_every_node() {
    let postern = Postern::start().await;
    let site = Site::with_secret(&postern, "worker", ClientKind::Service, |_| {}).await;
    let beside = postern.beside().await;
    let rotated = rotate(&postern, "worker", "1h").await.expect("rotated");
    let new = rotated.new.secret.expose();
    beside.poll().await;
    for node in [&postern, &beside] {
        assert!(works(node, "worker", site.secret()).await);
        assert!(works(node, "worker", new).await);
    }
    // A third one would end one that is in use.
    assert!(matches!(
        rotate(&postern, "worker", "1h").await,
        Err(SecretError::TooMany)
    ));
    postern.advance("1h");
    for node in [&postern, &beside] {
        assert!(
            !works(node, "worker", site.secret()).await,
            "it is over by itself"
        );
        assert!(works(node, "worker", new).await);
    }
    let third = rotate(&postern, "worker", "0s").await.expect("rotated");
    assert_eq!(third.removed, [rotated.new.kept.id]);
    assert!(
        !works(&postern, "worker", new).await,
        "without an overlap it ends at once"
    );
    assert!(works(&postern, "worker", third.new.secret.expose()).await);
    for (kind, count) in [
        ("client.secret_created", 3),
        ("client.secret_rotated", 1),
        ("client.secret_removed", 1),
    ] {
        assert_eq!(postern.count_events(kind).await, count, "{kind}");
    }
}

#[tokio::test]
async fn of_many_rotations_at_once_two_secrets_are_good_at_most() {
    for postern in Postern::on_each().await {
        Site::with_secret(&postern, "worker", ClientKind::Service, |_| {}).await;
        let at_once = (0..8).map(|_| rotate(&postern, "worker", "1h"));
        let rotated = futures_util::future::join_all(at_once).await;
        let done = rotated.iter().filter(|rotated| rotated.is_ok()).count();
        assert_eq!(done, 1, "{rotated:?}");
        let now = postern.clock.now();
        let kept = client_secrets::all(&postern.provider().db).await.expect("read");
        assert_eq!(kept.iter().filter(|secret| secret.is_good(now)).count(), 2);
    }
}

#[tokio::test]
async fn a_removed_secret_is_good_for_nothing_from_then_on() {
    let postern = Postern::start().await;
    let site = Site::with_secret(&postern, "worker", ClientKind::Service, |_| {}).await;
    let other = Site::with_secret(&postern, "other", ClientKind::Service, |_| {}).await;
    let (id, foreign) = ("worker".parse().expect("an id"), "other".parse().expect("an id"));
    let kept = client_secrets::of_client(&postern.provider().db, foreign)
        .await
        .expect("read");
    // Of another client it is not removed.
    assert!(
        !secrets::remove(postern.provider(), &id, kept[0].id, Actor::Operator)
            .await
            .expect("answered")
    );
    assert!(works(&postern, "other", other.secret()).await);
    let kept = client_secrets::of_client(&postern.provider().db, id.clone())
        .await
        .expect("read");
    assert!(
        secrets::remove(postern.provider(), &id, kept[0].id, Actor::Operator)
            .await
            .expect("answered")
    );
    assert!(!works(&postern, "worker", site.secret()).await);
    assert!(
        !secrets::remove(postern.provider(), &id, kept[0].id, Actor::Operator)
            .await
            .expect("answered")
    );
    assert_eq!(postern.count_events("client.secret_removed").await, 1);
    // With none left it cannot prove itself, and gets a new one.
    let rotated = rotate(&postern, "worker", "7d").await.expect("rotated");
    assert!(works(&postern, "worker", rotated.new.secret.expose()).await);
}

#[tokio::test]
async fn somebody_is_told_once_14_days_before_a_secret_ends() {
    let postern = Postern::start().await;
    Site::with_secret(&postern, "worker", ClientKind::Service, |_| {}).await;
    let id = "worker".parse().expect("an id");
    let life = Some(Lifetime::from_days(30));
    secrets::rotate(
        postern.provider(),
        &id,
        life,
        Lifetime::from_days(7),
        Actor::Operator,
    )
    .await
    .expect("rotated");
    let told = async || postern.count_events("client.secret_expiring").await;
    let swept = async || sweep(postern.provider()).await.expect("swept");
    swept().await;
    // Who rotated the old one knows that it ends.
    assert_eq!(told().await, 0);
    postern.advance("15d");
    swept().await;
    assert_eq!(told().await, 0);
    postern.advance("1d");
    swept().await;
    assert_eq!(told().await, 1);
    for _ in 0..3 {
        postern.advance("1d");
        swept().await;
    }
    assert_eq!(told().await, 1);
    postern.advance("30d");
    swept().await;
    assert_eq!(told().await, 1);
    assert_eq!(
        postern.number("SELECT COUNT(*) FROM client_secrets").await,
        0,
        "what is over is deleted"
    );
}

#[tokio::test]
async fn the_last_use_is_known_to_the_day_and_found_by_who_looks_for_the_unused() {
    const USED: Statement<(), (Option<i64>,)> = Statement::new("SELECT last_used_at FROM client_secrets");
    let postern = Postern::start().await;
    let site = Site::with_secret(&postern, "worker", ClientKind::Service, |_| {}).await;
    let key = super::Key::es256("k");
    let keyed = Site::with_key(&postern, "keyed", ClientKind::Service, key, |_| {}).await;
    let used = async || {
        let row = postern.provider().db.read(USED, ()).await.expect("read");
        row.expect("a row").0
    };
    let unused = async |long: &str| {
        let since = postern.clock.now().minus(long.parse().expect("a length of time"));
        let found = postern::flows::clients::unused_since(postern.provider(), since).await;
        let found = found.expect("read").into_iter();
        found.map(|client| client.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(used().await, None);
    assert_eq!(site.own_token().await.status, 200);
    let first = postern.clock.now().millis();
    assert_eq!(used().await, Some(first));
    postern.advance("23h");
    site.own_token().await;
    assert_eq!(used().await, Some(first));
    postern.advance("1h");
    site.own_token().await;
    assert_eq!(used().await, Some(postern.clock.now().millis()));

    assert!(unused("90d").await.is_empty(), "they are younger");
    postern.advance("100d");
    assert_eq!(unused("90d").await, ["keyed", "notes", "worker"]);
    assert_eq!(keyed.own_token().await.status, 200);
    assert_eq!(unused("90d").await, ["notes", "worker"]);
    site.own_token().await;
    postern
        .phone()
        .signed_in(&mut postern.browser(), crate::harness::ALICE)
        .await;
    assert!(unused("90d").await.is_empty(), "a session of people counts too");
}

#[tokio::test]
async fn a_client_without_secrets_has_none_to_rotate() {
    let postern = Postern::start().await;
    assert!(matches!(
        rotate(&postern, "notes", "7d").await,
        Err(SecretError::NoSecrets("none"))
    ));
    assert!(matches!(
        rotate(&postern, "nobody", "7d").await,
        Err(SecretError::UnknownClient)
    ));
}
