//! Rows of lists: what was read, in words.

use super::{viewer::Viewer, words};
use crate::{
    base::{time::Instant, words::ago},
    domain::{actor::Actor, event::EventLine, role::Permission},
    flows::admin::look::People,
    store::{app_versions::VersionCount, device_sessions::list::ListedDeviceSession},
    web::{
        account::used,
        pages::{EventRow, SessionRow, VersionBar},
    },
};

/// A path with parameters.
pub(super) fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

/// A session; without `people` on the page of whose it is.
pub(super) fn session_row<P>(
    viewer: &Viewer<P>,
    row: ListedDeviceSession,
    people: Option<&People>,
) -> SessionRow {
    let provider = viewer.private.provider();
    let end_path = format_args!("/console/sessions/{}/end", row.id).to_string();
    SessionRow {
        id: row.id.to_string(),
        person: people.map(|people| people.name(row.user)),
        person_path: format!("/console/users/{}", row.user),
        app: provider.clients.name(&row.client),
        version: row.app_version,
        device: row.device,
        address: row.address,
        used: used(row.first_used_at, row.last_used_at, provider.clock.now()),
        end_path: viewer.path_if(Permission::EndSessions, end_path),
    }
}

/// More versions than this are summed up by nobody: the rest is in the sessions' list.
const MOST_VERSIONS: usize = 12;

pub(super) fn version_bars<P>(viewer: &Viewer<P>, versions: Vec<VersionCount>) -> Vec<VersionBar> {
    let clients = &viewer.private.provider().clients;
    let most = versions
        .iter()
        .map(|version| version.sessions)
        .max()
        .unwrap_or(0)
        .max(1);
    let versions = versions.into_iter().take(MOST_VERSIONS);
    let bar = |count: VersionCount| {
        let version = count.app_version.as_deref().unwrap_or_default();
        let pairs = [("client", count.client.as_str()), ("app_version", version)];
        VersionBar {
            app: clients.name(&count.client),
            path: with_query("/console/sessions", &pairs),
            #[expect(clippy::cast_precision_loss, reason = "the length of a bar")]
            length: (count.sessions as f64 * 1000.0 / most as f64).round() / 10.0,
            sessions: count.sessions,
            version: count.app_version,
        }
    };
    versions.map(bar).collect()
}

pub(super) fn event_row<P>(viewer: &Viewer<P>, line: EventLine, people: &People, now: Instant) -> EventRow {
    let clients = &viewer.private.provider().clients;
    let by = line
        .actor
        .as_ref()
        .map(|actor| actor_name(actor, people, |id| clients.name(id)));
    EventRow {
        what: words::event(&line.kind).to_owned(),
        ago: ago(line.at, now),
        at: line.at.to_rfc3339(),
        person: line.subject.user.map(|user| people.name(user)),
        person_path: line
            .subject
            .user
            .map(|user| format!("/console/users/{user}"))
            .unwrap_or_default(),
        app: line.subject.client.as_ref().map(|client| clients.name(client)),
        address: line.subject.address.clone(),
        by,
        facts: words::facts(&line.data),
        kind: line.kind,
    }
}

pub(super) fn actor_name(
    actor: &Actor,
    people: &People,
    client: impl Fn(&crate::base::id::ClientId) -> String,
) -> String {
    match actor {
        Actor::Operator => "the command line".to_owned(),
        Actor::System => "the server".to_owned(),
        Actor::Person { id } => people.name(*id),
        Actor::Client { id } => client(id),
    }
}
