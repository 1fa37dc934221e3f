//! Whoever can write the database tries to change what happened.

use postern::{
    domain::audit::Head,
    flows::audit::verify::{Finding, VerifyError, verify},
    store::{
        audit,
        db::{Statement, Value},
    },
};

use serde_json::json;

use super::{checkpoint, computed_anew, findings, findings_against, put_in, verified, with_a_trail};
use crate::harness::Postern;

/// The number of the last event in the trail.
async fn last(postern: &Postern) -> i64 {
    postern.number("SELECT MAX(seq) FROM events").await
}

async fn set<T: Value>(postern: &Postern, sql: &'static str, value: T) {
    let statement = Statement::<(T,), ()>::new(sql);
    let done = postern.provider().db.execute(statement, (value,)).await;
    let _: Option<()> = done.expect("the database answers");
}

/// What was not tampered with is right, or these tests show nothing.
#[tokio::test]
async fn a_trail_that_nobody_touched_is_right() {
    let postern = with_a_trail().await;
    let report = verified(&postern).await;
    assert_eq!((report.findings, report.waiting), (vec![], 0));
    assert_eq!(
        (report.first, report.last, report.vouched),
        (1, last(&postern).await, last(&postern).await)
    );
    assert_eq!(findings_against(&postern, &checkpoint(&postern).await).await, []);
}

#[tokio::test]
async fn a_row_that_was_changed_is_named_whatever_column_it_was() {
    for change in [
        "UPDATE events SET kind = 'user.signed_out' WHERE seq = 5",
        "UPDATE events SET at = at + 1 WHERE seq = 5",
        "UPDATE events SET data = '{\"kind\":\"nothing\"}' WHERE seq = 5",
        "UPDATE events SET address = '198.51.100.1' WHERE seq = 5",
        "UPDATE events SET actor = '{\"kind\":\"operator\",\"x\":1}' WHERE seq = 5",
        "UPDATE events SET client_id = 'another' WHERE seq = 5",
        "UPDATE events SET user_id = session_id, session_id = user_id WHERE kind = 'session.opened'",
    ] {
        let postern = with_a_trail().await;
        let seq = postern
            .number("SELECT COALESCE((SELECT MAX(seq) FROM events WHERE kind = 'session.opened'), 0)")
            .await;
        let seq = if change.contains("session.opened") { seq } else { 5 };
        postern.tamper(change).await;
        let found = findings(&postern).await;
        assert!(
            matches!(found[..], [Finding::Changed { seq: named, .. }] if named == seq),
            "{change}: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_row_that_was_removed_is_missed() {
    let postern = with_a_trail().await;
    postern.tamper("DELETE FROM events WHERE seq = 3").await;
    postern.tamper("DELETE FROM events WHERE seq IN (6, 7)").await;
    assert_eq!(
        findings(&postern).await,
        [
            Finding::Missing { from: 3, to: 3 },
            Finding::Missing { from: 6, to: 7 }
        ]
    );
}

#[tokio::test]
async fn two_rows_that_changed_places_are_both_named() {
    let postern = with_a_trail().await;
    postern.tamper("UPDATE events SET seq = 9000 WHERE seq = 3").await;
    postern.tamper("UPDATE events SET seq = 3 WHERE seq = 4").await;
    postern.tamper("UPDATE events SET seq = 4 WHERE seq = 9000").await;
    let found = findings(&postern).await;
    let named = |at| {
        found
            .iter()
            .any(|one| matches!(one, Finding::Changed { seq, .. } if *seq == at))
    };
    assert!(named(3) && named(4), "{found:?}");
}

#[tokio::test]
async fn a_chain_that_was_computed_anew_does_not_come_to_what_was_signed() {
    let postern = with_a_trail().await;
    postern
        .tamper("UPDATE events SET address = '198.51.100.1' WHERE seq = 5")
        .await;
    computed_anew(&postern, 4).await;
    let to = last(&postern).await;
    assert_eq!(
        findings(&postern).await,
        [Finding::Rewritten { after: 0, to }, Finding::Unsigned { to }]
    );
    // Nor with the checkpoint's row changed along, since its signature says what it said.
    set(
        &postern,
        "UPDATE audit_checkpoints SET hash = $1",
        audit::hash_at(&postern.provider().db, to)
            .await
            .expect("read")
            .expect("a hash"),
    )
    .await;
    let found = findings(&postern).await;
    assert!(
        matches!(
            found[..],
            [Finding::Unsigned { .. }, Finding::CheckpointForged { .. }]
                | [Finding::CheckpointForged { .. }, Finding::Unsigned { .. }]
        ),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_checkpoint_of_another_key_even_one_that_is_said_to_be_gone_vouches_for_nothing() {
    use base64ct::{Base64UrlUnpadded, Encoding};
    const GONE: Statement<(String, String), ()> = Statement::new(
        "INSERT INTO keys (id, ring, state, state_since, sealed, public, created_at)
         SELECT $1, 'signing:ES256', 'gone', 1, sealed, $2, 1 FROM keys WHERE state = 'active' AND ring = 'mac'",
    );
    const FORGE: Statement<(String, postern::base::digest::Digest), ()> =
        Statement::new("UPDATE audit_checkpoints SET signed = $1, hash = $2");
    let postern = with_a_trail().await;
    let own = checkpoint(&postern).await;
    // Somebody makes a key, says that it was the server's once, and signs with it what he made of the trail.
    postern
        .tamper("UPDATE events SET address = '198.51.100.1' WHERE seq = 5")
        .await;
    computed_anew(&postern, 4).await;
    let (db, to) = (&postern.provider().db, last(&postern).await);
    let head = Head {
        hash: audit::hash_at(db, to).await.expect("read").expect("a hash"),
        ..audit::head(db).await.expect("read")
    };
    let claims =
        postern::domain::audit::Checkpoint::new(&postern.provider().issuer, &head, postern.clock.now());
    let id = postern::base::id::KeyId::from_bytes([7; 8]);
    let (secret, jwk) = postern::ports::signer::Signer::generate_es256(id).expect("a key");
    let signer = postern::ports::signer::Signer::es256(id, &secret).expect("a key");
    let forged = signer
        .sign(postern::ports::signer::TokenType::Checkpoint, &claims)
        .expect("signed");
    let _: Option<()> = db
        .execute(GONE, (id.to_string(), jwk.to_string()))
        .await
        .expect("written");
    let _: Option<()> = db
        .execute(FORGE, (forged.clone(), head.hash))
        .await
        .expect("written");
    let found = findings(&postern).await;
    assert_eq!(found, [Finding::Unsigned { to }]);
    // What the admin kept says what it was.
    let found = findings_against(&postern, &own).await;
    assert!(
        found.contains(&Finding::NotAsKept {
            seq: to,
            went_back: None
        }),
        "{found:?}"
    );

    // The header and the claims of a right one with another signature, and other tokens of the server, are none.
    let (unsigned, _) = own.rsplit_once('.').expect("three parts");
    let bad = [
        format!("{unsigned}.{}", Base64UrlUnpadded::encode_string(&[1; 64])),
        format!("{unsigned}."),
        own.replace('.', ","),
        String::new(),
    ];
    for text in bad {
        let refused = verify(postern.provider(), None, Some(&text)).await;
        assert!(matches!(refused, Err(VerifyError::NoCheckpoint(_))), "{text}");
    }
}

#[tokio::test]
async fn an_access_token_is_no_checkpoint_and_a_checkpoint_no_token() {
    let postern = with_a_trail().await;
    let phone = postern.phone();
    let tokens = phone
        .signed_in(&mut postern.browser(), crate::harness::ALICE)
        .await;
    let refused = verify(postern.provider(), None, Some(&tokens.access)).await;
    assert!(matches!(
        refused,
        Err(VerifyError::NoCheckpoint("is a token of another kind"))
    ));
    let own = checkpoint(&postern).await;
    assert_eq!(phone.userinfo(&own).await.status, 401);
}

#[tokio::test]
async fn a_tail_that_was_cut_off_is_known_from_the_checkpoints_and_from_one_that_was_kept() {
    let postern = with_a_trail().await;
    let kept = checkpoint(&postern).await;
    let to = last(&postern).await;
    let from = to - 2;
    set(&postern, "DELETE FROM events WHERE seq >= $1", from).await;
    assert_eq!(
        findings(&postern).await,
        [
            Finding::Cut {
                from,
                to,
                went_back: None
            },
            Finding::Unsigned { to: from - 1 }
        ]
    );
    // With everything else gone along that knows of it, only who kept a checkpoint can tell.
    postern.tamper("DELETE FROM audit_checkpoints").await;
    computed_anew(&postern, from - 2).await;
    postern.chains().await;
    assert_eq!(findings(&postern).await, []);
    assert_eq!(
        findings_against(&postern, &kept).await,
        [Finding::Cut {
            from,
            to,
            went_back: None
        }]
    );
}

#[tokio::test]
async fn a_beginning_that_was_cut_off_is_no_deletion_by_age() {
    let postern = with_a_trail().await;
    postern.tamper("DELETE FROM events WHERE seq <= 4").await;
    assert_eq!(findings(&postern).await, [Finding::Missing { from: 1, to: 4 }]);
    // Nor with the place where it begins changed along.
    let hash = audit::chain(&postern.provider().db, 4, 1).await.expect("read");
    assert_eq!(hash[0].seq, 5);
    postern
        .tamper("UPDATE audit_heads SET seq = 4 WHERE name = 'kept'")
        .await;
    let found = findings(&postern).await;
    assert!(found.contains(&Finding::StartUnsigned { seq: 4 }), "{found:?}");
    // Nor as far as a checkpoint.
    let to = last(&postern).await;
    postern.add_user("carol@example.com").await;
    postern.chains().await;
    set(&postern, "DELETE FROM events WHERE seq <= $1", to).await;
    set(
        &postern,
        "UPDATE audit_heads SET seq = (SELECT MIN(seq) FROM audit_checkpoints),
           hash = (SELECT hash FROM audit_checkpoints ORDER BY seq LIMIT 1) WHERE name = $1",
        "kept".to_owned(),
    )
    .await;
    assert_eq!(findings(&postern).await, [Finding::DeletedUntold { through: to }]);
}

#[tokio::test]
async fn a_row_that_was_put_in_for_an_earlier_time_is_named() {
    let postern = with_a_trail().await;
    let at = postern.clock.now().minus("1h".parse().expect("a length of time"));
    let id = put_in(&postern, at, "user.signed_in", json!({})).await;
    // The job cannot know; the trail tells.
    postern.chains().await;
    let seq = last(&postern).await;
    assert_eq!(findings(&postern).await, [Finding::Inserted { seq, id, at }]);
}

#[tokio::test]
async fn a_row_with_a_number_that_the_chain_has_not_come_to_is_named() {
    let postern = with_a_trail().await;
    let to = last(&postern).await;
    postern.add_user("carol@example.com").await;
    set(&postern, "UPDATE events SET seq = $1 WHERE seq IS NULL", to + 1).await;
    let found = findings(&postern).await;
    let (from, to) = (to + 1, to + 1);
    assert!(found.contains(&Finding::Beyond { from, to }), "{found:?}");
}
