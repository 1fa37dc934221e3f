//! The messages of the revocation stream, as server-sent events (HTML, section 9.2): each is an event's name and a line of
//! JSON. `docs/revocations.md` is the protocol.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Name, Revocation, id_in_tokens};
use crate::base::time::Instant;

/// An encoded message, shared by everybody who gets it.
pub type Message = Arc<[u8]>;

/// How many revocations a message has at most.
pub const MOST: usize = 500;

#[derive(Serialize)]
struct Shown<'a> {
    kind: &'a str,
    id: String,
    issued_before: i64,
    until: i64,
}

/// A set begins that replaces all that was known.
pub fn snapshot(count: usize) -> Message {
    message("snapshot", &json!({ "count": count }))
}

/// What is to be refused, in as many messages as it takes.
pub fn revoked(revocations: &[(Name, Revocation)]) -> impl Iterator<Item = Message> {
    revocations.chunks(MOST).map(|some| {
        let shown: Vec<Shown<'_>> = some.iter().filter_map(shown).collect();
        message("revoked", &json!({ "revocations": shown }))
    })
}

/// The set is whole: nothing is missing that a poll saw which began at this time.
pub fn complete(polled_at: Instant) -> Message {
    polled("complete", polled_at, true)
}

/// Nothing is missing that a poll saw which began at this time. `acknowledge` asks for an answer.
pub fn heartbeat(polled_at: Instant, acknowledge: bool) -> Message {
    polled("heartbeat", polled_at, acknowledge)
}

fn polled(event: &str, polled_at: Instant, acknowledge: bool) -> Message {
    let data = json!({ "polled_at": polled_at.millis(), "acknowledge": acknowledge });
    message(event, &data)
}

fn shown((name, revocation): &(Name, Revocation)) -> Option<Shown<'_>> {
    Some(Shown {
        kind: &name.0,
        id: id_in_tokens(name)?,
        issued_before: revocation.issued_before.seconds(),
        // Rounded up: it is kept for longer rather than for too short.
        until: revocation.until.seconds() + 1,
    })
}

fn message(event: &str, data: &Value) -> Message {
    format!("event: {event}\ndata: {data}\n\n").into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::id::DeviceSessionId,
        domain::revocation::{CLIENT, KEY, SESSION, TOKEN},
    };

    fn text(message: &Message) -> &str {
        std::str::from_utf8(message).expect("text")
    }

    #[test]
    fn a_message_is_an_event_and_one_line_of_json() {
        let at = Instant::from_millis(1_790_000_000_123);
        assert_eq!(
            text(&heartbeat(at, false)),
            "event: heartbeat\ndata: {\"acknowledge\":false,\"polled_at\":1790000000123}\n\n"
        );
        let revocation = Revocation {
            session: None,
            issued_before: at,
            until: at,
            recorded_at: at,
        };
        let session = DeviceSessionId::from_bytes([7; 16]);
        let all = [
            (SESSION, session.to_bytes().to_vec()),
            (TOKEN, vec![0xff; 16]),
            (CLIENT, b"notes\n\nevent: x".to_vec()),
            (KEY, b"k1".to_vec()),
            ("galaxy", b"?".to_vec()),
        ]
        .map(|(kind, id)| ((kind.to_owned(), id), revocation));
        let messages: Vec<_> = revoked(&all).collect();
        assert_eq!(messages.len(), 1);
        let lines: Vec<_> = text(&messages[0]).split('\n').collect();
        assert_eq!((lines.len(), lines[0]), (4, "event: revoked"), "{lines:?}");
        let data: Value = serde_json::from_str(&lines[1][6..]).expect("JSON");
        let ids: Vec<_> = data["revocations"].as_array().expect("a list").iter().collect();
        let ids: Vec<_> = ids.iter().map(|one| (&one["kind"], &one["id"])).collect();
        assert_eq!(
            ids,
            [
                (&json!("session"), &json!(session)),
                (&json!("token"), &json!("_____________________w")),
                (&json!("client"), &json!("notes\n\nevent: x")),
                (&json!("key"), &json!("k1")),
            ],
            "what is not known yet is left out"
        );
        assert_eq!(data["revocations"][0]["issued_before"], 1_790_000_000);
        assert_eq!(data["revocations"][0]["until"], 1_790_000_001);
    }

    #[test]
    fn a_great_end_takes_several_messages() {
        let at = Instant::from_millis(0);
        let revocation = Revocation {
            session: None,
            issued_before: at,
            until: at,
            recorded_at: at,
        };
        let one = ((KEY.to_owned(), b"k".to_vec()), revocation);
        assert_eq!(revoked(&vec![one.clone(); MOST]).count(), 1);
        assert_eq!(revoked(&vec![one; MOST + 1]).count(), 2);
        assert_eq!(revoked(&[]).count(), 0);
    }
}
