//! What admins look at, with the addresses of the people that it is about; each read only for who may see it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::{
        id::{ClientId, DeviceSessionId, EventId, UserId},
        page::Page,
        text::Email,
        time::{Instant, Lifetime},
    },
    domain::{
        actor::Actor, audit::Place, client::Client, client_secret::KeptSecret, event::EventLine,
        event_filter::EventFilter, role::Permission, session_filter::SessionFilter, user::User,
    },
    flows::{
        Provider,
        admin::{
            By, Unknown, clients,
            people::{PeopleError, known},
        },
        events::{self, Counted, LiveError, Step},
        sessions::{self, Search},
    },
    store::{
        app_versions::VersionCount,
        browser_sessions, client_secrets,
        device_sessions::list::ListedDeviceSession,
        error::{Result, StoreError},
        mass_ends::MassEnd,
        users,
    },
};

/// How many rows a page of the console has.
pub const PAGE: i64 = 25;
/// How many events that came at once a page shows; the others come with the next.
const WATCHED: i64 = 500;
/// How many rows a list has that is a part of a page.
const FEW: i64 = 8;

/// The addresses of people.
#[derive(Debug, Clone, Default)]
pub struct People(BTreeMap<UserId, Email>);

impl People {
    async fn of(provider: &Provider, ids: impl IntoIterator<Item = UserId>) -> Result<Self> {
        let mut people = BTreeMap::new();
        for id in ids.into_iter().collect::<BTreeSet<_>>() {
            if let Some(user) = users::find(&provider.db, id).await? {
                people.insert(id, user.email);
            }
        }
        Ok(Self(people))
    }

    /// Somebody's address; their id when they are not known any more.
    pub fn name(&self, id: UserId) -> String {
        let email = self.0.get(&id).map(ToString::to_string);
        email.unwrap_or_else(|| id.to_string())
    }
}

/// Where people are signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The sessions.
    pub search: Search<ListedDeviceSession>,
    /// Whose they are.
    pub people: People,
}

/// Sessions of apps that match, newest first.
pub async fn sessions(
    provider: &Provider,
    filter: &SessionFilter,
    after: Option<DeviceSessionId>,
    limit: i64,
) -> Result<SignedIn> {
    let search = sessions::list(provider, filter, after, limit).await?;
    let people = People::of(provider, search.page.items.iter().map(|row| row.user)).await?;
    Ok(SignedIn { search, people })
}

/// What happened.
#[derive(Debug)]
pub struct Happened {
    /// The events, newest first.
    pub page: Page<EventLine>,
    /// Who they are about, and who did it.
    pub people: People,
}

/// Events that a filter takes, newest first.
pub async fn events(
    provider: &Provider,
    filter: &EventFilter,
    before: Option<EventId>,
    limit: i64,
) -> Result<Happened> {
    let page = events::list(provider, filter, before, limit).await?;
    happened(provider, page).await
}

/// What happened lately as it comes: everything that came into the trail behind `cursor`, the newest first, and then the
/// newest that were there before. The place is where to go on; a cursor that the trail does not have begins anew.
pub async fn watched(
    provider: &Provider,
    filter: &EventFilter,
    cursor: Option<Place>,
) -> Result<(Happened, Place)> {
    let live = match events::live(provider, filter, cursor, WATCHED).await {
        Err(LiveError::WentBack) => events::live(provider, filter, None, WATCHED).await,
        live => live,
    };
    let live = live.map_err(|error| match error {
        LiveError::Store(error) => error,
        LiveError::WentBack => StoreError::corrupt("audit_heads"),
    })?;
    let mut items: Vec<EventLine> = live.events.into_iter().rev().collect();
    let new: BTreeSet<EventId> = items.iter().map(|line| line.id).collect();
    let before = events::list(provider, filter, None, PAGE).await?;
    items.extend(before.items.into_iter().filter(|line| !new.contains(&line.id)));
    let happened = happened(provider, Page { items, next: None }).await?;
    Ok((happened, live.cursor))
}

async fn happened(provider: &Provider, page: Page<EventLine>) -> Result<Happened> {
    let about = page.items.iter().filter_map(|line| line.subject.user);
    let actors = page.items.iter().filter_map(|line| match line.actor {
        Some(Actor::Person { id }) => Some(id),
        _ => None,
    });
    let people = People::of(provider, about.chain(actors)).await?;
    Ok(Happened { page, people })
}

/// How much of something happened in the steps of a time.
#[derive(Debug)]
pub struct Counts {
    /// When the first step begins.
    pub since: Instant,
    /// How long a step is.
    pub step: Lifetime,
    /// How many there are.
    pub steps: usize,
    /// Steps in which something happened.
    pub counted: Vec<Counted>,
}

/// The first page: what each may see of it.
#[derive(Debug, Default)]
pub struct Overview {
    /// What happened in each hour of the last day, and each day of the last month.
    pub counts: Option<[Counts; 2]>,
    /// Live sessions by the version of their app.
    pub versions: Option<Vec<VersionCount>>,
    /// The newest sessions.
    pub newest: Option<SignedIn>,
}

/// Reads the first page.
pub async fn overview(provider: &Provider, by: &By) -> Result<Overview> {
    let mut overview = Overview::default();
    if by.may(Permission::ReadEvents) {
        let hours = counts(provider, Step::Hour, 24).await?;
        let days = counts(provider, Step::Day, 30).await?;
        overview.counts = Some([hours, days]);
    }
    if by.may(Permission::ReadSessions) {
        overview.versions = Some(sessions::versions(provider, None).await?);
        overview.newest = Some(sessions(provider, &SessionFilter::default(), None, FEW).await?);
    }
    Ok(overview)
}

async fn counts(provider: &Provider, step: Step, steps: usize) -> Result<Counts> {
    let (now, length) = (provider.clock.now(), step.length());
    let earlier = i64::try_from(steps).unwrap_or(0) - 1;
    let first = now.minus(Lifetime::from_millis(length.millis() * earlier));
    let since = step.start(first);
    let until = now.plus(length);
    let counted = events::counts(provider, since, until, step, None).await?;
    Ok(Counts {
        since,
        step: length,
        steps,
        counted,
    })
}

/// A person, as far as each may see them.
#[derive(Debug)]
pub struct Profile {
    /// The person.
    pub user: User,
    /// Apps in which they are signed in.
    pub apps: Option<Search<ListedDeviceSession>>,
    /// Browsers in which they are.
    pub browsers: Vec<browser_sessions::list::ListedBrowserSession>,
    /// What happened to them lately.
    pub history: Option<Happened>,
}

/// Reads a person's page.
pub async fn person(provider: &Provider, by: &By, id: UserId) -> std::result::Result<Profile, PeopleError> {
    let user = known(provider, id).await?;
    let (mut apps, mut browsers, mut history) = (None, Vec::new(), None);
    if by.may(Permission::ReadSessions) {
        let filter = SessionFilter {
            user: Some(id),
            ..SessionFilter::default()
        };
        apps = Some(sessions::list(provider, &filter, None, PAGE).await?);
        browsers = sessions::browsers::of_user(provider, id).await?;
    }
    if by.may(Permission::ReadEvents) {
        let filter = EventFilter {
            user: Some(id),
            ..EventFilter::default()
        };
        history = Some(events(provider, &filter, None, PAGE).await?);
    }
    Ok(Profile {
        user,
        apps,
        browsers,
        history,
    })
}

/// A client's page.
#[derive(Debug)]
pub struct ClientSeen {
    /// The client.
    pub client: Client,
    /// Its secrets, which nobody can read.
    pub secrets: Vec<KeptSecret>,
    /// Live sessions by version.
    pub versions: Option<Vec<VersionCount>>,
}

/// Why no client is shown.
#[derive(Debug, thiserror::Error)]
pub enum ClientSeenError {
    /// There is none with this id.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads a client's page.
pub async fn client(
    provider: &Provider,
    by: &By,
    id: &str,
) -> std::result::Result<ClientSeen, ClientSeenError> {
    let id: ClientId = id.parse().map_err(|_| Unknown("client"))?;
    let client = clients::known(provider, &id)?;
    let secrets = client_secrets::of_client(&provider.db, id.clone()).await?;
    let versions = if by.may(Permission::ReadSessions) {
        Some(sessions::versions(provider, Some(&id)).await?)
    } else {
        None
    };
    Ok(ClientSeen {
        client,
        secrets,
        versions,
    })
}

/// The person with an address.
pub async fn by_address(provider: &Provider, email: &Email) -> Result<Option<User>> {
    users::find_by_email(&provider.db, email.key()).await
}

/// Who began ends of many sessions.
pub async fn who_ended(provider: &Provider, ends: &[MassEnd]) -> Result<People> {
    let actors = ends.iter().filter_map(|end| match end.actor {
        Actor::Person { id } => Some(id),
        _ => None,
    });
    People::of(provider, actors).await
}
