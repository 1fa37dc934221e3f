//! `[tokens]`, `[sessions]` and `[keys]`: how long things live.

use super::reader::Reader;
use crate::{base::time::Lifetime, domain::policy::Lifetimes};

pub(super) fn read(reader: &mut Reader) -> Option<Lifetimes> {
    let second = Lifetime::from_secs(1);
    let day = Lifetime::from_days(1);
    let access_token = reader.within("tokens.access_token", second..=day);
    // RFC 6749 section 4.1.2 recommends at most ten minutes.
    let authorization_code = reader.within("tokens.authorization_code", second..=Lifetime::from_secs(600));
    let device_code = reader.within(
        "tokens.device_code",
        Lifetime::from_secs(60)..=Lifetime::from_secs(1800),
    );
    let request_uri = reader.within(
        "tokens.request_uri",
        Lifetime::from_secs(5)..=Lifetime::from_secs(3600),
    );
    let dpop_nonce = reader.within("tokens.dpop_nonce", second..=Lifetime::from_secs(3600));
    let retry_window = reader.within("tokens.retry_window", Lifetime::from_secs(0)..=day);
    let device_idle = reader.within("sessions.device_idle", second..=Lifetime::from_days(3650));
    let device_absolute = reader.within("sessions.device_absolute", second..=Lifetime::from_days(3650));
    // Browsers keep no cookie longer than 400 days.
    let browser_idle = reader.within("sessions.browser_idle", second..=Lifetime::from_days(400));
    let browser_absolute = reader.within("sessions.browser_absolute", second..=Lifetime::from_days(400));
    let admin_idle = reader.within("sessions.admin_idle", Lifetime::from_secs(60)..=day);
    let admin_absolute = reader.within("sessions.admin_absolute", Lifetime::from_secs(60)..=day);
    let known_browser = reader.within("sessions.known_browser", second..=Lifetime::from_days(400));
    let pending_request = reader.within("sessions.pending_request", second..=day);
    let hour = Lifetime::from_secs(3600);
    let key_rotation = reader.within("keys.rotate_every", hour..=Lifetime::from_days(3650));
    let lifetimes = Lifetimes {
        access_token: access_token?,
        authorization_code: authorization_code?,
        device_code: device_code?,
        request_uri: request_uri?,
        pending_request: pending_request?,
        device_session_idle: device_idle?,
        device_session_absolute: device_absolute?,
        browser_session_idle: browser_idle?,
        browser_session_absolute: browser_absolute?,
        admin_session_idle: admin_idle?,
        admin_session_absolute: admin_absolute?,
        known_browser: known_browser?,
        dpop_nonce: dpop_nonce?,
        retry_window: retry_window?,
        key_rotation: key_rotation?,
    };
    for (name, hint) in lifetimes.contradictions() {
        reader.refuse(name, "this contradicts another setting", hint);
    }
    Some(lifetimes)
}
