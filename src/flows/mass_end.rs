//! Ends all sessions that match a filter. It may be millions, so it is a job: begun here, worked off batch by batch by one
//! process for all, and gone on with by another when that one is killed (`work.rs`).

mod work;

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

pub use self::work::work;
use crate::{
    base::{
        id::{EventId, MassEndId, UserId},
        page::Page,
        text::Note,
        time::Lifetime,
    },
    domain::{
        event::{Event, Subject},
        role::{Permission, Permissions},
        session_filter::SessionFilter,
    },
    flows::{
        Provider,
        admin::{Beyond, By, console, people::beyond},
        confirm::{Reached, Wait},
        sessions::Walk,
    },
    store::{
        device_sessions::list::{ListedDeviceSession, SessionState},
        error::{Result, StoreError},
        mass_ends::{self, BeginMassEnd, CancelMassEnd, MassEnd},
    },
};

/// How long who waits for the end waits before another look.
const LOOK: Duration = Duration::from_millis(100);
/// How many rows are read at once to count.
const STRIDE: i64 = 1000;

/// How many ends of one actor may be under way: they are worked off one after the other, and those of others wait.
pub const UNDER_WAY_AT_ONCE: i64 = 20;

/// How many sessions are looked at to say how many would end: whoever asks waits for that.
pub const COUNTED_AT_ONCE: u64 = 100_000;

/// What would end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// How many sessions match, among those that were looked at; what hangs under them ends too and is not counted.
    pub found: u64,
    /// How many were looked at, newest first.
    pub looked_at: u64,
    /// Whether that was all of them.
    pub is_all: bool,
}

/// Why an end was not begun, counted or stopped.
#[derive(Debug, thiserror::Error)]
pub enum MassEndError {
    /// The filter names nothing.
    #[error("this names no session in particular, and would end all of them: say which ones")]
    Everything,
    /// It names who may do more than the one who asks, or was begun by somebody who might.
    #[error(transparent)]
    Beyond(#[from] Beyond),
    /// The one who asks has begun many already.
    #[error(
        "{UNDER_WAY_AT_ONCE} ends of many sessions that you began are still under way: wait for one, or stop one"
    )]
    TooMany,
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Counts what would end, and changes nothing. Looks at so many sessions at most, the newest, and says so.
pub async fn count(
    provider: &Provider,
    by: &By,
    filter: &SessionFilter,
) -> std::result::Result<Counted, MassEndError> {
    let reach = judge(provider, by, filter).await?;
    let (mut walk, mut found) = (Walk::new(&reach.filter, None), 0);
    while !walk.is_over && walk.looked_at < COUNTED_AT_ONCE {
        let rows = walk.next(provider, STRIDE).await?;
        found += rows.iter().filter(|row| reach.has(row)).count() as u64;
    }
    Ok(Counted {
        found,
        looked_at: walk.looked_at,
        is_all: walk.is_over,
    })
}

/// Begins to end all sessions that match and are open by now, but for those of admins whom the one who asks does not reach.
pub async fn begin(
    provider: &Provider,
    by: &By,
    filter: &SessionFilter,
    note: Option<Note>,
) -> std::result::Result<MassEnd, MassEndError> {
    let Reach { filter, .. } = judge(provider, by, filter).await?;
    let now = provider.clock.now();
    let end = MassEnd {
        id: MassEndId::new(now, &provider.entropy),
        note,
        actor: by.actor.clone(),
        permissions: by.permissions,
        begun_at: now,
        looked_at: 0,
        found: 0,
        ended: 0,
        done_at: None,
        cancelled_at: None,
        before: Walk::new(&filter, None).before,
        filter,
    };
    let event = Event::MassEndBegun {
        mass_end: end.id,
        filter: end.filter.clone(),
        note: end.note.clone(),
    };
    let about = subject(&end.filter);
    let change = BeginMassEnd {
        event: provider.event_by(now, by.initiator(), about, event),
        end: end.clone(),
        at_once: UNDER_WAY_AT_ONCE,
    };
    if !provider.db.write(change).await? {
        return Err(MassEndError::TooMany);
    }
    provider.mass_ends.notify_one();
    Ok(end)
}

/// Refuses a filter that names nothing, or what single ends would refuse: an admin who may do more. What it reaches
/// otherwise.
async fn judge(
    provider: &Provider,
    by: &By,
    filter: &SessionFilter,
) -> std::result::Result<Reach, MassEndError> {
    if filter.is_empty() {
        return Err(MassEndError::Everything);
    }
    let reach = Reach::of(provider, opened_by_now(provider, filter), by.permissions).await?;
    let names_spared = filter.user.is_some_and(|user| reach.spared.contains(&user));
    if names_spared || !may_end(by.permissions, filter) {
        return Err(Beyond.into());
    }
    Ok(reach)
}

/// Whether these permissions suffice for an end by this filter. Nobody but who says who is an admin signs all of them out of
/// the console.
fn may_end(permissions: Permissions, filter: &SessionFilter) -> bool {
    let names_console = filter.client == Some(console::client_id());
    permissions.has(Permission::EndSessions) && (!names_console || permissions.has(Permission::WriteRoles))
}

/// Only what is open when it is said: who signs in again meanwhile stays signed in.
fn opened_by_now(provider: &Provider, filter: &SessionFilter) -> SessionFilter {
    let later = provider.clock.now().plus(Lifetime::from_millis(1));
    SessionFilter {
        opened_before: Some(filter.opened_before.map_or(later, |before| before.min(later))),
        ..filter.clone()
    }
}

/// One that was begun.
pub async fn find(provider: &Provider, id: MassEndId) -> Result<Option<MassEnd>> {
    mass_ends::find(&provider.db, id).await
}

/// Waits until one is done and every API that follows the stream refuses what ended, or for so long; how far it is then.
pub async fn wait(wait: Wait<'_>, id: MassEndId) -> Result<Option<Reached<MassEnd>>> {
    let provider = wait.provider();
    let since = provider.clock.now();
    let done = async {
        loop {
            match find(provider, id).await? {
                Some(end) if end.done_at.is_none() => tokio::time::sleep(LOOK).await,
                found => return Ok::<_, StoreError>(found),
            }
        }
    };
    let found = match timeout(wait.patience().to_std(), done).await {
        Ok(found) => found?,
        Err(_) => find(provider, id).await?,
    };
    let Some(done) = found else {
        return Ok(None);
    };
    let waited = provider.clock.now().since(since);
    let confirmation = match done.done_at {
        Some(_) => Some(wait.after(waited).confirm().await?),
        None => None,
    };
    Ok(Some(Reached { done, confirmation }))
}

/// Those that were begun, newest first, before `after` when that is there.
pub async fn list(provider: &Provider, after: Option<MassEndId>, limit: i64) -> Result<Page<MassEnd>> {
    let newest = MassEndId::from_bytes([0xff; 16]);
    // One more tells whether there are more.
    let rows = mass_ends::list(&provider.db, after.unwrap_or(newest), limit.saturating_add(1)).await?;
    Ok(Page::cut(rows, limit, |end| end.id.to_string()))
}

/// Whether somebody may stop one: who began it, and who may do all that this one might.
pub fn may_cancel(by: &By, end: &MassEnd) -> bool {
    by.actor == end.actor || by.covers(end.permissions).is_ok()
}

/// Stops one; what has ended stays ended. False when it is done, or never was.
pub async fn cancel(provider: &Provider, by: &By, id: MassEndId) -> std::result::Result<bool, MassEndError> {
    let now = provider.clock.now();
    let Some(end) = find(provider, id).await? else {
        return Ok(false);
    };
    if !may_cancel(by, &end) {
        return Err(Beyond.into());
    }
    let change = CancelMassEnd {
        id,
        now,
        event: EventId::new(now, &provider.entropy),
        subject: subject(&end.filter),
        by: by.initiator(),
        lost_permission: false,
    };
    Ok(provider.db.write(change).await?)
}

/// Which sessions an end reaches.
struct Reach {
    filter: SessionFilter,
    /// Admins whom the one who began it does not reach.
    spared: BTreeSet<UserId>,
}

impl Reach {
    async fn of(provider: &Provider, filter: SessionFilter, permissions: Permissions) -> Result<Self> {
        let spared = beyond(provider, permissions).await?;
        Ok(Self { filter, spared })
    }

    /// Also one whose app has not come for it yet, and one that nobody uses any more.
    fn has(&self, session: &ListedDeviceSession) -> bool {
        session.state != SessionState::Ended
            && self.filter.fits(&session.traits())
            && !self.spared.contains(&session.user)
    }
}

fn subject(filter: &SessionFilter) -> Subject {
    Subject {
        user: filter.user,
        client: filter.client.clone(),
        ..Subject::default()
    }
}
