//! What happened, for the app's log and for its screens. No secret is in it.

use crate::error::ErrorCode;

/// Something that happened on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody signed in.
    AccountAdded {
        /// Who.
        account: String,
    },
    /// An account is gone from this device.
    AccountRemoved {
        /// Which.
        account: String,
    },
    /// The session has new tokens, and they are stored.
    TokensRotated {
        /// Whose.
        account: String,
    },
    /// The session is over.
    SessionEnded {
        /// Whose.
        account: String,
        /// Why.
        reason: EndReason,
    },
    /// The new tokens could not be stored yet; they are in memory, and the session is safe.
    StorageDegraded {
        /// Whose.
        account: String,
    },
    /// They are stored now.
    StorageRecovered {
        /// Whose.
        account: String,
    },
    /// The device's clock is wrong. Nothing is to be done.
    ClockSkewDetected {
        /// The server's time less the device's.
        offset_ms: i64,
    },
    /// A redirect was refused: somebody may be trying something.
    RedirectRejected {
        /// Why.
        code: ErrorCode,
    },
    /// The server was not asked to end a session; it will be when it can be reached.
    RevocationQueued {
        /// Whose.
        account: String,
    },
    /// Who signed out with the browser is still signed in there: the server could not be asked at once, or says no. A page
    /// of its own signs the person out (`end_session_url`).
    BrowserSessionKept {
        /// Whose.
        account: String,
    },
    /// The attestor failed and the policy says to go on without.
    AttestationSkipped,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The person signed out here.
    LoggedOut,
    /// The server refuses the session.
    Refused,
    /// The key is gone.
    KeyLost,
    /// What was stored cannot be read.
    Corrupt,
    /// The same person signed in again.
    Replaced,
}
