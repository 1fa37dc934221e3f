use postern::{
    base::id::ClientId,
    domain::event::{Event, Subject},
    store::{
        error::StoreError,
        events::{LIST, RecordEvent},
    },
};

use super::world::World;

pub(crate) async fn events_come_newest_first_with_their_subject(world: World) {
    let mut ids = Vec::new();
    for n in 0..3u8 {
        let mut record = world.event(Event::RefreshFastForwarded {
            from: n.into(),
            to: 9,
        });
        record.id = postern::base::id::EventId::from_bytes([n; 16]);
        record.subject = Subject {
            client: Some("notes".parse().expect("a client id")),
            ..Subject::default()
        };
        ids.insert(0, record.id);
        world.db.write(RecordEvent(record)).await.expect("written");
    }
    let rows = world.db.read_all(LIST, (2,)).await.expect("read");
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), ids[..2]);
    let newest = &rows[0];
    assert_eq!(
        (newest.2.as_str(), newest.4.as_ref().map(ClientId::as_str)),
        ("refresh.fast_forwarded", Some("notes"))
    );
    assert_eq!((newest.3, newest.5), (None, None));
    let data: serde_json::Value = serde_json::from_str(&newest.6).expect("JSON");
    assert_eq!((&data["from"], &data["to"]), (&2.into(), &9.into()));
}

pub(crate) async fn an_event_id_is_used_once(world: World) {
    let record = world.event(Event::UserDisabled);
    world
        .db
        .write(RecordEvent(record.clone()))
        .await
        .expect("written");
    let again = world.db.write(RecordEvent(record)).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
}
