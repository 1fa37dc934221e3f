//! The rows that are added, as their tables have them.

use crate::base::{
    digest::Digest,
    id::{BrowserSessionId, ClientId, DeviceSessionId, EventId, UserId},
    time::Instant,
};

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// None.
    Null,
    /// A number, or a time in milliseconds since 1970.
    Number(i64),
    /// Text.
    Text(String),
    /// An id.
    Id([u8; 16]),
    /// A digest.
    Digest([u8; 32]),
}

/// A row of a table.
pub trait Row {
    /// The table.
    const TABLE: &'static str;
    /// Its columns that have a value.
    const COLUMNS: &'static [&'static str];

    /// Adds its values, in the order of the columns.
    fn write(self, cells: &mut Vec<Cell>);
}

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident in $table:literal {
        $($column:ident: $type:ty,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        #[expect(missing_docs, reason = "the columns are explained in the migrations")]
        pub struct $name {
            $(pub $column: $type,)*
        }

        impl Row for $name {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [&'static str] = &[$(stringify!($column)),*];

            fn write(self, cells: &mut Vec<Cell>) {
                cells.extend([$(self.$column.into()),*]);
            }
        }
    )*};
}

rows! {
    /// A person.
    UserRow in "users" {
        id: UserId,
        email: String,
        email_key: String,
        name: String,
        created_at: Instant,
        updated_at: Instant,
    }
    /// The hash of a password.
    PasswordRow in "passwords" {
        user_id: UserId,
        hash: String,
        version: i64,
        changed_at: Instant,
    }
    /// What a person has allowed an app.
    ConsentRow in "consents" {
        user_id: UserId,
        client_id: ClientId,
        scope: String,
        updated_at: Instant,
    }
    /// A live browser session.
    BrowserSessionRow in "browser_sessions" {
        id: BrowserSessionId,
        digest: Digest,
        user_id: UserId,
        auth_time: Instant,
        acr: String,
        amr: String,
        label: String,
        created_at: Instant,
        last_seen_at: Instant,
        expires_at: Instant,
    }
    /// A device session.
    SessionRow in "device_sessions" {
        id: DeviceSessionId,
        user_id: UserId,
        client_id: ClientId,
        browser_session_id: BrowserSessionId,
        life: &'static str,
        state: &'static str,
        generation: i64,
        rotated_at: Instant,
        retries: i64,
        handle_digest: Option<Digest>,
        grant_json: String,
        code_digest: Digest,
        code_expires_at: Instant,
        redirect_uri: String,
        challenge: Digest,
        device: String,
        granted_at: Instant,
        activated_at: Option<Instant>,
        expires_at: Instant,
        ended_at: Option<Instant>,
        end_reason: Option<&'static str>,
        app_version: Option<&'static str>,
        address: Option<String>,
    }
    /// An event.
    EventRow in "events" {
        id: EventId,
        at: Instant,
        kind: String,
        user_id: UserId,
        client_id: ClientId,
        session_id: DeviceSessionId,
        data: String,
    }
}

macro_rules! cells {
    ($($type:ty: $value:ident => $cell:expr;)*) => {$(
        impl From<$type> for Cell {
            fn from($value: $type) -> Self {
                $cell
            }
        }
    )*};
}

cells! {
    UserId: id => Self::Id(id.to_bytes());
    BrowserSessionId: id => Self::Id(id.to_bytes());
    DeviceSessionId: id => Self::Id(id.to_bytes());
    EventId: id => Self::Id(id.to_bytes());
    ClientId: id => Self::Text(id.to_string());
    Digest: digest => Self::Digest(*digest.as_bytes());
    Instant: at => Self::Number(at.millis());
    i64: number => Self::Number(number);
    String: text => Self::Text(text);
    &'static str: text => Self::Text(text.to_owned());
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
