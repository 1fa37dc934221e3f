//! The places of the console and its acts: what stands in its navigation, what each needs, and the router.

use axum::{
    Router,
    routing::{MethodRouter, get},
};

use super::{acts, clients, ends, events, home, keys, people, sessions};
use crate::{domain::role::Permission as P, web::private::Private};

/// A place in the navigation.
pub(super) struct Place {
    pub(super) path: &'static str,
    pub(super) title: &'static str,
    pub(super) permission: Option<P>,
}

const fn place(path: &'static str, title: &'static str, permission: Option<P>) -> Place {
    Place {
        path,
        title,
        permission,
    }
}

pub(super) const PLACES: [Place; 7] = [
    place("/console", "Overview", None),
    place("/console/sessions", "Signed in", Some(P::ReadSessions)),
    place("/console/users", "People", Some(P::ReadUsers)),
    place("/console/clients", "Apps", Some(P::ReadClients)),
    place("/console/keys", "Keys", Some(P::ReadKeys)),
    place("/console/events", "Events", Some(P::ReadEvents)),
    place("/console/ends", "Ends", Some(P::ReadSessions)),
];

/// What a page says about what was just done.
pub(super) fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "ended" => "The session has ended.",
        "ended-all" => "Everything of this person has ended.",
        "disabled" => "This person is disabled, and everything of theirs has ended.",
        "enabled" => "This person may sign in again.",
        "rotated" => "The next keys are in use.",
        "cancelled" => "No more sessions end. Those that had ended stay ended.",
        _ => return None,
    })
}

/// A page of the console.
#[derive(Debug, Clone, Copy)]
pub struct ConsolePage {
    /// Its path.
    pub path: &'static str,
    /// What it needs.
    pub permission: Option<P>,
    /// Whether something is done by its form.
    pub acts: bool,
    /// Whether the password is asked for again.
    pub confirmed: bool,
}

/// Every page.
pub fn pages() -> Vec<ConsolePage> {
    routes().into_iter().map(|(page, _)| page).collect()
}

/// The routes of all pages.
pub(in crate::web::private) fn router() -> Router<Private> {
    let add = |router: Router<Private>, (page, handler): (ConsolePage, MethodRouter<Private>)| {
        router.route(page.path, handler)
    };
    routes().into_iter().fold(Router::new(), add)
}

type Route = (ConsolePage, MethodRouter<Private>);

fn page(path: &'static str, permission: Option<P>, handler: MethodRouter<Private>) -> Route {
    let page = ConsolePage {
        path,
        permission,
        acts: false,
        confirmed: false,
    };
    (page, handler)
}

fn act(path: &'static str, permission: P, confirmed: bool, handler: MethodRouter<Private>) -> Route {
    let page = ConsolePage {
        path,
        permission: Some(permission),
        acts: true,
        confirmed,
    };
    (page, handler)
}

fn routes() -> Vec<Route> {
    use acts::{cancel, disable, enable, matching, rotate, session, user};
    vec![
        page("/console", None, get(home::home)),
        page("/console/sessions", Some(P::ReadSessions), get(sessions::list)),
        page("/console/users", Some(P::ReadUsers), get(people::list)),
        page("/console/users/{id}", Some(P::ReadUsers), get(people::one)),
        page("/console/clients", Some(P::ReadClients), get(clients::list)),
        page("/console/clients/{id}", Some(P::ReadClients), get(clients::one)),
        page("/console/keys", Some(P::ReadKeys), get(keys::list)),
        page("/console/events", Some(P::ReadEvents), get(events::list)),
        page("/console/ends", Some(P::ReadSessions), get(ends::list)),
        page("/console/ends/{id}", Some(P::ReadSessions), get(ends::one)),
        act(
            "/console/sessions/{id}/end",
            P::EndSessions,
            false,
            get(session::ask).post(session::act),
        ),
        act(
            "/console/users/{id}/end",
            P::EndSessions,
            false,
            get(user::ask).post(user::act),
        ),
        act(
            "/console/users/{id}/disable",
            P::WriteUsers,
            true,
            get(disable::ask).post(disable::act),
        ),
        act(
            "/console/users/{id}/enable",
            P::WriteUsers,
            true,
            get(enable::ask).post(enable::act),
        ),
        act(
            "/console/sessions/end",
            P::EndSessions,
            true,
            get(matching::ask).post(matching::act),
        ),
        act(
            "/console/ends/{id}/cancel",
            P::EndSessions,
            false,
            get(cancel::ask).post(cancel::act),
        ),
        act(
            "/console/keys/rotate",
            P::RotateKeys,
            true,
            get(rotate::ask).post(rotate::act),
        ),
    ]
}
