//! What can go wrong with the database, as a caller needs to know it.

use sqlx::postgres::PgDatabaseError;

use crate::base::time::Lifetime;

/// Why a read or a change did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique value is taken, or a rule of the schema is broken; nothing was changed.
    #[error("the change contradicts what is stored: {0}")]
    Conflict(String),
    /// Too many changes are waiting, or were in each other's way; nothing was changed. Try again after [`StoreError::RETRY_AFTER`].
    #[error("too many changes are waiting")]
    Busy,
    /// The database did not take the change, or could not be asked. It may be back soon.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A change called the database instead of its transaction: a fault of this program.
    #[error("a change must only use its own transaction")]
    Nested,
    /// A change panicked or waited for something else; it was rolled back: a fault of this program.
    #[error("a change was stopped and rolled back: {0}")]
    Stopped(&'static str),
    /// A row that does not read as what it should be: a fault of this program, or of who wrote into the database.
    #[error("a row does not read: {0}")]
    Corrupt(String),
}

/// The result of asking the database.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl StoreError {
    /// What callers who were not served are told to wait.
    pub const RETRY_AFTER: Lifetime = Lifetime::from_secs(2);

    /// A row whose column does not read.
    pub fn corrupt(column: &str) -> Self {
        Self::Corrupt(column.to_owned())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) if is_constraint(error.as_ref()) => {
                Self::Conflict(error.to_string())
            }
            sqlx::Error::Database(error) if is_contention(error.as_ref()) => Self::Busy,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                Self::Corrupt(error.to_string())
            }
            other => Self::Unavailable(with_a_hint(other.to_string())),
        }
    }
}

/// What an operator can do about it, where the driver does not say.
fn with_a_hint(error: String) -> String {
    let hint = if error.contains("invalid peer certificate") {
        "name the authority of the server's certificate with sslrootcert=FILE in database.url, and the host as the \
         certificate does"
    } else if error.contains("does not support TLS") {
        "set ssl = on in the server; or write sslmode=disable in database.url, if nobody can listen on the way"
    } else {
        return error;
    };
    format!("{error}; {hint}")
}

fn is_constraint(error: &dyn sqlx::error::DatabaseError) -> bool {
    use sqlx::error::ErrorKind::{CheckViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation};
    // A value of another type in a STRICT table, which sqlx does not count among them.
    const SQLITE_CONSTRAINT_DATATYPE: &str = "3091";
    matches!(
        error.kind(),
        UniqueViolation | ForeignKeyViolation | NotNullViolation | CheckViolation
    ) || error.code().as_deref() == Some(SQLITE_CONSTRAINT_DATATYPE)
        || is_bad_value(error)
}

/// Whether PostgreSQL cannot take a value, such as a text with a NUL in it (class 22, data exception). It would not
/// become better by trying again, and the database is not lost.
fn is_bad_value(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.try_downcast_ref::<PgDatabaseError>().is_some()
        && error.code().is_some_and(|code| code.starts_with("22"))
}

/// Whether PostgreSQL rolled a transaction back because of another one (serialization failure, deadlock, lock not
/// available): it may be run again.
fn is_contention(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.try_downcast_ref::<PgDatabaseError>().is_some()
        && matches!(error.code().as_deref(), Some("40001" | "40P01" | "55P03"))
}
