//! How far an end has come, in words.

use crate::{cli::table::table, flows::confirm::Confirmation};

pub(super) fn shown(confirmation: &Confirmation) -> String {
    let Confirmation {
        instances,
        confirmed,
        missing,
    } = confirmation;
    let mut text = format!("Confirmed by {confirmed} of {instances}");
    if *instances == 0 {
        text += ": no API follows the revocation stream (docs/revocations.md). One that does not accepts access tokens until \
                 they expire.";
        return text;
    }
    if missing.is_empty() {
        text += ": every API that follows the revocation stream refuses what ended.";
        return text;
    }
    text += ". These have not confirmed it, and refuse at the latest:\n\n";
    let row = |one: &crate::flows::confirm::Missing| {
        let (seen, by) = (one.seen_at.to_rfc3339(), one.refuses_by.to_rfc3339());
        [one.client.to_string(), one.instance.to_string(), seen, by]
    };
    text += &table(
        ["SERVICE", "INSTANCE", "SEEN", "REFUSES BY"],
        missing.iter().map(row),
    );
    text
}
