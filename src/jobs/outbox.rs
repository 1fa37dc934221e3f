//! The outbox is sent: at once what this node has written, within a second what others have, and what failed when its time
//! has come.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::task::{Id, JoinSet};

use crate::{
    base::id::ClientId,
    flows::{Provider, outbox},
    jobs::every,
    store::error::Result,
};

/// How often the node looks by itself.
const LOOK: Duration = Duration::from_secs(1);
/// How many recipients are served at the same time. A slow one takes one place, however much waits for it.
const LANES: usize = 64;

/// Runs until the process ends.
pub(super) async fn run(provider: &Arc<Provider>) {
    let mut timer = every(LOOK);
    let mut lanes = Lanes::default();
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = provider.outbox.notified() => {}
            () = lanes.one_ends() => {}
        }
        if let Err(error) = lanes.begin(provider).await {
            tracing::debug!(%error, "the outbox could not be read");
        }
    }
}

/// Who is being served.
#[derive(Default)]
struct Lanes {
    tasks: JoinSet<()>,
    served: HashMap<Id, ClientId>,
}

impl Lanes {
    /// Begins to serve whoever has to be told something, as far as there is a place.
    async fn begin(&mut self, provider: &Arc<Provider>) -> Result<()> {
        for recipient in outbox::due(provider).await? {
            if self.served.len() >= LANES {
                break;
            }
            if self.served.values().any(|served| *served == recipient) {
                continue;
            }
            let (provider, name) = (Arc::clone(provider), recipient.clone());
            let task = self.tasks.spawn(async move {
                let served = outbox::serve(&provider, &name).await;
                if let Err(error) = &served {
                    tracing::warn!(%error, client = %name, "what waits for a client could not be sent");
                }
                // It still waits, and would be taken up again at once.
                if !served.unwrap_or(false) {
                    tokio::time::sleep(LOOK).await;
                }
            });
            self.served.insert(task.id(), recipient);
        }
        Ok(())
    }

    /// Waits until somebody has been served.
    async fn one_ends(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => self.served.remove(&id),
            Some(Err(error)) => self.served.remove(&error.id()),
            None => std::future::pending().await,
        };
    }
}
