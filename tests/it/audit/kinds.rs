//! The kinds of events, as the code names them and the documentation lists them.

use postern::domain::{
    event::{Changed, Event, FailedAccount},
    event_kind::KINDS,
};
use serde_json::{Value, json};

const ENUM: &str = include_str!("../../../src/domain/event.rs");
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
