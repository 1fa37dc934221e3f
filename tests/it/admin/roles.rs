//! Roles: who gives them, and that there is always an owner.

use postern::store::ending::Ended;
use postern::{
    domain::role::{Permission, Role},
    flows::admin::{
        By,
        people::{self, PeopleError},
    },
};
use serde_json::json;

use super::{Machine, give_role, problem, start};
use crate::harness::{ALICE, BOB, Postern};

#[tokio::test]
async fn there_is_always_an_owner_who_can_sign_in() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    give_role(&postern, ALICE, Some(Role::Owner)).await;
    let (alice, bob) = (postern.user(ALICE).await.id, postern.user(BOB).await.id);
    let role = |user, role: Option<&str>| (format!("/users/{user}/role"), json!({ "role": role }));
    let put = async |(path, body): (String, _)| admin.send("PUT", &path, Some(body), &[]).await;
    for other in [None, Some("admin")] {
        assert_eq!(problem(&put(role(alice, other)).await), "last-owner");
    }
    assert_eq!(
        problem(&admin.tell(&format!("/users/{alice}/disable")).await),
        "last-owner"
    );
    assert_eq!(put(role(bob, Some("owner"))).await.status, 200);
    assert_eq!(admin.tell(&format!("/users/{bob}/disable")).await.status, 200);
    assert_eq!(
        problem(&put(role(alice, None)).await),
        "last-owner",
        "the other one cannot sign in"
    );
    assert_eq!(
        admin.tell(&format!("/users/{bob}/enable")).await.json()["role"],
        "owner"
    );
    assert_eq!(put(role(alice, None)).await.status, 200);
    assert_eq!(problem(&put(role(bob, None)).await), "last-owner");
    let changes = postern.events().await;
    let taken = changes.iter().filter(|(kind, data)| {
        kind == "user.role_changed" && data["before"] == "owner" && data["after"].is_null()
    });
    assert_eq!(taken.count(), 1, "{changes:?}");
}

#[tokio::test]
async fn two_owners_cannot_remove_each_other_at_once() {
    for postern in Postern::on_each().await {
        let (alice, bob) = (postern.user(ALICE).await.id, postern.user(BOB).await.id);
        for round in 0..8 {
            give_role(&postern, ALICE, Some(Role::Owner)).await;
            give_role(&postern, BOB, Some(Role::Owner)).await;
            let (provider, by) = (postern.provider(), By::operator());
            let demote = |id| people::set_role(provider, &by, id, None);
            let (one, other) = if round % 2 == 0 {
                tokio::join!(demote(alice), demote(bob))
            } else {
                let disable = async {
                    people::disable(provider, &by, bob)
                        .await
                        .map(|(user, _)| (user, Ended::default()))
                };
                tokio::join!(demote(alice), disable)
            };
            let refused = [&one, &other]
                .into_iter()
                .filter(|done| matches!(done, Err(PeopleError::LastOwner)));
            assert_eq!(refused.count(), 1, "{one:?} {other:?}");
            people::enable(provider, &by, bob).await.expect("enabled");
            let owners = postern
                .number("SELECT COUNT(*) FROM users WHERE role = 'owner'")
                .await;
            assert!(owners >= 1);
        }
    }
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_have_or_changes_who_may_do_more() {
    let postern = start().await;
    give_role(&postern, ALICE, Some(Role::Owner)).await;
    let (alice, bob) = (postern.user(ALICE).await.id, postern.user(BOB).await.id);
    let all = Role::Admin.permissions();
    let admin = Machine::with(
        &postern,
        all.iter()
            .chain([Permission::WriteRoles])
            .filter(|one| *one != Permission::RotateKeys),
    )
    .await;
    let put = async |user, role| {
        admin
            .send(
                "PUT",
                &format!("/users/{user}/role"),
                Some(json!({ "role": role })),
                &[],
            )
            .await
    };
    for role in ["owner", "admin"] {
        assert_eq!(problem(&put(bob, role).await), "beyond-own-permissions", "{role}");
    }
    assert_eq!(put(bob, "support").await.status, 200);
    assert_eq!(problem(&put(alice, "support").await), "beyond-own-permissions");
    // Whoever sets somebody's password is somebody.
    let new = json!({ "password": "quite another one" });
    assert_eq!(
        problem(&admin.post(&format!("/users/{alice}/password"), new.clone()).await),
        "beyond-own-permissions"
    );
    assert_eq!(
        admin.post(&format!("/users/{bob}/password"), new).await.status,
        200
    );
    for act in ["disable", "enable"] {
        assert_eq!(
            problem(&admin.tell(&format!("/users/{alice}/{act}")).await),
            "beyond-own-permissions"
        );
    }
    // And who may add people makes no admins.
    let helper = Machine::with(&postern, [Permission::WriteUsers]).await;
    let new = json!({ "email": "dan@example.com", "password": "quite another one", "role": "auditor" });
    assert_eq!(
        problem(&helper.post("/users", new).await),
        "beyond-own-permissions"
    );
}
