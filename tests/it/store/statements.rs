//! Every statement of the program, against the tables as they are.

use std::path::{Path, PathBuf};

use postern::store::{
    self,
    db::{Db, Prepared},
};

use super::scratch::Scratch;
use crate::harness::postgres;

/// What only one back end understands, or what asks for the time, which is bound.
const NOT_PORTABLE: [&str; 22] = [
    "datetime(",
    "date(",
    "time(",
    "strftime",
    "julianday",
    "unixepoch",
    "now",
    "current_timestamp",
    "autoincrement",
    "rowid",
    "->",
    "json_",
    "json(",
    "last_insert",
    "ifnull",
    "glob",
    "pragma",
    "insert or",
    "replace into",
    "random(",
    "?",
    "`",
];

/// How many columns a row type reads; nothing when its name does not tell.
fn width(row: &str) -> Option<usize> {
    let inside = row.strip_prefix('(')?.strip_suffix(')')?;
    let mut depth = 0;
    let mut columns = inside.split(',').filter(|part| !part.trim().is_empty()).count();
    for c in inside.chars() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            ',' if depth > 0 => columns -= 1,
            _ => {}
        }
    }
    Some(columns)
}

#[tokio::test]
async fn every_statement_prepares_on_sqlite_with_the_values_and_columns_that_it_declares() {
    every_statement_prepares(&Scratch::start().await.db).await;
}

#[tokio::test]
async fn every_statement_prepares_on_postgresql_with_the_values_and_columns_that_it_declares() {
    let Some(database) = postgres::database().await else {
        return;
    };
    every_statement_prepares(&Db::open(&database.location).await.expect("opened")).await;
}

async fn every_statement_prepares(db: &Db) {
    let all = store::statements();
    assert!(all.len() > 40, "{}", all.len());
    for statement in all {
        let name = format!("{} {}", statement.file, statement.name);
        let prepared = db.prepare(&statement).await;
        let Prepared { binds, columns } = prepared.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(binds, statement.binds, "{name}: values");
        let row = (statement.row)();
        match width(row) {
            Some(width) => assert_eq!(columns, width, "{name}: columns of {row}"),
            None => assert!(columns > 1, "{name}: columns of {row}"),
        }
    }
}

#[test]
fn values_are_numbered_from_one_without_gaps() {
    for statement in store::statements() {
        let numbers = statement.sql.sqlite.split('$').skip(1).map(|part| {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            part[..digits].parse::<usize>().expect("a number after $")
        });
        let highest = numbers.max().unwrap_or(0);
        assert_eq!(highest, statement.binds, "{} {}", statement.file, statement.name);
    }
}

#[test]
fn the_texts_keep_to_what_every_back_end_understands() {
    for statement in store::statements() {
        let text = statement.sql.sqlite.to_lowercase();
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        for bad in NOT_PORTABLE {
            let found = if bad.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && !bad.ends_with('_') {
                words.contains(&bad)
            } else {
                text.contains(bad)
            };
            assert!(!found, "{} {}: {bad} in {text}", statement.file, statement.name);
        }
        assert!(
            !text.contains("select *") && !text.contains("returning *"),
            "{text}"
        );
        // Joined statements stand between semicolons, and their values are renumbered wherever a $ stands.
        assert!(!text.contains(';') && !text.contains("--"), "{text}");
    }
}

#[test]
fn no_two_statements_of_a_file_have_one_name_and_every_file_is_listed() {
    let all = store::statements();
    let mut names: Vec<_> = all
        .iter()
        .map(|statement| (statement.file, statement.name))
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all.len());
    for file in files_under(Path::new("src/store")) {
        let text = std::fs::read_to_string(&file).expect("text");
        let declares = text.lines().any(|line| line.trim_start() == "statements! {");
        let listed = all.iter().any(|statement| file.ends_with(statement.file));
        assert_eq!(declares, listed, "{}", file.display());
    }
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let files = entries.map(|entry| entry.expect("an entry").path());
    files
        .flat_map(|path| {
            if path.is_dir() {
                files_under(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn fewer_than_ten_statements_have_two_texts() {
    let all = store::statements();
    let pairs = all
        .iter()
        .filter(|statement| statement.sql.sqlite != statement.sql.postgres);
    let pairs: Vec<_> = pairs.map(|statement| (statement.file, statement.name)).collect();
    assert!(pairs.len() < 10, "{pairs:?}");
    // What differs is a word or two, not the statement.
    for statement in &all {
        let (sqlite, postgres) = (statement.sql.sqlite, statement.sql.postgres);
        let same = sqlite
            .bytes()
            .zip(postgres.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        assert!(same * 4 > sqlite.len(), "{} {}", statement.file, statement.name);
    }
}
