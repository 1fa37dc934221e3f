//! `[limits]`: how many failed tries are taken before somebody has to wait.

use super::reader::Reader;
use crate::{
    base::time::Lifetime,
    domain::{
        limit::Limit,
        policy::{Limits, StreamLimits},
    },
};

pub(super) fn read(reader: &mut Reader) -> Option<Limits> {
    let sign_in_account = limit(
        reader,
        "limits.sign_in_account_burst",
        "limits.sign_in_account_every",
    );
    let sign_in_address = limit(
        reader,
        "limits.sign_in_address_burst",
        "limits.sign_in_address_every",
    );
    let token_failures = limit(
        reader,
        "limits.token_failures_burst",
        "limits.token_failures_every",
    );
    let device_codes = limit(reader, "limits.device_codes_burst", "limits.device_codes_every");
    let registrations = limit(reader, "limits.registrations_burst", "limits.registrations_every");
    let at_node = reader.within("limits.revocation_streams", 1..=100_000);
    let of_client = reader.within("limits.revocation_streams_per_client", 1..=100_000);
    Some(Limits {
        sign_in_account: sign_in_account?,
        sign_in_address: sign_in_address?,
        token_failures: token_failures?,
        device_codes: device_codes?,
        registrations: registrations?,
        revocation_streams: StreamLimits {
            at_node: at_node?,
            of_client: of_client?,
        },
    })
}

fn limit(reader: &mut Reader, burst: &'static str, every: &'static str) -> Option<Limit> {
    let burst = reader.within(burst, 1..=1_000_000);
    let every = reader.within(every, Lifetime::from_millis(1)..=Lifetime::from_days(1));
    Some(Limit {
        burst: burst?,
        every: every?,
    })
}
