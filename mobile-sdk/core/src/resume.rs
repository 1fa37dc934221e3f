//! Finishing what was cut off.

use crate::{
    end,
    host::{Host, Result},
    outcome::Outcome,
    pending, refresh,
};

pub(crate) async fn resume(host: &Host) -> Result<Outcome> {
    refresh::store_all_again(host).await;
    for name in host.keys("logout/").await? {
        end::finish(host, name.trim_start_matches("logout/")).await?;
    }
    pending::tidy(host, 0).await?;
    Ok(Outcome::Done)
}
