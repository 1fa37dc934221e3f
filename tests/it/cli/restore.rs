//! `postern restore`: who is signed in goes on, and what ended stays ended.

use std::{fs, path::PathBuf};

use axum::{body::Body, http::Request};
use base64ct::{Base64, Encoding};
use postern::{
    base::time::Lifetime,
    config::Config,
    domain::{
        client::{ClientKind, ClientSettings, RegistrationMode},
        ending::{Ending, Reason},
        event::Subject,
    },
    flows::{account, clients, end::end, registration::tokens},
    store::db::Location,
};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use super::Shell;
use crate::harness::{ALICE, BOB, PASSWORD, Phone, Postern, Stopped, Tokens, postgres};

/// A backup, and what happened after it.
struct Saved {
    backup: PathBuf,
    ends: PathBuf,
    shell: Shell,
}

impl Saved {
    async fn of(postern: &Postern) -> Self {
        let shell = Shell::beside(postern);
        let backup = postern.folder().join("backup.db");
        shell
            .run(&["backup", backup.to_str().expect("text")])
            .await
            .done();
        let ends = postern.folder().join("ends.jsonl");
        postern.advance("1m");
        Self { backup, ends, shell }
    }

    /// Exports what happened since long before the backup, as a careful operator does.
    async fn export(&self) {
        let lines = self
            .shell
            .run(&["events", "export", "--since", "30d"])
            .await
            .done();
        fs::write(&self.ends, lines).expect("written");
    }

    async fn restore(&self, since: &[&str]) -> Value {
        let words = [&["restore", self.backup.to_str().expect("text"), "--json"], since].concat();
        self.shell.run(&words).await.json()
    }

    async fn restore_with_ends(&self) -> Value {
        self.restore(&["--ends", self.ends.to_str().expect("text")]).await
    }
}

async fn refreshed(phone: &Phone<'_>, tokens: &Tokens, times: usize) -> Tokens {
    let mut tokens = tokens.clone();
    for _ in 0..times {
        tokens = Tokens::of(&phone.refresh(&tokens.refresh).await);
    }
    tokens
}

/// What three phones hold after a backup: one goes on, one was ended, one was opened.
struct Story {
    saved: Saved,
    going: Tokens,
    ended: Tokens,
    opened: Tokens,
    stopped: Stopped,
}

async fn story() -> Story {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let (one, two, three) = (postern.phone(), postern.phone(), postern.phone());
    let going = one.signed_in(&mut browser, ALICE).await;
    let ended = two.signed_in(&mut browser, ALICE).await;
    let saved = Saved::of(&postern).await;
    let going = refreshed(&one, &going, 5).await;
    let ended = refreshed(&two, &ended, 2).await;
    let opened = three.signed_in(&mut browser, ALICE).await;
    two.revoke(&ended.refresh).await;
    assert_eq!(two.refresh(&ended.refresh).await.error(), "invalid_grant");
    saved.export().await;
    Story {
        saved,
        going,
        ended,
        opened,
        stopped: postern.stop().await,
    }
}

#[tokio::test]
async fn sessions_of_the_backup_go_on_with_their_newest_token_and_ended_ones_stay_ended() {
    let story = story().await;
    let report = story.saved.restore_with_ends().await;
    assert_eq!(
        (&report["lost"], &report["sessions_lost"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(report["ended"], json!({ "browsers": 0, "devices": 1 }));

    let postern = story.stopped.start().await;
    let phone = postern.phone();
    let next = Tokens::of(&phone.refresh(&story.going.refresh).await);
    assert_eq!(next.sid(), story.going.sid(), "the same session");
    assert_eq!(postern.count_events("refresh.fast_forwarded").await, 1);
    refreshed(&phone, &next, 3).await;
    assert_eq!(phone.refresh(&story.ended.refresh).await.error(), "invalid_grant");
    assert_eq!(
        phone.refresh(&story.opened.refresh).await.error(),
        "invalid_grant"
    );
    phone.signed_in(&mut postern.browser(), ALICE).await;
    // APIs are told of both, with a new time.
    let sids = [story.ended.sid(), story.opened.sid()];
    let revoked: Vec<_> = postern
        .revocations()
        .await
        .into_iter()
        .map(|(_, id)| id)
        .collect();
    for sid in sids {
        let id: postern::base::id::DeviceSessionId = sid.parse().expect("an id");
        assert!(revoked.contains(&id.to_bytes().to_vec()), "{sid}");
    }
    // The events that were lost are there as they were.
    assert_eq!(postern.count_events("session.opened").await, 4);
    assert_eq!(postern.count_events("session.ended").await, 1);
}

/// What the backup itself deleted, because its time to be kept was over, is not brought back; what is younger is.
#[tokio::test]
async fn events_older_than_any_that_the_backup_keeps_are_not_brought_back() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let (early, late) = (postern.phone(), postern.phone());
    let first = early.signed_in(&mut browser, ALICE).await;
    let second = late.signed_in(&mut browser, ALICE).await;
    early.revoke(&first.refresh).await;
    postern.advance("1h");
    postern.add_user("carol@example.com").await;
    let saved = Saved::of(&postern).await;
    late.revoke(&second.refresh).await;
    saved.export().await;
    let all = postern.events().await.len();
    let stopped = postern.stop().await;
    let url = format!("sqlite:{}", saved.backup.display());
    let mut backup = SqliteConnection::connect(&url).await.expect("opened");
    let deleted =
        sqlx::query("DELETE FROM events WHERE kind <> 'user.created' OR at < (SELECT MAX(at) FROM events)")
            .execute(&mut backup)
            .await
            .expect("deleted")
            .rows_affected();
    backup.close().await.expect("closed");

    let report = saved.restore_with_ends().await;
    assert_eq!(report["lost"], 1, "{report}");
    assert_eq!(report["too_old"], deleted, "{report}");
    assert_eq!(report["ended"], json!({ "browsers": 0, "devices": 1 }));
    let postern = stopped.start().await;
    assert_eq!(
        postern.phone().refresh(&second.refresh).await.error(),
        "invalid_grant"
    );
    let kept = all - usize::try_from(deleted).expect("few");
    assert_eq!(postern.count_events("database.restored").await, 1);
    assert_eq!(postern.events().await.len(), kept + 1);
}

#[tokio::test]
async fn without_the_ends_what_had_ended_lives_again_and_that_is_said() {
    let story = story().await;
    let said = story
        .saved
        .shell
        .run(&["restore", story.saved.backup.to_str().expect("text"), "--none"])
        .await
        .done();
    assert!(said.contains("alive again"), "{said}");
    let postern = story.stopped.start().await;
    let phone = postern.phone();
    assert_eq!(phone.refresh(&story.going.refresh).await.status, 200);
    assert_eq!(phone.refresh(&story.ended.refresh).await.status, 200);
    assert_eq!(
        phone.refresh(&story.opened.refresh).await.error(),
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_restore_can_be_repeated_and_an_interrupted_one_run_again() {
    let story = story().await;
    // What an interrupted one leaves.
    let staging = story.stopped.folder().join("postern.db.restoring");
    fs::create_dir(&staging).expect("made");
    fs::write(staging.join("copy.db"), "half").expect("written");
    let first = story.saved.restore_with_ends().await;
    assert!(!staging.exists());
    let second = story.saved.restore_with_ends().await;
    for field in ["lost", "ended", "sessions_lost"] {
        assert_eq!(first[field], second[field], "{field}");
    }
    assert_ne!(first["replaced"], second["replaced"]);
    // Nothing is lost: the database that was replaced first is a backup like any other.
    let kept = first["replaced"].as_str().expect("a path");
    story.saved.shell.run(&["restore", kept, "--none"]).await.done();
    let postern = story.stopped.start().await;
    let phone = postern.phone();
    assert_eq!(phone.refresh(&story.opened.refresh).await.status, 200);
    assert_eq!(phone.refresh(&story.going.refresh).await.status, 200);
    assert_eq!(postern.count_events("refresh.fast_forwarded").await, 0);
    assert_eq!(phone.refresh(&story.ended.refresh).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_restore_works_where_the_database_is_gone() {
    let story = story().await;
    fs::remove_file(story.stopped.database_file()).expect("deleted");
    let report = story.saved.restore_with_ends().await;
    assert_eq!(report["replaced"], Value::Null);
    let postern = story.stopped.start().await;
    assert_eq!(postern.phone().refresh(&story.going.refresh).await.status, 200);
}

#[tokio::test]
async fn a_broken_database_is_kept_with_its_log_and_the_log_does_not_meet_the_copy() {
    let story = story().await;
    let database = story.stopped.database_file();
    fs::write(database, "this is no database any more").expect("written");
    fs::write(database.with_file_name("postern.db-wal"), "nor is this a log").expect("written");
    let report = story.saved.restore_with_ends().await;
    let kept = report["replaced"].as_str().expect("a path");
    assert_eq!(fs::read(kept).expect("kept"), b"this is no database any more");
    assert_eq!(
        fs::read(format!("{kept}-wal")).expect("kept"),
        b"nor is this a log"
    );
    let postern = story.stopped.start().await;
    assert_eq!(postern.phone().refresh(&story.going.refresh).await.status, 200);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one of everything that can end")]
async fn everything_that_ended_ends_again() {
    let postern = Postern::start().await;
    postern.add_user("carol@example.com").await;
    postern.add_user("dave@example.com").await;
    postern.add_client("removed", |_| {}).await;
    postern.add_client("withdrawn", |_| {}).await;
    let (mut alices, mut bobs, mut carols, mut daves) = (
        postern.browser(),
        postern.browser(),
        postern.browser(),
        postern.browser(),
    );
    let (removed, withdrawn) = (postern.phone_of("removed"), postern.phone_of("withdrawn"));
    let phone = postern.phone();
    let mut with_browser = postern.phone();
    with_browser.scope = "openid";
    let of_removed = removed.signed_in(&mut alices, ALICE).await;
    let of_withdrawn = withdrawn.signed_in(&mut alices, ALICE).await;
    let of_alice = phone.signed_in(&mut alices, ALICE).await;
    let of_the_browser = with_browser.signed_in(&mut alices, ALICE).await;
    let of_bob = phone.signed_in(&mut bobs, BOB).await;
    let of_carol = phone.signed_in(&mut carols, "carol@example.com").await;
    let lives = phone.signed_in(&mut daves, "dave@example.com").await;
    let tapped = postern.phone();
    let code = tapped.allowed_code(&mut daves, "dave@example.com").await;
    let saved = Saved::of(&postern).await;

    let page = alices.account(ALICE).await;
    let (cookies, verifier) = (alices.cookies.clone(), tapped.verifier.clone());
    alices.submit(&page.form("/sign-out")).await.page();
    phone.revoke(&of_alice.access).await;
    let provider = postern.provider();
    let alice = postern.user(ALICE).await;
    let consent = Ending::Consent {
        user: alice.id,
        client: "withdrawn".parse().expect("a client id"),
    };
    end(provider, consent, Reason::EndedByUser, Subject::default())
        .await
        .expect("ended");
    clients::remove(provider, "removed".parse().expect("a client id"), None)
        .await
        .expect("removed");
    account::disable(
        provider,
        postern.user(BOB).await.id,
        postern::domain::actor::Actor::Operator,
    )
    .await
    .expect("disabled");
    let carol = postern.user("carol@example.com").await;
    let new = postern::domain::password::Password::chosen("quite another one".to_owned(), &carol.email);
    account::set_password(
        provider,
        carol.id,
        new.expect("a good password"),
        None,
        None,
        None,
    )
    .await
    .expect("changed");
    postern.add_user("eve@example.com").await;
    postern.add_client("added", |_| {}).await;
    saved.export().await;
    let stopped = postern.stop().await;

    let report = saved.restore_with_ends().await;
    assert_eq!(report["old_passwords"], json!(["carol@example.com"]));
    assert_eq!(report["users_lost"], json!(["eve@example.com"]));
    assert_eq!(report["clients_lost"], json!(["added"]));

    let postern = stopped.start().await;
    let (phone, tapped) = (postern.phone(), tapped_again(&postern, &verifier));
    for tokens in [&of_bob, &of_carol] {
        assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
    }
    let gone = postern.phone_of("removed").refresh(&of_removed.refresh).await;
    assert_eq!(gone.error(), "invalid_client");
    let withdrawn = postern.phone_of("withdrawn");
    assert_eq!(
        withdrawn.refresh(&of_withdrawn.refresh).await.error(),
        "invalid_grant"
    );
    assert_eq!(
        phone.refresh(&of_the_browser.refresh).await.error(),
        "invalid_grant"
    );
    assert_eq!(
        postern
            .texts("SELECT DISTINCT client_id FROM consents ORDER BY client_id")
            .await,
        ["notes"]
    );
    // The access token stays revoked, and its session lives on.
    assert_eq!(phone.userinfo(&of_alice.access).await.status, 401);
    assert_eq!(phone.refresh(&of_alice.refresh).await.status, 200);
    let mut alices = postern.browser();
    alices.cookies = cookies;
    assert_eq!(alices.open("/account").await.page().forms("/sign-in").len(), 1);
    let mut bobs = postern.browser();
    let page = bobs.open("/account").await.page();
    let page = bobs.sign_in_with(&page, BOB, PASSWORD).await.page();
    assert_eq!(page.forms("/sign-in").len(), 1, "he is disabled: {}", page.text());
    // And what did not end lives.
    assert_eq!(phone.refresh(&lives.refresh).await.status, 200);
    assert_eq!(
        tapped.redeem(&code).await.error(),
        "invalid_grant",
        "its minute is over"
    );
}

/// The same app after the server was started again.
fn tapped_again<'a>(postern: &'a Postern, verifier: &str) -> Phone<'a> {
    let mut phone = postern.phone();
    verifier.clone_into(&mut phone.verifier);
    phone
}

#[tokio::test]
async fn a_removed_secret_stays_removed_and_a_new_one_is_told_as_lost() {
    let postern = Postern::start().await;
    let provider = postern.provider();
    let mut secrets = Vec::new();
    for id in ["removed", "rotated", "kept"] {
        let settings = ClientSettings::new(ClientKind::Service);
        let added = postern.register(id, settings).await;
        secrets.push(added.secret.expect("a secret"));
    }
    let saved = Saved::of(&postern).await;
    let (removed, rotated) = (&secrets[0].kept, &secrets[1].kept);
    let gone = clients::secrets::remove(
        provider,
        &removed.client,
        removed.id,
        postern::domain::actor::Actor::Operator,
    )
    .await;
    assert!(gone.expect("answered"));
    let hour = Lifetime::from_secs(3600);
    let new = clients::secrets::rotate(
        provider,
        &rotated.client,
        None,
        hour,
        postern::domain::actor::Actor::Operator,
    )
    .await;
    let new = new.expect("rotated").new;
    saved.export().await;
    let stopped = postern.stop().await;

    let report = saved.restore_with_ends().await;
    assert_eq!(report["secrets_lost"], json!(["rotated"]));

    let postern = stopped.start().await;
    let works = async |secret: &clients::secrets::NewSecret| {
        let pair = format!("{}:{}", secret.kept.client, secret.secret.expose());
        let request = Request::post("/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header(
                "authorization",
                format!("Basic {}", Base64::encode_string(pair.as_bytes())),
            )
            .body(Body::from("grant_type=client_credentials"));
        postern.send(request.expect("a request")).await.status == 200
    };
    assert!(!works(&secrets[0]).await && works(&secrets[1]).await && works(&secrets[2]).await);
    assert!(!works(&new).await, "the backup does not know it");
    postern.advance("1h");
    assert!(!works(&secrets[1]).await && works(&secrets[2]).await);
}

#[tokio::test]
async fn an_initial_access_token_that_was_removed_stays_removed_and_who_registered_is_told_as_lost() {
    let mode = |config: &mut Config| config.registration.mode = RegistrationMode::Token;
    let postern = Postern::start_with(mode).await;
    let provider = postern.provider();
    let mut tokens = Vec::new();
    for _ in 0..2 {
        tokens.push(
            tokens::add(
                provider,
                None,
                None,
                None,
                postern::domain::actor::Actor::Operator,
            )
            .await
            .expect("made"),
        );
    }
    let register = async |postern: &Postern, of: &tokens::NewToken| {
        let request = Request::post("/register")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", of.token.expose()))
            .body(Body::from(r#"{"redirect_uris":["https://site.example/cb"]}"#));
        postern.send(request.expect("a request")).await
    };
    let saved = Saved::of(&postern).await;
    let registered = register(&postern, &tokens[0]).await.json();
    let gone = tokens::remove(
        provider,
        tokens[0].kept.id,
        postern::domain::actor::Actor::Operator,
    )
    .await;
    assert!(gone.expect("answered"));
    saved.export().await;
    let stopped = postern.stop().await;
    let report = saved.restore_with_ends().await;
    assert_eq!(report["clients_lost"], json!([registered["client_id"]]));
    let postern = stopped.start().await;
    assert_eq!(register(&postern, &tokens[0]).await.status, 401);
    assert_eq!(register(&postern, &tokens[1]).await.status, 201);
}

#[tokio::test]
async fn a_code_that_was_redeemed_after_the_backup_is_not_redeemed_again() {
    let postern = Postern::start_with(|config| {
        config.lifetimes.authorization_code = postern::base::time::Lifetime::from_secs(600);
    })
    .await;
    let phone = postern.phone();
    let code = phone.allowed_code(&mut postern.browser(), ALICE).await;
    let saved = Saved::of(&postern).await;
    assert_eq!(phone.redeem(&code).await.status, 200);
    saved.export().await;
    let verifier = phone.verifier.clone();
    let stopped = postern.stop().await;
    saved.restore_with_ends().await;
    let postern = stopped.start().await;
    let answer = tapped_again(&postern, &verifier).redeem(&code).await;
    assert_eq!(answer.error(), "invalid_grant");
}

#[tokio::test]
async fn an_end_that_the_backup_knows_does_not_reach_what_was_opened_after_it() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    phone.signed_in(&mut postern.browser(), ALICE).await;
    postern.end_everything_of(ALICE).await;
    postern.advance("1m");
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let saved = Saved::of(&postern).await;
    saved.export().await;
    let stopped = postern.stop().await;
    let report = saved.restore_with_ends().await;
    assert_eq!(
        (&report["lost"], &report["ended"]["devices"]),
        (&json!(0), &json!(0))
    );
    let postern = stopped.start().await;
    assert_eq!(postern.phone().refresh(&tokens.refresh).await.status, 200);
}

#[tokio::test]
async fn an_end_whose_event_was_deleted_for_its_age_is_not_done_again() {
    let postern = Postern::start_with(|config| {
        config.retention.events = Some(postern::base::time::Lifetime::from_days(1));
    })
    .await;
    let phone = postern.phone();
    phone.signed_in(&mut postern.browser(), ALICE).await;
    postern.end_everything_of(ALICE).await;
    let early = Saved::of(&postern).await;
    early.export().await;
    postern.chains().await;
    fs::remove_file(&early.backup).expect("deleted");
    postern.advance("2d");
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    postern::flows::sweep::sweep(postern.provider())
        .await
        .expect("swept");
    assert_eq!(postern.count_events("session.ended").await, 0);
    let saved = Saved::of(&postern).await;
    let stopped = postern.stop().await;
    // Exported long ago, and kept.
    let report = saved
        .restore(&["--ends", early.ends.to_str().expect("text")])
        .await;
    assert_eq!(report["lost"], 0);
    let postern = stopped.start().await;
    assert_eq!(postern.phone().refresh(&tokens.refresh).await.status, 200);
}

#[tokio::test]
async fn what_ended_is_ended_again_in_a_postgresql_database_that_was_restored() {
    let Some(database) = postgres::database().await else {
        return;
    };
    let on = |location: Location| move |config: &mut Config| config.database.location = location;
    let postern = Postern::start_with(on(database.location.clone())).await;
    let mut browser = postern.browser();
    let (one, two) = (postern.phone(), postern.phone());
    let going = one.signed_in(&mut browser, ALICE).await;
    let ended = two.signed_in(&mut browser, ALICE).await;
    let copy = database.copy();
    let going = refreshed(&one, &going, 5).await;
    two.revoke(&ended.refresh).await;
    postern.advance("1m");
    let mut shell = Shell::in_folder(postern.folder()).with("POSTERN__DATABASE__URL", &database.url());
    shell.clock = postern.clock.clone();
    let ends = postern.folder().join("ends.jsonl");
    let lines = shell.run(&["events", "export", "--since", "30d"]).await.done();
    fs::write(&ends, lines).expect("written");
    let ends = ends.to_str().expect("text");

    let mut shell = Shell::in_folder(postern.folder()).with("POSTERN__DATABASE__URL", &copy.url());
    shell.clock = postern.clock.clone();
    let refused = shell
        .run(&["restore", "backup.db", "--ends", ends])
        .await
        .refused(1);
    assert!(refused.contains("PostgreSQL's own means"), "{refused}");
    shell.run(&["restore", "--none"]).await.refused(1);
    let report = shell.run(&["restore", "--ends", ends, "--json"]).await.json();
    assert_eq!(report["ended"], json!({ "browsers": 0, "devices": 1 }));

    let restored = postern.beside_with(on(copy.location.clone())).await;
    let phone = restored.phone();
    assert_eq!(phone.refresh(&ended.refresh).await.error(), "invalid_grant");
    let next = Tokens::of(&phone.refresh(&going.refresh).await);
    assert_eq!(next.sid(), going.sid(), "the same session");
}

#[tokio::test]
async fn a_role_that_was_taken_away_does_not_come_back_and_one_that_was_given_is_given_again_by_somebody() {
    use postern::{
        domain::role::Role,
        flows::admin::{By, people::set_role},
    };
    let postern = Postern::start().await;
    let by = By::operator();
    let (alice, bob) = (postern.user(ALICE).await.id, postern.user(BOB).await.id);
    let role = async |postern: &Postern, user, role| {
        let set = set_role(postern.provider(), &by, user, role).await;
        set.expect("set");
    };
    role(&postern, alice, Some(Role::Owner)).await;
    role(&postern, bob, Some(Role::Admin)).await;
    let saved = Saved::of(&postern).await;
    role(&postern, bob, Some(Role::Auditor)).await;
    role(&postern, bob, Some(Role::Support)).await;
    postern.add_user("carol@example.com").await;
    saved.export().await;
    let stopped = postern.stop().await;
    saved.restore_with_ends().await;
    let postern = stopped.start().await;
    assert_eq!(postern.user(ALICE).await.role, Some(Role::Owner));
    assert_eq!(postern.user(BOB).await.role, Some(Role::Auditor));
}
