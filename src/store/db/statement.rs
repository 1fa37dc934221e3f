//! Statements with their types, and what binds to them and comes back on every back end.

use std::{fmt, marker::PhantomData};

use sqlx::{
    Arguments, Either, Encode, FromRow, Postgres, Sqlite, Type,
    error::BoxDynError,
    postgres::{PgArguments, PgRow, PgTypeInfo},
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::store::error::{Result, StoreError};

/// The text of a statement. It is the same for every back end but for a word or two: a dialect pair.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sql {
    /// For the embedded database.
    pub sqlite: &'static str,
    /// For PostgreSQL.
    pub postgres: &'static str,
}

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sqlite)
    }
}

/// A statement with the types of what is bound and what comes back.
pub struct Statement<B, R> {
    sql: Sql,
    types: PhantomData<fn(B) -> R>,
}

impl<B, R> Statement<B, R> {
    /// The statement with this text, which is the same for every back end.
    pub const fn new(sql: &'static str) -> Self {
        Self::with_dialects(Sql {
            sqlite: sql,
            postgres: sql,
        })
    }

    /// The statement with a text for each back end.
    pub const fn with_dialects(sql: Sql) -> Self {
        Self {
            sql,
            types: PhantomData,
        }
    }

    /// The text.
    pub const fn sql(&self) -> Sql {
        self.sql
    }
}

impl<B, R> Clone for Statement<B, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B, R> Copy for Statement<B, R> {}

impl<B, R> fmt::Debug for Statement<B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sql.fmt(f)
    }
}

/// Declares statements, and the list of them all that a test prepares. Where the back ends need different words, a
/// dialect pair stands between two pieces of the text: `"SELECT ..." { sqlite: "", postgres: "FOR SHARE" } "..."`.
macro_rules! statements {
    ($($(#[$doc:meta])* $vis:vis $name:ident: ($($bind:ty),* $(,)?) => $row:ty =
        $first:literal $({ sqlite: $sqlite:literal, postgres: $postgres:literal } $rest:literal)*;)*) => {
        $($(#[$doc])* $vis const $name: $crate::store::db::Statement<($($bind,)*), $row> =
            $crate::store::db::Statement::with_dialects($crate::store::db::Sql {
                sqlite: concat!($first $(, $sqlite, $rest)*),
                postgres: concat!($first $(, $postgres, $rest)*),
            });)*
        /// Every statement in this file.
        pub(in crate::store) const ALL: &[$crate::store::db::Declared] = &[$($crate::store::db::Declared {
            file: file!(),
            name: stringify!($name),
            sql: $name.sql(),
            binds: <($($bind,)*) as $crate::store::db::Binds>::WIDTH,
            types: <($($bind,)*) as $crate::store::db::Binds>::postgres_types,
            row: std::any::type_name::<$row>,
        }),*];
    };
}
pub(in crate::store) use statements;

/// A statement as its file declares it. For the test that prepares them all.
#[derive(Debug, Clone, Copy)]
pub struct Declared {
    /// The file.
    pub file: &'static str,
    /// The constant.
    pub name: &'static str,
    /// The text.
    pub sql: Sql,
    /// How many values it is given.
    pub binds: usize,
    /// Their types on PostgreSQL, which a program says when it prepares.
    pub types: fn() -> Vec<PgTypeInfo>,
    /// The name of the type that its row is read into.
    pub row: fn() -> &'static str,
}

/// A statement as a back end understands it. For the test that prepares them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepared {
    /// How many different values it takes.
    pub binds: usize,
    /// How many columns its rows have.
    pub columns: usize,
}

impl Prepared {
    /// What the driver says of it.
    pub(super) fn of(prepared: &impl sqlx::Statement) -> Self {
        let binds = match prepared.parameters() {
            Some(Either::Left(types)) => types.len(),
            Some(Either::Right(count)) => count,
            None => 0,
        };
        Self {
            binds,
            columns: prepared.columns().len(),
        }
    }
}

/// A value that every back end can bind.
pub trait Value:
    Send + 'static + for<'q> Encode<'q, Sqlite> + Type<Sqlite> + for<'q> Encode<'q, Postgres> + Type<Postgres>
{
}
impl<T> Value for T where
    T: Send
        + 'static
        + for<'q> Encode<'q, Sqlite>
        + Type<Sqlite>
        + for<'q> Encode<'q, Postgres>
        + Type<Postgres>
{
}

/// A row that every back end can give.
pub trait Row: Send + Unpin + 'static + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}
impl<T> Row for T where T: Send + Unpin + 'static + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>
{}

/// The values of a statement, in the order of their numbers: a tuple.
pub trait Binds: Send + 'static {
    /// How many there are.
    const WIDTH: usize;

    /// Their types on PostgreSQL.
    fn postgres_types() -> Vec<PgTypeInfo>;

    /// Adds them to what the embedded database is given.
    fn add_to_sqlite(&self, arguments: &mut SqliteArguments) -> Result<()>;

    /// What PostgreSQL is given.
    fn to_postgres(&self) -> Result<PgArguments>;

    /// What the embedded database is given.
    fn to_sqlite(&self) -> Result<SqliteArguments> {
        let mut arguments = SqliteArguments::default();
        self.add_to_sqlite(&mut arguments)?;
        Ok(arguments)
    }
}

macro_rules! binds {
    ($($($name:ident)*;)*) => {$(
        #[allow(non_snake_case, unused_variables, unused_mut, clippy::allow_attributes, reason = "the tuple's letters; none in the empty one")]
        impl<$($name: Value),*> Binds for ($($name,)*) {
            const WIDTH: usize = { const NAMES: &[&str] = &[$(stringify!($name)),*]; NAMES.len() };

            fn postgres_types() -> Vec<PgTypeInfo> {
                vec![$(<$name as Type<Postgres>>::type_info()),*]
            }

            fn add_to_sqlite(&self, arguments: &mut SqliteArguments) -> Result<()> {
                let ($($name,)*) = self;
                $(arguments.add($name).map_err(unbindable)?;)*
                Ok(())
            }

            fn to_postgres(&self) -> Result<PgArguments> {
                let ($($name,)*) = self;
                let mut arguments = PgArguments::default();
                $(arguments.add($name).map_err(unbindable)?;)*
                Ok(arguments)
            }
        }
    )*};
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err wants")]
fn unbindable(error: BoxDynError) -> StoreError {
    StoreError::Corrupt(error.to_string())
}

binds! {
    ;
    A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H; A B C D E F G H I;
    A B C D E F G H I J; A B C D E F G H I J K; A B C D E F G H I J K L; A B C D E F G H I J K L M;
    A B C D E F G H I J K L M N; A B C D E F G H I J K L M N O; A B C D E F G H I J K L M N O P;
}

/// A row as its type.
pub(super) fn decode<'r, R: FromRow<'r, T>, T: sqlx::Row>(row: &'r T) -> Result<R> {
    R::from_row(row).map_err(|error| StoreError::Corrupt(error.to_string()))
}
