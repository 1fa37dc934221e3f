//! Open registration costs no more than the operator allows.

use postern::base::time::Lifetime;
use serde_json::json;

use super::{
    Mine, app, clients, open_server, open_server_with, refused, register, send, site, swept, token, with,
};
use crate::harness::{ALICE, Phone};

#[tokio::test]
async fn a_flood_of_registrations_is_bounded_and_those_that_people_use_stay() {
    let postern = open_server_with(|config| config.registration.unused_most = 3).await;
    let used = Mine::of(&register(&postern, None, &app()).await);
    for _ in 0..2 {
        Mine::of(&register(&postern, None, &site()).await);
    }
    let full = register(&postern, None, &app()).await;
    refused(&full, 503, "temporarily_unavailable");
    assert!(!full.header("retry-after").is_empty());
    // Who has a token does not wait behind those who have none.
    let let_in = token(&postern, None).await;
    Mine::of(&register(&postern, Some(&let_in), &app()).await);

    // A person makes room, the use of a secret does not: that is the registrant's own.
    let phone = Phone::new(&postern, used.id().to_owned().leak());
    phone.signed_in(&mut postern.browser(), ALICE).await;
    swept(&postern).await;
    Mine::of(&register(&postern, None, &app()).await);
    refused(
        &register(&postern, None, &app()).await,
        503,
        "temporarily_unavailable",
    );

    // What nobody used goes when its time is over, and is told of.
    postern.advance("8d");
    swept(&postern).await;
    assert_eq!(
        clients(&postern).await,
        3,
        "notes, the used one, the one with a token"
    );
    assert_eq!(postern.count_events("client.removed").await, 3);
    assert_eq!(used.ask(&postern, "GET", None).await.status, 200);
    Mine::of(&register(&postern, None, &app()).await);
}

#[tokio::test]
async fn sixty_four_at_once_do_not_pass_the_bound() {
    for postern in crate::harness::Postern::on_each().await {
        let open = postern
            .beside_with(|config| {
                config.registration.mode = postern::domain::client::RegistrationMode::Open;
                config.registration.unused_most = 4;
                config.limits.registrations.burst = 1000;
            })
            .await;
        let members = app();
        let answers = futures_util::future::join_all((0..64).map(|_| register(&open, None, &members))).await;
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!((made, clients(&open).await), (4, 5));
    }
}

#[tokio::test]
async fn one_address_registers_so_many_and_then_waits_whatever_it_sends() {
    let postern = open_server_with(|config| {
        config.limits.registrations.burst = 3;
        config.limits.registrations.every = Lifetime::from_secs(300);
    })
    .await;
    for body in [app().to_string(), "{".to_owned(), json!({}).to_string()] {
        let answer = send(&postern, "POST", "/register", None, Some(body)).await;
        assert_ne!(answer.status, 429);
    }
    let waits = register(&postern, None, &app()).await;
    assert_eq!(waits.status, 429);
    assert!(!waits.header("retry-after").is_empty());
    let let_in = token(&postern, None).await;
    Mine::of(&register(&postern, Some(&let_in), &app()).await);
    postern.advance("5m");
    Mine::of(&register(&postern, None, &app()).await);
}

#[tokio::test]
async fn what_a_stranger_says_of_itself_at_length_does_not_stay_in_the_trail() {
    let postern = open_server().await;
    let long = |c: char| format!("http://127.0.0.1/{}", c.to_string().repeat(900));
    let members = |uris: &[String]| with(app(), json!({ "redirect_uris": uris }));
    let mine = Mine::of(&register(&postern, None, &members(&['a', 'b', 'c', 'd'].map(long))).await);
    let changed = members(&['a', 'b', 'c', 'e'].map(long));
    let changed = with(changed, json!({ "client_id": mine.id() }));
    let answer = mine.ask(&postern, "PUT", Some(&changed)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let events = postern.events().await;
    let of = |kind: &str| {
        let found = events.iter().find(|(name, _)| name == kind);
        found.expect("told").1.clone()
    };
    let (registered, updated) = (of("client.registered"), of("client.updated"));
    for event in [&registered, &updated] {
        assert!(event.to_string().len() < 2000, "{event}");
    }
    let uris = &registered["after"]["redirect_uris"];
    let text = uris.as_str().expect("a text in the place of the list");
    assert!(
        text.starts_with("[36") && text.contains(" bytes, SHA-256 "),
        "{text}"
    );
    assert_eq!(&updated["before"]["redirect_uris"], uris);
    assert_ne!(&updated["after"]["redirect_uris"], uris);
}

#[tokio::test]
async fn a_registration_takes_few_statements_and_a_refused_one_writes_nothing() {
    let postern = open_server().await;
    Mine::of(&register(&postern, None, &app()).await);
    let before = postern.rows().await;
    let (count, answer) = postern
        .statements(register(&postern, None, &json!({ "redirect_uris": ["data:,"] })))
        .await;
    assert_eq!((count, answer.status.as_u16()), (0, 400));
    assert_eq!(postern.rows().await, before);
    // The version, the registration, the client, the event; then all clients are read again: version, clients, secrets.
    let (count, answer) = postern.statements(register(&postern, None, &app())).await;
    assert_eq!((count, answer.status.as_u16()), (7, 201));
}
