use postern::{
    domain::{device_session::Life, event::Event, scope::ScopeSet},
    store::consents::{FIND, NewConsent},
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
    }
}
