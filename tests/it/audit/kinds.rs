//! The kinds of events, as the code names them and the documentation lists them.

use postern::domain::{
    event::{Changed, Event, FailedAccount},
    event_kind::KINDS,
};
use serde_json::{Value, json};

const ENUM: &str = include_str!("../../../src/domain/event.rs");
const WORDS: &str = include_str!("../../../src/web/private/console/words.rs");
const DOCS: &str = include_str!("../../../docs/audit.md");

/// The kinds in the code, in its order.
fn kinds() -> Vec<&'static str> {
    let names = ENUM.split("#[serde(rename = \"").skip(1);
    names.filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_kind_is_in_the_table_of_the_documentation_and_no_other() {
    let rows = DOCS.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    assert!(kinds().len() >= 35, "{:?}", kinds());
    assert_eq!(listed, kinds());
    assert_eq!(KINDS.to_vec(), kinds(), "those that somebody may ask for");
}

#[test]
fn the_console_has_words_for_every_kind_and_for_no_other() {
    let (_, list) = WORDS.split_once("const EVENTS").expect("the list");
    let (_, list) = list.split_once("= [").expect("its begin");
    let (list, _) = list.split_once("];").expect("its end");
    let rows = list.split('(').skip(1);
    let mut worded: Vec<_> = rows.filter_map(|row| row.split('"').nth(1)).collect();
    let mut all = kinds();
    worded.sort_unstable();
    all.sort_unstable();
    assert_eq!(worded, all);
}

/// Words that look like kinds of events and stand in quotes of this sort.
fn words(text: &str, quote: char) -> Vec<&str> {
    let kinds = kinds();
    let front = |word: &str| word.split_once('.').map(|(front, _)| front.to_owned());
    let fronts: Vec<_> = kinds.iter().filter_map(|kind| front(kind)).collect();
    let plain = |word: &&str| {
        word.bytes()
            .all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'.')
    };
    text.split(quote)
        .filter(plain)
        .filter(|word| front(word).is_some_and(|front| fronts.contains(&front)))
        .collect()
}

/// A kind is named by its variant; what has to say one as text says one that there is.
#[test]
fn every_kind_that_a_statement_or_the_code_names_is_one() {
    let kinds = kinds();
    assert_eq!(
        words("a 'user.created' or 'usr.created' 'x'", '\''),
        ["user.created"]
    );
    for statement in postern::store::statements() {
        for word in words(statement.sql.sqlite, '\'') {
            assert!(
                kinds.contains(&word),
                "{} {}: {word}",
                statement.file,
                statement.name
            );
        }
    }
    let mut named = 0;
    let mut folders = vec![std::path::PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src"
    ))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            // Settings have names of the same form.
            if path.is_dir() && !path.ends_with("src/config") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("src/config.rs") {
                let text = std::fs::read_to_string(&path).expect("text");
                // Unit tests have kinds that are none.
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                for word in words(text, '"') {
                    named += 1;
                    assert!(kinds.contains(&word), "{}: {word}", path.display());
                }
            }
        }
    }
    assert!(
        named > 2 * kinds.len(),
        "the enum, the console, and those who look for one: {named}"
    );
}

#[test]
fn what_an_older_version_wrote_is_read() {
    let read = |json: Value| serde_json::from_value::<Event>(json).expect("read");
    assert_eq!(
        read(json!({ "kind": "client.updated" })),
        Event::ClientUpdated {
            changed: Changed::default()
        }
    );
    for bare in ["client.added", "client.registered", "client.removed"] {
        let (changed, read) = (Changed::default(), read(json!({ "kind": bare })));
        let event = match bare {
            "client.added" => Event::ClientAdded { changed },
            "client.removed" => Event::ClientRemoved { changed },
            _ => Event::ClientRegistered { token: None, changed },
        };
        assert_eq!(read, event);
    }
    assert_eq!(
        read(json!({ "kind": "user.signed_in", "amr": ["pwd"], "again": false })),
        Event::SignedIn {
            amr: vec!["pwd".to_owned()],
            again: false,
            browser: None
        }
    );
    let failed = Event::SignInFailed {
        account: FailedAccount::Many,
        count: 3,
        minute: postern::base::time::Instant::from_millis(60_000),
    };
    let written = serde_json::to_value(&failed).expect("JSON");
    assert_eq!(read(written), failed);
}
