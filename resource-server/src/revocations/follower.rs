//! Follows the stream, for as long as the API runs: three tasks that end with it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::ended::Names;
use super::issuer::Issuer;
use super::parser::{StreamError, StreamParser};
use super::polls::Polls;
use super::reader::Reader;
use super::view::{SILENCE, Standing, StreamHealth, View, WhenDown};
use crate::clock;
use crate::fetch::{FetchError, no_answer};
use crate::{AccessToken, Rejection};

/// The revocations of an issuer, as far as one API knows them.
#[derive(Debug)]
pub(crate) struct Revocations {
    view: Arc<View>,
    issuer: Arc<Issuer>,
    tasks: [JoinHandle<()>; 3],
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the issuer does not answer")]
    Issuer(#[from] FetchError),
    #[error("what the issuer sends is no revocation stream")]
    Stream(#[from] StreamError),
    #[error("nothing new has come for too long")]
    Silent,
    #[error("the issuer has ended the stream")]
    Over,
}

impl Revocations {
    pub(crate) fn follow(issuer: Issuer, when_down: WhenDown, after: Duration) -> Self {
        let (view, issuer) = (Arc::new(View::new(when_down, after)), Arc::new(issuer));
        let heard = watch::Sender::new(None);
        let tasks = [
            tokio::spawn(acknowledge(issuer.clone(), heard.subscribe())),
            tokio::spawn(follow(view.clone(), issuer.clone(), heard, when_down, after)),
            tokio::spawn(watch_over(view.clone())),
        ];
        Self { view, issuer, tasks }
    }

    /// Refuses a valid token that has been revoked, or of which nobody can tell.
    pub(crate) async fn check(
        &self,
        names: &Names,
        token: &AccessToken,
        text: &str,
    ) -> Result<(), Rejection> {
        match self.view.judge(names, token.iat, clock::since_boot()) {
            Standing::Good => Ok(()),
            Standing::Ended => Err(Rejection::Revoked),
            Standing::Unknown => Err(Rejection::RevocationsUnavailable),
            Standing::Ask => match self.issuer.is_active(text).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(Rejection::Revoked),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn Error, "a token could not be introspected");
                    Err(Rejection::RevocationsUnavailable)
                }
            },
        }
    }

    pub(crate) fn health(&self) -> StreamHealth {
        self.view.health(clock::since_boot())
    }

    pub(crate) async fn stop(&self) {
        self.abort();
        if let Err(error) = self.issuer.leave().await {
            tracing::warn!(
                error = &error as &dyn Error,
                "the issuer does not know that this instance stops"
            );
        }
    }

    fn abort(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for Revocations {
    fn drop(&mut self) {
        self.abort();
    }
}

async fn follow(
    view: Arc<View>,
    issuer: Arc<Issuer>,
    heard: watch::Sender<Option<u64>>,
    when_down: WhenDown,
    after: Duration,
) {
    let mut polls = Polls::default();
    let mut pause = Pause::default();
    loop {
        let connected = async {
            let token = issuer.token().await?;
            let response = issuer.open(&token, when_down, after).await?;
            Ok((response, token.due))
        };
        let broken: Result<(), Broken> = match connected.await {
            Ok((response, due)) => read(response, due, &view, &mut polls, &heard, &mut pause).await,
            Err(error) => Err(Broken::Issuer(error)),
        };
        // Without an error our token is about to end, and the next one is there at once.
        if let Err(error) = broken {
            if pause.is_first() {
                tracing::warn!(error = &error as &dyn Error, "the revocation stream is broken");
            }
            sleep(pause.next()).await;
        }
    }
}

/// Reads a connection until it breaks, or our own token is due.
async fn read(
    mut response: reqwest::Response,
    due: Duration,
    view: &View,
    polls: &mut Polls,
    heard: &watch::Sender<Option<u64>>,
    pause: &mut Pause,
) -> Result<(), Broken> {
    let mut parser = StreamParser::new();
    let mut reader = Reader::new(view, polls);
    let mut moved = clock::since_boot();
    loop {
        let now = clock::since_boot();
        if now >= due {
            return Ok(());
        }
        // While what is known is too old anyway, a new connection gets the time that a good one has, and a long snapshot
        // as long as it comes.
        let patience = match view.time_left(now) {
            Duration::ZERO => SILENCE.saturating_sub(now.saturating_sub(moved)),
            left => left,
        };
        if patience.is_zero() {
            return Err(Broken::Silent);
        }
        let Ok(chunk) = timeout(patience.min(due.saturating_sub(now)), response.chunk()).await else {
            continue;
        };
        let chunk = chunk.map_err(no_answer)?.ok_or(Broken::Over)?;
        for event in parser.read(&chunk)? {
            if let Some(polled_at) = reader.take(event, clock::since_boot())? {
                heard.send_replace(Some(polled_at));
            }
        }
        if reader.is_whole() {
            pause.reset();
        } else {
            moved = clock::since_boot();
        }
    }
}

/// Acknowledges the newest poll that was taken in; what failed is asked for again by the next heartbeat.
async fn acknowledge(issuer: Arc<Issuer>, mut heard: watch::Receiver<Option<u64>>) {
    while heard.changed().await.is_ok() {
        let newest = *heard.borrow_and_update();
        if let Some(polled_at) = newest
            && let Err(error) = issuer.acknowledge(polled_at).await
        {
            tracing::debug!(
                error = &error as &dyn Error,
                "the issuer did not take an acknowledgement"
            );
        }
    }
}

/// Says that the process runs, and when the stream goes down and comes up; forgets what is over.
async fn watch_over(view: Arc<View>) {
    let mut told = Told::Starting;
    for second in 1_u64.. {
        view.runs(clock::since_boot());
        sleep(Duration::from_secs(1)).await;
        let now = Told::of(view.health(clock::since_boot()));
        if now != told {
            now.tell();
            told = now;
        }
        if second.is_multiple_of(60) {
            view.forget(clock::unix_seconds());
        }
    }
}

/// What the log has said last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Starting,
    Up,
    Down(Option<WhenDown>),
}

impl Told {
    fn of(health: StreamHealth) -> Self {
        match health {
            StreamHealth::Up { .. } => Self::Up,
            StreamHealth::Down { choice, .. } => Self::Down(choice),
            StreamHealth::Starting | StreamHealth::NotFollowed => Self::Starting,
        }
    }

    fn tell(self) {
        match self {
            Self::Starting => {}
            Self::Up => tracing::info!("the revocation stream is up"),
            Self::Down(None) => {
                tracing::warn!("the revocation stream is down; what is known is used for a while");
            }
            Self::Down(Some(WhenDown::Introspect)) => {
                tracing::warn!("the revocation stream is down: the issuer is asked about each token");
            }
            Self::Down(Some(WhenDown::Refuse)) => {
                tracing::error!("the revocation stream is down: all tokens are refused");
            }
            Self::Down(Some(WhenDown::Accept)) => {
                tracing::warn!(
                    "the revocation stream is down: tokens are accepted although they may be revoked"
                );
            }
        }
    }
}

/// How long to wait before the next try: twice as long each time, and between half and all of it, so that a thousand APIs
/// do not come back at the same moment.
#[derive(Default)]
struct Pause {
    tries: u32,
}

impl Pause {
    fn reset(&mut self) {
        self.tries = 0;
    }

    /// Nothing has failed since the last snapshot.
    fn is_first(&self) -> bool {
        self.tries == 0
    }

    fn next(&mut self) -> Duration {
        let most = (FIRST_PAUSE * 2_u32.pow(self.tries.min(8))).min(LONGEST_PAUSE);
        self.tries += 1;
        let mut random = [0; 1];
        // Without randomness all of it.
        let part = match aws_lc_rs::rand::fill(&mut random) {
            Ok(()) => 256 + u32::from(random[0]),
            Err(_) => 512,
        };
        most * part / 512
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_five_seconds_and_differ() {
        let mut pause = Pause::default();
        for most in [250, 500, 1000, 2000, 4000, 5000, 5000] {
            let next = pause.next();
            let most = Duration::from_millis(most);
            assert!(most / 2 <= next && next <= most, "{next:?}");
        }
        let several: std::collections::HashSet<_> = (0..50).map(|_| pause.next()).collect();
        assert!(several.len() > 10);
        for _ in 0..1000 {
            pause.next();
        }
        pause.reset();
        assert!(pause.next() <= FIRST_PAUSE);
    }
}
