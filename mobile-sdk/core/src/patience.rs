//! What of a request may be tried again, and how often.

use crate::{
    clock::Anchor,
    effect::HttpFailure,
    host::{Host, Result},
    token_response::Reply,
};

/// What may be tried again within one request, and how often.
#[derive(Default)]
pub(crate) struct Patience {
    nonce: bool,
    clock: bool,
    unsent: u64,
}

impl Patience {
    /// Whether the same request is worth sending again, with a new proof.
    pub(crate) async fn again(
        &mut self,
        host: &Host,
        reply: &Reply,
        offset_before: Option<i64>,
    ) -> Result<bool> {
        Ok(match reply {
            Reply::Refused(refusal) if refusal.error == "use_dpop_nonce" => {
                !std::mem::replace(&mut self.nonce, true)
            }
            Reply::Refused(refusal) if refusal.error == "invalid_dpop_proof" => {
                let corrected = offset(host).unwrap_or(0).abs_diff(offset_before.unwrap_or(0)) > 30_000;
                corrected && !std::mem::replace(&mut self.clock, true)
            }
            Reply::Failed(HttpFailure::NotSent) if self.unsent < 2 => {
                self.unsent += 1;
                host.sleep(400 * self.unsent * self.unsent).await?;
                true
            }
            _ => false,
        })
    }
}

/// How wrong the device's clock was thought to be.
pub(crate) fn offset(host: &Host) -> Option<i64> {
    host.memory().anchor.as_ref().map(Anchor::offset)
}
