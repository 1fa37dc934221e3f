//! The database: each query written once, as a constant with `$1`, and one place that knows which back end runs it.
//!
//! Rules of the SQL text, so that it runs unchanged on every back end: text, 64-bit integers, bytes and nothing else;
//! times are bound, never asked for; column lists are explicit; `ON CONFLICT` and `RETURNING` freely; no JSON
//! operators. A state change is one conditional `UPDATE ... RETURNING`, never read-then-write. What is written
//! together is a named value, a [`db::Change`].

pub mod admin_sessions;
pub mod app_versions;
pub mod attempts;
pub mod audit;
pub mod backup;
pub mod browser_sessions;
pub mod client_secrets;
pub mod clients;
pub mod consents;
pub mod db;
pub mod device_codes;
pub mod device_sessions;
pub mod ending;
pub mod ends;
pub mod error;
pub mod events;
pub mod facts;
pub mod idempotent_requests;
pub mod instances;
pub mod jobs;
pub mod keys;
pub mod legacy_uses;
pub mod mass_ends;
pub mod migrate;
pub mod outbox;
pub mod pushed_requests;
pub mod registrations;
pub mod restore;
pub mod revocations;
pub mod seed;
pub mod sign_in_failures;
pub mod used_assertions;
pub mod users;

/// Every statement of the program. A test prepares them all.
pub fn statements() -> Vec<db::Declared> {
    let files = [
        admin_sessions::ALL,
        app_versions::ALL,
        attempts::ALL,
        audit::ALL,
        browser_sessions::ALL,
        browser_sessions::list::ALL,
        client_secrets::ALL,
        clients::ALL,
        consents::ALL,
        device_codes::ALL,
        device_sessions::ALL,
        device_sessions::asserted::ALL,
        device_sessions::list::ALL,
        device_sessions::over::ALL,
        device_sessions::under::ALL,
        ending::ALL,
        ends::ALL,
        events::ALL,
        events::list::ALL,
        facts::ALL,
        idempotent_requests::ALL,
        instances::ALL,
        jobs::ALL,
        keys::ALL,
        legacy_uses::ALL,
        mass_ends::ALL,
        outbox::ALL,
        pushed_requests::ALL,
        registrations::ALL,
        revocations::ALL,
        seed::ALL,
        sign_in_failures::ALL,
        used_assertions::ALL,
        users::ALL,
    ];
    files.concat()
}
