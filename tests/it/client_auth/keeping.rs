//! Refresh tokens of a client without rotation (FAPI 2.0): every one that was issued stays, because who uses it has to
//! authenticate.

use postern::domain::client::{ClientKind, ClientSettings, RefreshRotation};

use super::{Key, Site, refused};
use crate::harness::{Postern, Tokens};

fn keep(settings: &mut ClientSettings) {
    settings.refresh_rotation = RefreshRotation::Keep;
}

async fn number(postern: &Postern, column: &'static str) -> i64 {
    postern.number(column).await
}

const GENERATION: &str = "SELECT MAX(generation) FROM device_sessions";
const LAST_USE: &str = "SELECT MAX(rotated_at) FROM device_sessions";

#[tokio::test]
async fn a_refresh_token_stays_and_its_use_is_written_once_a_day() {
    let postern = Postern::start().await;
    let site = Site::with_secret(&postern, "site", ClientKind::Web, keep).await;
    let first = site.signed_in().await;
    let (generation, used) = (
        number(&postern, GENERATION).await,
        number(&postern, LAST_USE).await,
    );
    for _ in 0..3 {
        postern.advance("30s");
        let (count, answer) = postern.statements(site.refresh(&first.refresh)).await;
        let again = Tokens::of(&answer);
        assert_eq!(again.refresh, first.refresh, "the same one");
        assert_ne!(again.access, first.access);
        assert!(count <= 2, "read, and the ring compared: {count}");
    }
    assert_eq!(
        (
            number(&postern, GENERATION).await,
            number(&postern, LAST_USE).await
        ),
        (generation, used)
    );
    postern.advance("25h");
    Tokens::of(&site.refresh(&first.refresh).await);
    assert_eq!(number(&postern, LAST_USE).await, postern.clock.now().millis());
    // Used now and then it never idles away, and unused it does.
    for _ in 0..6 {
        postern.advance("80d");
        Tokens::of(&site.refresh(&first.refresh).await);
        if number(&postern, "SELECT MIN(expires_at) FROM device_sessions").await
            < postern.clock.now().millis() + 80 * 86_400_000
        {
            break;
        }
    }
    postern.advance("90d");
    refused(&site.refresh(&first.refresh).await, 400, "invalid_grant");
}

#[tokio::test]
async fn every_token_of_the_time_before_stays_good() {
    let postern = Postern::start().await;
    let site = Site::with_secret(&postern, "site", ClientKind::Web, |_| {}).await;
    let mut tokens = vec![site.signed_in().await];
    for _ in 0..3 {
        let next = Tokens::of(&site.refresh(&tokens[tokens.len() - 1].refresh).await);
        assert_ne!(next.refresh, tokens[tokens.len() - 1].refresh);
        tokens.push(next);
    }
    postern.set_client("site", keep).await;
    postern.advance("31s");
    for token in tokens.iter().rev().chain(&tokens) {
        assert_eq!(
            Tokens::of(&site.refresh(&token.refresh).await).refresh,
            token.refresh
        );
        assert_eq!(site.introspect(&token.refresh).await["active"], true);
    }
    assert_eq!(postern.count_events("session.ended").await, 0);
}

#[tokio::test]
async fn what_a_rotating_client_is_refused_for_a_keeping_one_is_too() {
    let postern = Postern::start().await;
    let site = Site::with_key(&postern, "site", ClientKind::Web, Key::es256("k"), keep).await;
    let other = Site::with_key(&postern, "other", ClientKind::Web, Key::es256("k"), keep).await;
    let first = site.signed_in().await;
    refused(&other.refresh(&first.refresh).await, 400, "invalid_grant");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", first.refresh.as_str()),
    ];
    refused(&postern.post("/token", &form).await, 400, "invalid_request");
    refused(
        &postern
            .post("/token", &[&form[..], &[("client_id", "site")]].concat())
            .await,
        401,
        "invalid_client",
    );
    for changed in ["scope", "resource"] {
        let asked = [&form[..], &[(changed, "https://other.example")]].concat();
        assert_eq!(site.post("/token", &asked).await.status, 400, "{changed}");
    }
    Tokens::of(&site.refresh(&first.refresh).await);
    assert_eq!(
        site.post("/revoke", &[("token", &first.refresh)]).await.status,
        200
    );
    refused(&site.refresh(&first.refresh).await, 400, "invalid_grant");
    let second = site.signed_in().await;
    postern.end_everything_of(crate::harness::ALICE).await;
    refused(&site.refresh(&second.refresh).await, 400, "invalid_grant");
}

#[tokio::test]
async fn a_token_newer_than_its_row_brings_it_forward_and_stays() {
    let postern = Postern::start().await;
    let site = Site::with_secret(&postern, "site", ClientKind::Web, |_| {}).await;
    let first = site.signed_in().await;
    let second = Tokens::of(&site.refresh(&first.refresh).await);
    postern.set_client("site", keep).await;
    let back = "UPDATE device_sessions SET generation = 1 RETURNING state";
    let statement: postern::store::db::Statement<(), (String,)> = postern::store::db::Statement::new(back);
    postern
        .provider()
        .db
        .execute(statement, ())
        .await
        .expect("changed");
    assert_eq!(site.introspect(&second.refresh).await["active"], true);
    assert_eq!(
        number(&postern, GENERATION).await,
        1,
        "asking brought nothing forward"
    );
    Tokens::of(&site.refresh(&second.refresh).await);
    assert_eq!(postern.count_events("refresh.fast_forwarded").await, 1);
    for token in [&first, &second] {
        Tokens::of(&site.refresh(&token.refresh).await);
    }
}
