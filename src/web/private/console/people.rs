//! People, and everything of one.

use axum::{extract::Path, response::Response};

use super::{
    rows::{event_row, session_row, with_query},
    viewer::{Answer, Viewer},
};
use crate::{
    base::{id::UserId, text::Email, words::ago},
    domain::{role::Permission, user::User},
    flows::{
        account,
        admin::{Unknown, look},
    },
    web::{
        account::used,
        pages::{ConsoleBrowserRow, PeoplePage, PersonPage, PersonRow},
        private::permission::ReadUsers,
    },
};

/// The id in a path; what does not read names nothing.
pub(super) fn read<P, T>(viewer: &Viewer<P>, id: &str, what: &'static str) -> Result<T, Response>
where
    T: std::str::FromStr,
{
    id.parse()
        .map_err(|_| viewer.fault(super::viewer::Fault::Unknown(Unknown(what))))
}

pub(super) async fn list(viewer: Viewer<ReadUsers>) -> Answer {
    let provider = viewer.private.provider();
    let begins = viewer.query.text("begins").trim().to_owned();
    let after: Option<Email> = viewer.query.text("after").parse().ok();
    let found = account::search(provider, &begins, after.as_ref(), look::PAGE).await;
    let found = found.map_err(|error| viewer.fault(error))?;
    let next = found
        .next
        .map(|next| with_query("/console/users", &[("begins", &begins), ("after", &next)]));
    Ok(viewer.show(&PeoplePage {
        frame: viewer.frame("/console/users"),
        people: found.items.iter().map(|user| row(&viewer, user)).collect(),
        begins,
        next,
    }))
}

fn row<P>(viewer: &Viewer<P>, user: &User) -> PersonRow {
    PersonRow {
        path: format!("/console/users/{}", user.id),
        email: user.email.to_string(),
        name: user.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        role: user.role.map(crate::domain::role::Role::as_str),
        disabled: user.disabled_at.is_some(),
        added: ago(user.created_at, viewer.private.provider().clock.now()),
    }
}

pub(super) async fn one(viewer: Viewer<ReadUsers>, Path(id): Path<String>) -> Answer {
    let id: UserId = read(&viewer, &id, "person")?;
    let profile = look::person(viewer.private.provider(), &viewer.by, id).await;
    let profile = profile.map_err(|error| viewer.fault(error))?;
    Ok(viewer.show(&page(&viewer, profile)))
}

fn page(viewer: &Viewer<ReadUsers>, profile: look::Profile) -> PersonPage {
    let now = viewer.private.provider().clock.now();
    let user = profile.user;
    let path = |act: &str| format!("/console/users/{}/{act}", user.id);
    let email = user.email.to_string();
    let browsers = profile.browsers.into_iter().map(|row| ConsoleBrowserRow {
        used: used(row.created_at, row.last_seen_at, now),
        end_path: viewer.path_if(
            Permission::EndSessions,
            format_args!("/console/sessions/{}/end", row.id),
        ),
        label: row.label,
    });
    let switch = if user.disabled_at.is_some() {
        "enable"
    } else {
        "disable"
    };
    let reaches = viewer.by.reaches(user.role).is_ok();
    let switch_path = viewer.path_if(Permission::WriteUsers, path(switch));
    let more_apps = profile.apps.as_ref().is_some_and(|apps| apps.page.next.is_some());
    let history = profile.history.map(|seen| {
        let people = seen.people;
        let items = seen.page.items.into_iter();
        items.map(|line| event_row(viewer, line, &people, now)).collect()
    });
    PersonPage {
        frame: viewer.frame("/console/users"),
        id: user.id.to_string(),
        person: row(viewer, &user),
        disabled_at: user.disabled_at.map(|at| ago(at, now)),
        apps: profile.apps.map(|apps| {
            let items = apps.page.items.into_iter();
            items.map(|row| session_row(viewer, row, None)).collect()
        }),
        apps_path: with_query("/console/sessions", &[("person", &email)]),
        more_apps,
        browsers: browsers.collect(),
        history,
        history_path: with_query("/console/events", &[("person", &email)]),
        end_path: viewer.path_if(Permission::EndSessions, path("end")),
        switch_path: switch_path.filter(|_| reaches),
    }
}
