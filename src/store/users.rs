//! Users and their password hashes.

use crate::{
    base::{
        id::{BrowserSessionId, UserId},
        time::Instant,
    },
    domain::{claims::Person, event::EventRecord, role::Role, user::User},
    store::{
        db::{Change, Db, WriteTx, statements},
        ending::{self, EndSessions, EndedSessions},
        error::{Result, StoreError},
        events, facts,
    },
};

/// The version that every change of who is an admin raises, so that they wait for each other.
const ROLES: &str = "roles";

type UserRow = (
    UserId,
    String,
    Option<String>,
    Instant,
    Instant,
    Option<Instant>,
    Option<String>,
);

statements! {
    INSERT: (UserId, String, String, Option<String>, Instant, Option<&'static str>) => () =
        "INSERT INTO users (id, email, email_key, name, created_at, updated_at, role) VALUES ($1, $2, $3, $4, $5, $5, $6)";
    FIND: (UserId,) => UserRow =
        "SELECT id, email, name, created_at, updated_at, disabled_at, role FROM users WHERE id = $1";
    FIND_BY_EMAIL: (String,) => UserRow =
        "SELECT id, email, name, created_at, updated_at, disabled_at, role FROM users WHERE email_key = $1";
    LIST: (UserId, i64) => UserRow =
        "SELECT id, email, name, created_at, updated_at, disabled_at, role FROM users WHERE id > $1 ORDER BY id LIMIT $2";
    /// Who signs in with an address, the hash to compare with, and the password's version.
    pub FIND_FOR_SIGN_IN: (String,) => (UserId, String, String, i64) =
        "SELECT u.id, u.email, p.hash, p.version FROM users u JOIN passwords p ON p.user_id = u.id
         WHERE u.email_key = $1 AND u.disabled_at IS NULL";
    /// There is always an owner who can sign in.
    DISABLE: (UserId, Instant) => () =
        "UPDATE users SET disabled_at = $2, updated_at = $2 WHERE id = $1 AND disabled_at IS NULL
           AND (role IS NULL OR role <> 'owner' OR EXISTS (
             SELECT 1 FROM users o WHERE o.role = 'owner' AND o.disabled_at IS NULL AND o.id <> $1))";
    ENABLE: (UserId, Instant) => () =
        "UPDATE users SET disabled_at = NULL, updated_at = $2 WHERE id = $1 AND disabled_at IS NOT NULL";
    /// The same for roles: user, from, to.
    SET_ROLE: (UserId, Option<&'static str>, Option<&'static str>) => () =
        "UPDATE users SET role = $3 WHERE id = $1 AND role IS NOT DISTINCT FROM $2
           AND (role IS NULL OR role <> 'owner' OR $3 = 'owner' OR disabled_at IS NOT NULL OR EXISTS (
             SELECT 1 FROM users o WHERE o.role = 'owner' AND o.disabled_at IS NULL AND o.id <> $1))";
    /// Those whose address begins like this, in the order of their addresses: the first that may be, the first that may not
    /// be any more, how many at most.
    BEGINNING: (String, String, i64) => UserRow =
        "SELECT id, email, name, created_at, updated_at, disabled_at, role FROM users
         WHERE email_key >= $1 AND email_key < $2 ORDER BY email_key LIMIT $3";
    /// Everybody who is an admin; they are few.
    ADMINS: () => (UserId, String) =
        "SELECT id, role FROM users WHERE role IS NOT NULL";
    SET_HASH: (UserId, String, Instant) => () =
        "INSERT INTO passwords (user_id, hash, version, changed_at) VALUES ($1, $2, 1, $3)
         ON CONFLICT (user_id) DO UPDATE
         SET hash = excluded.hash, version = passwords.version + 1, changed_at = excluded.changed_at";
    /// A person's own change: user, hash, now, the version that they proved, the browser session in which they ask.
    CHANGE_HASH: (UserId, String, Instant, i64, BrowserSessionId) => () =
        "UPDATE passwords SET hash = $2, version = version + 1, changed_at = $3
         WHERE user_id = $1 AND version = $4 AND EXISTS (
           SELECT 1 FROM browser_sessions b WHERE b.id = $5 AND b.user_id = $1 AND b.ended_at IS NULL "
        { sqlite: "", postgres: "FOR SHARE" }
        ")";
    /// The same password with newer parameters: nothing else changes, and only if nobody changed it meanwhile.
    pub REHASH: (UserId, String, String) => () =
        "UPDATE passwords SET hash = $3 WHERE user_id = $1 AND hash = $2";
}

fn read((id, email, name, created_at, updated_at, disabled_at, role): UserRow) -> Result<User> {
    Ok(User {
        id,
        email: email.parse().map_err(|_| StoreError::corrupt("users.email"))?,
        name: name
            .map(|name| name.parse())
            .transpose()
            .map_err(|_| StoreError::corrupt("users.name"))?,
        created_at,
        updated_at,
        disabled_at,
        role: role
            .map(|role| role.parse())
            .transpose()
            .map_err(|_| StoreError::corrupt("users.role"))?,
    })
}

/// A user.
pub async fn find(db: &Db, id: UserId) -> Result<Option<User>> {
    db.read(FIND, (id,)).await?.map(read).transpose()
}

/// Everybody who is an admin, with what they are.
pub async fn admins(db: &Db) -> Result<Vec<(UserId, Role)>> {
    let rows = db.read_all(ADMINS, ()).await?;
    let corrupt = |_| StoreError::corrupt("users.role");
    let read = |(id, role): (UserId, String)| Ok((id, role.parse().map_err(corrupt)?));
    rows.into_iter().map(read).collect()
}

/// What is known of a person, within a change.
pub(super) async fn person(tx: &mut WriteTx<'_>, id: UserId) -> Result<Option<Person>> {
    let row = tx.one(FIND, (id,)).await?;
    Ok(row.map(|(_, email, name, _, updated_at, _, _)| Person {
        email,
        name,
        updated_at,
    }))
}

/// The user with an address; `key` is its normal form.
pub async fn find_by_email(db: &Db, key: String) -> Result<Option<User>> {
    db.read(FIND_BY_EMAIL, (key,)).await?.map(read).transpose()
}

/// Users after an id, in order.
pub async fn list(db: &Db, after: UserId, limit: i64) -> Result<Vec<User>> {
    db.read_all(LIST, (after, limit))
        .await?
        .into_iter()
        .map(read)
        .collect()
}

/// Users whose address, in its normal form, begins like `prefix`, in the order of their addresses; after one of them when
/// that is said.
pub async fn beginning(db: &Db, prefix: &str, after: Option<&str>, limit: i64) -> Result<Vec<User>> {
    // Behind an address and before every other one that begins like it.
    let first = after.map_or_else(|| prefix.to_owned(), |after| format!("{after}\u{1}"));
    let past = format!("{prefix}\u{10ffff}");
    let rows = db.read_all(BEGINNING, (first, past, limit)).await?;
    rows.into_iter().map(read).collect()
}

/// The row of [`EnableUser`]. False when they were not disabled.
pub(super) async fn enable(tx: &mut WriteTx<'_>, id: UserId, now: Instant) -> Result<bool> {
    Ok(tx.run(ENABLE, (id, now)).await? > 0)
}

/// Adds a user with a password. A taken address is a conflict.
pub struct AddUser {
    /// The user.
    pub user: User,
    /// The hash of the password.
    pub hash: String,
    /// The event.
    pub event: EventRecord,
}

impl Change for AddUser {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        let User {
            id,
            email,
            name,
            created_at,
            role,
            ..
        } = &self.user;
        let (name, role) = (name.as_ref().map(ToString::to_string), role.map(Role::as_str));
        tx.run(
            INSERT,
            (*id, email.to_string(), email.key(), name, *created_at, role),
        )
        .await?;
        tx.run(SET_HASH, (*id, self.hash.clone(), *created_at)).await?;
        events::record(tx, &self.event).await
    }
}

/// The person who asks for a change of their own password.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    /// The version of the password that they proved.
    pub version: i64,
    /// The browser session in which they ask.
    pub browser_session: BrowserSessionId,
}

/// Sets a password and ends the sessions that it may have been stolen for. Nothing when the person who asks was late:
/// the password was changed, or their session ended, while theirs waited to be looked at. What ended.
pub struct ChangePassword {
    /// Whose.
    pub user: UserId,
    /// The hash of the new password.
    pub hash: String,
    /// When.
    pub now: Instant,
    /// Who asks; nobody when it is the operator.
    pub asking: Option<Asking>,
    /// What ends.
    pub end: EndSessions,
    /// The event.
    pub event: EventRecord,
}

impl Change for ChangePassword {
    type Out = Option<EndedSessions>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Option<EndedSessions>> {
        let hash = self.hash.clone();
        let changed = match self.asking {
            None => tx.run(SET_HASH, (self.user, hash, self.now)).await?,
            Some(Asking {
                version,
                browser_session,
            }) => {
                tx.run(CHANGE_HASH, (self.user, hash, self.now, version, browser_session))
                    .await?
            }
        };
        if changed == 0 {
            return Ok(None);
        }
        let ended = ending::end(tx, &self.end).await?;
        events::record(tx, &self.event).await?;
        Ok(Some(ended))
    }
}

/// Disables a user and ends everything of theirs. What ended; nothing when they were disabled already, or are the last owner.
#[derive(Debug)]
pub struct DisableUser {
    /// Whose.
    pub user: UserId,
    /// When.
    pub now: Instant,
    /// What ends: everything.
    pub end: EndSessions,
    /// The event.
    pub event: EventRecord,
}

impl Change for DisableUser {
    type Out = Option<EndedSessions>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Option<EndedSessions>> {
        tx.run(facts::RAISE_VERSION, (ROLES,)).await?;
        // The node first, then what hangs on it: an opening either waits for the row and is refused, or is seen.
        if !disable(tx, self.user, self.now).await? {
            return Ok(None);
        }
        let ended = ending::end(tx, &self.end).await?;
        events::record(tx, &self.event).await?;
        Ok(Some(ended))
    }
}

/// Lets a user sign in again who was disabled. False when they were not.
#[derive(Debug)]
pub struct EnableUser {
    /// Whom.
    pub user: UserId,
    /// When.
    pub now: Instant,
    /// The event.
    pub event: EventRecord,
}

impl Change for EnableUser {
    type Out = bool;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<bool> {
        if !enable(tx, self.user, self.now).await? {
            return Ok(false);
        }
        events::record(tx, &self.event).await?;
        Ok(true)
    }
}

/// Makes a person another kind of admin, or none any more, and ends what they are signed in to as one. What ended; nothing
/// when they are not any more what they were, or are the last owner.
#[derive(Debug)]
pub struct ChangeRole {
    /// Whom.
    pub user: UserId,
    /// What they were.
    pub before: Option<Role>,
    /// What they are from now on.
    pub after: Option<Role>,
    /// Their sessions at the console.
    pub end: EndSessions,
    /// The event.
    pub event: EventRecord,
}

impl Change for ChangeRole {
    type Out = Option<EndedSessions>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Option<EndedSessions>> {
        tx.run(facts::RAISE_VERSION, (ROLES,)).await?;
        let binds = (
            self.user,
            self.before.map(Role::as_str),
            self.after.map(Role::as_str),
        );
        if tx.run(SET_ROLE, binds).await? == 0 {
            return Ok(None);
        }
        let ended = ending::end(tx, &self.end).await?;
        events::record(tx, &self.event).await?;
        Ok(Some(ended))
    }
}

/// A role that a database has lost the loss of.
pub(super) async fn set_role_again(tx: &mut WriteTx<'_>, id: UserId, after: Option<Role>) -> Result<()> {
    let Some(row) = tx.one(FIND, (id,)).await? else {
        return Ok(());
    };
    let before = read(row)?.role;
    let binds = (id, before.map(Role::as_str), after.map(Role::as_str));
    tx.run(SET_ROLE, binds).await.map(drop)
}

/// The row of [`DisableUser`]. False when they were disabled already, or are the last owner.
pub(super) async fn disable(tx: &mut WriteTx<'_>, id: UserId, now: Instant) -> Result<bool> {
    Ok(tx.run(DISABLE, (id, now)).await? > 0)
}
