//! What of a request may be tried again, and how often.

use crate::{
    clock::NOTICEABLE,
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
    pub(crate) async fn again(&mut self, host: &Host, reply: &Reply, offset_before: i64) -> Result<bool> {
        Ok(match reply {
            Reply::Refused(refusal) if refusal.error == "use_dpop_nonce" => {
                !std::mem::replace(&mut self.nonce, true)
            }
            Reply::Refused(refusal) if refusal.error == "invalid_dpop_proof" => {
                let corrected = host.memory().offset().abs_diff(offset_before) > NOTICEABLE;
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
