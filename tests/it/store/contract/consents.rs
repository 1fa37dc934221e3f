use postern::{
    domain::{device_session::Life, ending::Ending, event::Event, scope::ScopeSet},
    store::{
        consents::{FIND, NewConsent},
        ending::Ended,
        events::LIST,
    },
};

use super::world::World;

fn scopes(text: &str) -> ScopeSet {
    text.parse().expect("scopes")
}

/// The consent of a page that was shown when `before` was allowed.
pub(crate) fn asking(world: &World, before: Option<&str>, asked: &str) -> NewConsent {
    NewConsent {
        before: before.map(scopes),
        asked: scopes(asked),
        event: world.event(Event::ConsentGranted { scope: scopes(asked) }),
    }
}

pub(crate) async fn a_consent_grows_also_when_another_page_was_faster(world: World) {
    let (alice, notes) = (world.user("alice@example.com").await, world.client("notes").await);
    let browser = world.browser(alice).await;
    let steps = [
        (None, "openid", "openid", 1),
        (Some("openid"), "email openid", "email openid", 2),
        // Shown before anything was allowed: the other page's scopes stay.
        (None, "profile", "email openid profile", 3),
        (Some("openid"), "files openid", "email files openid profile", 4),
        // Nothing new.
        (
            Some("email files openid profile"),
            "files",
            "email files openid profile",
            4,
        ),
    ];
    for (before, asked, allowed, events) in steps {
        let mut allow = world.allow(alice, &notes, browser, Life::Own);
        allow.consent = Some(asking(&world, before, asked));
        assert!(world.db.write(allow).await.expect("allowed"));
        let consent = world.db.read(FIND, (alice, notes.clone())).await.expect("read");
        assert_eq!(consent, Some((allowed.to_owned(),)), "{before:?} {asked}");
        assert_eq!(
            world.count_events("consent.granted").await,
            events,
            "{before:?} {asked}"
        );
        // The trail says what was written, not what the page was shown for.
        let rows = world.db.read_all(LIST, (1000,)).await.expect("read");
        let told = rows.iter().filter(|row| row.2 == "consent.granted").map(|row| {
            let said: serde_json::Value = serde_json::from_str(&row.6).expect("JSON");
            said["scope"].clone()
        });
        assert_eq!(
            told.filter(|scope| scope == allowed).count(),
            1,
            "{before:?} {asked}"
        );
    }
}

pub(crate) async fn a_withdrawn_consent_is_forgotten_with_its_sessions(world: World) {
    let alice = world.user("alice@example.com").await;
    let (notes, files) = (world.client("notes").await, world.client("files").await);
    let browser = world.browser(alice).await;
    for client in [&notes, &files] {
        let mut allow = world.allow(alice, client, browser, Life::Own);
        allow.consent = Some(asking(&world, None, "openid"));
        assert!(world.db.write(allow).await.expect("allowed"));
    }
    let withdrawn = Ending::Consent {
        user: alice,
        client: notes.clone(),
    };
    assert_eq!(world.end(withdrawn).await.devices, 1);
    for (client, left) in [(&notes, false), (&files, true)] {
        let consent = world.db.read(FIND, (alice, client.clone())).await.expect("read");
        assert_eq!(consent.is_some(), left);
    }

    // Also when its sessions have ended before; and it is told of, since a backup may hold it.
    let everything = Ending::User {
        id: alice,
        keep: None,
    };
    assert_eq!(world.end(everything).await.devices, 1);
    for again in [false, true] {
        let withdrawn = Ending::Consent {
            user: alice,
            client: files.clone(),
        };
        assert_eq!(world.end(withdrawn).await, Ended::default());
        let consent = world.db.read(FIND, (alice, files.clone())).await.expect("read");
        assert_eq!(consent, None);
        assert_eq!(world.count_events("session.ended").await, 3, "again: {again}");
    }
}
