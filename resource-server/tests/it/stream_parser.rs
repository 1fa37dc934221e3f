//! Whatever comes in the place of a revocation stream, in whatever pieces: no panic, no memory, and one reading of it.

use postern_resource_server::{Poll, Revocation, RevocationKind, StreamError, StreamEvent, StreamParser};
use proptest::prelude::*;

fn read(pieces: &[&[u8]]) -> Result<Vec<StreamEvent>, StreamError> {
    let mut parser = StreamParser::new();
    let mut events = Vec::new();
    for piece in pieces {
        events.extend(parser.read(piece)?);
    }
    Ok(events)
}

/// Cut at these places.
fn pieces<'a>(text: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

const GOOD: &str = concat!(
    ": hello\r\nretry: 500\n\n",
    "event: snapshot\ndata: {\"count\":2,\"more\":null}\n\n",
    "event:revoked\r\ndata:{\"revocations\":[{\"kind\":\"session\",\"id\":\"s\",\"issued_before\":1,\"until\":2},\r\n",
    "data: {\"kind\":\"of a later version\"},{\"kind\":7},{\"kind\":\"key\",\"id\":\"k\",\"issued_before\":0,\"until\":9}]}\r\n\r\n",
    "event: complete\rdata: {\"polled_at\":5,\"acknowledge\":true}\r\r",
    "event: of a later version\ndata: what it likes\n\n",
    "event: heartbeat\nid: 7\ndata: {\"polled_at\":6}\n\n",
    "event: heartbeat\ndata: {\"polled_at\":7}\n",
);

#[test]
fn a_stream_as_it_may_be_written() {
    let events = read(&[GOOD.as_bytes()]).unwrap();
    let [snapshot, StreamEvent::Revoked(revoked), complete, heartbeat] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(*snapshot, StreamEvent::Snapshot { count: 2 });
    let names = |one: &Revocation| (one.kind, one.id.clone(), one.issued_before, one.until);
    let [session, key] = revoked.as_slice() else {
        panic!("{revoked:?}")
    };
    assert_eq!(names(session), (RevocationKind::Session, "s".to_owned(), 1, 2));
    assert_eq!(names(key), (RevocationKind::Key, "k".to_owned(), 0, 9));
    let polls = [(complete, 5, true), (heartbeat, 6, false)];
    for (event, at, asked) in polls {
        let (StreamEvent::Complete(poll) | StreamEvent::Heartbeat(poll)) = event else {
            panic!("{event:?}")
        };
        let Poll {
            polled_at,
            acknowledge,
            ..
        } = *poll;
        assert_eq!((polled_at, acknowledge), (at, asked));
    }
}

#[test]
fn what_is_malformed_or_too_long() {
    for malformed in [
        "event: snapshot\ndata: {}\n\n",
        "event: snapshot\ndata: {\"count\":1.5}\n\n",
        "event: revoked\ndata: {\"revocations\":[{\"kind\":\"session\",\"id\":\"s\",\"until\":2}]}\n\n",
        "event: revoked\ndata: {\"revocations\":[{\"kind\":\"key\",\"id\":\"s\",\"issued_before\":-1,\"until\":2}]}\n\n",
        "event: revoked\ndata: {\"revocations\":null}\n\n",
        "event: complete\ndata: {\"polled_at\":\"5\"}\n\n",
        "event: heartbeat\ndata: []\n\n",
    ] {
        assert_eq!(
            read(&[malformed.as_bytes()]),
            Err(StreamError::Malformed),
            "{malformed}"
        );
    }
    let chunk = [b'x'; 4096];
    for line in ["", "data: ", ": ", "event: "] {
        let mut parser = StreamParser::new();
        parser.read(line.as_bytes()).unwrap();
        let read = (0..300).map(|_| parser.read(&chunk)).find(Result::is_err);
        assert_eq!(read, Some(Err(StreamError::TooLong)), "{line}");
    }
    // Nor in many lines of one event.
    let mut parser = StreamParser::new();
    let line = format!("data: {}\n", "x".repeat(4000));
    let read = (0..300)
        .map(|_| parser.read(line.as_bytes()))
        .find(Result::is_err);
    assert_eq!(read, Some(Err(StreamError::TooLong)));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic_and_alike_in_any_pieces(
        bytes in prop::collection::vec(prop_oneof![
            any::<u8>(),
            prop::sample::select(b"\r\n: event:data{}[]\"".to_vec()),
        ], 0..400),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        prop_assert_eq!(read(&[&bytes]), read(&pieces(&bytes, &cuts)));
    }

    #[test]
    fn a_good_stream_is_read_alike_in_any_pieces(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40)) {
        let whole = read(&[GOOD.as_bytes()]);
        prop_assert!(whole.is_ok());
        prop_assert_eq!(whole, read(&pieces(GOOD.as_bytes(), &cuts)));
    }

    #[test]
    fn any_json_in_any_event(name in "snapshot|revoked|complete|heartbeat|x", data in "[\\[\\]{}\",:0-9a-z ]{0,200}") {
        let text = format!("event: {name}\ndata: {data}\n\n");
        if let Ok(events) = read(&[text.as_bytes()]) {
            prop_assert!(events.len() <= 1);
        }
    }
}
