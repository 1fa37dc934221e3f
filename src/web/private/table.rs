//! The routes of the admin API, in one table: the router and the `OpenAPI` document are made of it.

use std::future::ready;

use axum::{
    Json, Router,
    handler::Handler,
    middleware,
    response::{IntoResponse, Response},
    routing::{self, MethodRouter},
};
use serde_json::Value;

use super::{
    Private, Version, clients, events,
    guard::{self, Facts},
    keys,
    life::Life,
    once, openapi,
    problem::Kind::{
        self, Beyond, ChangedMeanwhile, Contradiction, LastOwner, NotNow, Taken, TrailWentBack, WeakPassword,
    },
    session_ends, sessions, users,
};
use crate::domain::{
    browser_session_filter::BrowserSessionFilter, event_filter::EventFilter, role::Permission,
    session_filter::SessionFilter,
};

/// An operation, as it is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// `GET` and so on.
    pub method: &'static str,
    /// Below the version.
    pub path: &'static str,
    /// Its `operationId`.
    pub id: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// What it needs.
    pub permission: Permission,
    /// Whether people give their password for it.
    pub confirmed: bool,
    /// The parameters of its query that are parts of a filter.
    pub filter: &'static [&'static str],
    /// The other ones.
    pub query: &'static [&'static str],
    /// The schema of its body; "" is none.
    pub body: &'static str,
    /// Whether the body may be left out.
    pub may_be_empty: bool,
    /// The status of its answer.
    pub status: u16,
    /// The schema of its answer; "" is none.
    pub answer: &'static str,
    /// What goes wrong with it, beside what does with all that are like it.
    pub problems: &'static [Kind],
    /// How long it lives.
    pub life: Life,
}

/// A route at work.
pub(super) struct Route {
    pub(super) operation: Operation,
    pub(super) handler: MethodRouter<Private>,
}

/// Every operation, as it is documented.
pub fn operations() -> Vec<Operation> {
    routes().into_iter().map(|route| route.operation).collect()
}

fn route<H, T>(method: &'static str, path: &'static str, id: &'static str, handler: H) -> Route
where
    H: Handler<T, Private>,
    T: 'static,
{
    let handler = match method {
        "POST" => routing::post(handler),
        "PUT" => routing::put(handler),
        "PATCH" => routing::patch(handler),
        "DELETE" => routing::delete(handler),
        _ => routing::get(handler),
    };
    Route {
        operation: Operation {
            method,
            path,
            id,
            summary: "",
            permission: Permission::ReadUsers,
            confirmed: false,
            filter: &[],
            query: &[],
            body: "",
            may_be_empty: false,
            status: 200,
            answer: "",
            problems: &[],
            life: Life::UNBOUNDED,
        },
        handler,
    }
}

impl Route {
    fn is(mut self, summary: &'static str, permission: Permission) -> Self {
        (self.operation.summary, self.operation.permission) = (summary, permission);
        self
    }

    fn dangerous(mut self) -> Self {
        self.operation.confirmed = true;
        self
    }

    fn asks(mut self, query: &'static [&'static str]) -> Self {
        self.operation.query = query;
        self
    }

    fn filters(mut self, parts: &'static [&'static str]) -> Self {
        self.operation.filter = parts;
        self
    }

    fn takes(mut self, body: &'static str) -> Self {
        self.operation.body = body;
        self
    }

    fn may_take(mut self, body: &'static str) -> Self {
        self.operation.may_be_empty = true;
        self.takes(body)
    }

    fn gives(mut self, status: u16, answer: &'static str) -> Self {
        (self.operation.status, self.operation.answer) = (status, answer);
        self
    }

    fn or(mut self, problems: &'static [Kind]) -> Self {
        self.operation.problems = problems;
        self
    }
}

const PAGE: &[&str] = &["cursor", "limit"];

fn routes() -> Vec<Route> {
    let parts = [
        of_users(),
        of_sessions(),
        of_session_ends(),
        of_clients(),
        of_the_server(),
    ];
    parts.into_iter().flatten().collect()
}

fn of_users() -> Vec<Route> {
    use Permission as P;
    vec![
        route("GET", "/users", "listUsers", users::list)
            .is(
                "People, in the order in which they were added; by address when searched",
                P::ReadUsers,
            )
            .asks(&["email_prefix", "cursor", "limit"])
            .gives(200, "UserPage"),
        route("POST", "/users", "addUser", users::add)
            .is("Add a person who signs in with a password", P::WriteUsers)
            .dangerous()
            .takes("NewUser")
            .gives(201, "User")
            .or(&[Beyond, Taken, WeakPassword, ChangedMeanwhile]),
        route("GET", "/users/{id}", "getUser", users::get)
            .is("A person", P::ReadUsers)
            .gives(200, "User"),
        route("POST", "/users/{id}/disable", "disableUser", users::disable)
            .is("Disable a person and end everything of theirs", P::WriteUsers)
            .dangerous()
            .gives(200, "UserEnded")
            .or(&[Beyond, LastOwner]),
        route("POST", "/users/{id}/enable", "enableUser", users::enable)
            .is("Let a disabled person sign in again", P::WriteUsers)
            .dangerous()
            .gives(200, "User")
            .or(&[Beyond]),
        route("POST", "/users/{id}/password", "setPassword", users::set_password)
            .is(
                "Set a person's password and end everything of theirs",
                P::WriteUsers,
            )
            .dangerous()
            .takes("NewPassword")
            .gives(200, "Ended")
            .or(&[Beyond, WeakPassword]),
        route("PUT", "/users/{id}/role", "setRole", users::set_role)
            .is(
                "Say what a person is among admins; their admin sessions end",
                P::WriteRoles,
            )
            .dangerous()
            .takes("NewRole")
            .gives(200, "UserEnded")
            .or(&[Beyond, LastOwner, ChangedMeanwhile]),
        route(
            "GET",
            "/users/{id}/browser-sessions",
            "listBrowserSessionsOfUser",
            sessions::browsers_of_user,
        )
        .is("The browsers in which a person is signed in", P::ReadSessions)
        .asks(PAGE)
        .gives(200, "BrowserSessionPage"),
        route(
            "GET",
            "/users/{id}/sessions",
            "listSessionsOfUser",
            sessions::of_user,
        )
        .is(
            "The apps in which a person is signed in, each on one device",
            P::ReadSessions,
        )
        .asks(PAGE)
        .gives(200, "SessionPage"),
        route(
            "POST",
            "/users/{id}/end-sessions",
            "endSessionsOfUser",
            sessions::end_of_user,
        )
        .is("End everything in which a person is signed in", P::EndSessions)
        .asks(&["wait"])
        .may_take("Because")
        .gives(200, "EndedSessions")
        .or(&[Beyond]),
    ]
}

fn of_sessions() -> Vec<Route> {
    use Permission as P;
    vec![
        route("GET", "/sessions", "listSessions", sessions::list)
            .is(
                "Sessions of apps that match, each on one device, newest first",
                P::ReadSessions,
            )
            .filters(&SessionFilter::PARTS)
            .asks(&["cursor", "limit"])
            .gives(200, "SessionPage"),
        route("GET", "/app-versions", "countVersions", sessions::versions)
            .is(
                "How many live sessions each version of an app has, most first",
                P::ReadSessions,
            )
            .asks(&["client"])
            .gives(200, "VersionPage"),
        route("GET", "/sessions/{id}", "getSession", sessions::get)
            .is("A session of an app on a device", P::ReadSessions)
            .gives(200, "Session"),
        route("POST", "/sessions/{id}/end", "endSession", sessions::end_device)
            .is(
                "End a session of an app, and those that hang under it",
                P::EndSessions,
            )
            .asks(&["wait"])
            .may_take("Because")
            .gives(200, "EndedSessions")
            .or(&[Beyond]),
        route(
            "GET",
            "/browser-sessions",
            "listBrowserSessions",
            sessions::browsers,
        )
        .is("Browser sessions that match, newest first", P::ReadSessions)
        .filters(&BrowserSessionFilter::PARTS)
        .asks(PAGE)
        .gives(200, "BrowserSessionPage"),
        route(
            "GET",
            "/browser-sessions/{id}",
            "getBrowserSession",
            sessions::get_browser,
        )
        .is("A browser session", P::ReadSessions)
        .gives(200, "BrowserSession"),
        route(
            "POST",
            "/browser-sessions/{id}/end",
            "endBrowserSession",
            sessions::end_browser,
        )
        .is(
            "End a browser session, and the sessions of apps that live with it",
            P::EndSessions,
        )
        .asks(&["wait"])
        .may_take("Because")
        .gives(200, "EndedSessions")
        .or(&[Beyond]),
    ]
}

fn of_session_ends() -> Vec<Route> {
    use Permission as P;
    vec![
        route("POST", "/session-ends", "endSessions", session_ends::begin)
            .is(
                "Begin to end all sessions of apps that match, or only count them; no admin who may do more is touched",
                P::EndSessions,
            )
            .dangerous()
            .takes("SessionsToEnd")
            .gives(200, "BegunEnd").or(&[Beyond, NotNow]),
        route("GET", "/session-ends", "listSessionEnds", session_ends::list)
            .is(
                "The ends of all sessions that match, newest first",
                P::ReadSessions,
            )
            .asks(PAGE)
            .gives(200, "SessionEndPage"),
        route("GET", "/session-ends/{id}", "getSessionEnd", session_ends::get)
            .is("One of them, and how far it came", P::ReadSessions)
            .asks(&["wait"])
            .gives(200, "SessionEnd"),
        route(
            "POST",
            "/session-ends/{id}/cancel",
            "cancelSessionEnd",
            session_ends::cancel,
        )
        .is(
            "Stop one that you began, or whose beginner may do no more than you; what has ended stays ended",
            P::EndSessions,
        )
        .gives(200, "SessionEnd").or(&[Beyond, NotNow]),
    ]
}

fn of_clients() -> Vec<Route> {
    use Permission as P;
    vec![
        route("GET", "/clients", "listClients", clients::list)
            .is("The clients, by id", P::ReadClients)
            .asks(PAGE)
            .gives(200, "ClientPage"),
        route("POST", "/clients", "addClient", clients::add)
            .is("Register a client; its secret is shown once", P::WriteClients)
            .dangerous()
            .takes("NewClient")
            .gives(201, "AddedClient")
            .or(&[Beyond, Contradiction, Taken]),
        route("GET", "/clients/{id}", "getClient", clients::get)
            .is("A client", P::ReadClients)
            .gives(200, "Client"),
        route("PATCH", "/clients/{id}", "updateClient", clients::update)
            .is(
                "Change a client's name and settings: what is not there stays, null takes one back",
                P::WriteClients,
            )
            .dangerous()
            .takes("ClientChange")
            .gives(200, "UpdatedClient")
            .or(&[Beyond, Contradiction, NotNow, ChangedMeanwhile]),
        route("DELETE", "/clients/{id}", "removeClient", clients::remove)
            .is("Remove a client and end its sessions", P::WriteClients)
            .dangerous()
            .gives(200, "Ended")
            .or(&[Beyond]),
        route(
            "POST",
            "/clients/{id}/secrets",
            "rotateSecret",
            clients::rotate_secret,
        )
        .is(
            "A new secret for a client, shown once; the old one stays good for a while",
            P::WriteClients,
        )
        .dangerous()
        .takes("NewSecret")
        .gives(201, "RotatedSecret")
        .or(&[Beyond, NotNow, ChangedMeanwhile]),
        route("GET", "/clients/{id}/secrets", "listSecrets", clients::secrets)
            .is(
                "The secrets of a client by their names, oldest first",
                P::ReadClients,
            )
            .gives(200, "SecretPage"),
        route(
            "DELETE",
            "/clients/{id}/secrets/{secret}",
            "removeSecret",
            clients::remove_secret,
        )
        .is("End a secret of a client at once", P::WriteClients)
        .dangerous()
        .gives(200, "RemovedSecret")
        .or(&[Beyond]),
        route("GET", "/unused-clients", "listUnusedClients", clients::unused)
            .is(
                "The clients that nobody has used since a time, by id",
                P::ReadClients,
            )
            .asks(&["since"])
            .gives(200, "UnusedClientPage"),
    ]
}

fn of_the_server() -> Vec<Route> {
    use Permission as P;
    vec![
        route("GET", "/keys", "listKeys", keys::list)
            .is(
                "Every key of the server, without what is secret of it",
                P::ReadKeys,
            )
            .gives(200, "KeyPage"),
        route("POST", "/keys/rotate", "rotateKeys", keys::rotate)
            .is("Put the next key into use, of one ring or of all", P::RotateKeys)
            .dangerous()
            .takes("KeysToRotate")
            .gives(200, "RotatedKeys")
            .or(&[NotNow, ChangedMeanwhile]),
        route("POST", "/keys/withdraw", "withdrawKeys", keys::withdraw)
            .is(
                "Replace keys that others may know at once, and refuse what they made",
                P::RotateKeys,
            )
            .dangerous()
            .takes("KeysToWithdraw")
            .gives(200, "WithdrawnKeys")
            .or(&[NotNow, ChangedMeanwhile]),
        route("GET", "/events", "listEvents", events::list)
            .is(
                "What happened, oldest first unless the order says newest",
                P::ReadEvents,
            )
            .filters(&EventFilter::PARTS)
            .asks(&["order", "cursor", "limit"])
            .gives(200, "EventPage"),
        route("GET", "/events/live", "followEvents", events::live)
            .is(
                "What came since the answer before; without a cursor only where to begin",
                P::ReadEvents,
            )
            .asks(&[
                "kind", "user", "client", "session", "actor", "address", "cursor", "limit",
            ])
            .gives(200, "EventPage")
            .or(&[TrailWentBack]),
        route("GET", "/events/counts", "countEvents", events::counts)
            .is(
                "How often things happened, hour by hour or day by day",
                P::ReadEvents,
            )
            .asks(&["since", "until", "step", "kind"])
            .gives(200, "EventCountPage"),
        route("GET", "/legacy-uses", "listLegacyUses", events::legacy)
            .is("Who still uses routes that are going to end", P::ReadEvents)
            .gives(200, "LegacyUsePage"),
    ]
}

/// The routes of these versions.
pub(super) fn router(private: &Private, versions: &[Version]) -> Router<Private> {
    let mut router = Router::new();
    for version in versions {
        let document = openapi::document(private, version);
        let path = format!("/api/{}/openapi.json", version.name);
        router = router.route(&path, routing::get(move || ready(told(document.clone()))));
        for Route { operation, handler } in routes() {
            let path = format!("/api/{}{}", version.name, operation.path);
            let facts = Facts {
                private: private.clone(),
                route: format!("{} {path}", operation.method),
                life: operation.life.within(version.life),
                parameters: [operation.filter, operation.query],
            };
            let once = (private.clone(), operation.confirmed);
            let handler = handler
                .layer(middleware::from_fn_with_state(once, once::layer))
                .layer(middleware::from_fn_with_state(facts, guard::judge));
            router = router.route(&path, handler);
        }
    }
    router
}

fn told(document: Value) -> Response {
    Json(document).into_response()
}
