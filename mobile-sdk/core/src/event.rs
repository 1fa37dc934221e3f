//! What happened, for the app's log and for its screens. No secret is in it.

use crate::error::ErrorCode;

/// Something that happened on the way, for the app's log and for its screens. `account` is the id that `SignedIn` has given.
/// No secret is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody signed in.
    AccountAdded {
        /// The account's id.
        account: String,
    },
    /// Somebody signed out here: the account is gone from this device.
    AccountRemoved {
        /// The account's id.
        account: String,
    },
    /// The session has new tokens, and they are stored.
    TokensRotated {
        /// The account's id.
        account: String,
    },
    /// The session is over without a sign-out here, and the account is gone from this device.
    SessionEnded {
        /// The account's id.
        account: String,
        /// Why the session is over.
        reason: EndReason,
    },
    /// The new tokens could not be stored yet; they are in memory, and the session is safe.
    StorageDegraded {
        /// The account's id.
        account: String,
    },
    /// The tokens that could not be stored are stored now.
    StorageRecovered {
        /// The account's id.
        account: String,
    },
    /// The device's clock is wrong by more than 30 seconds. Nothing is to be done: the server's time counts.
    ClockSkewDetected {
        /// The server's time less the device's, in milliseconds.
        offset_ms: i64,
    },
    /// A redirect was refused: somebody may be trying something.
    RedirectRejected {
        /// Why it was refused: a code from 1101 to 1107.
        code: ErrorCode,
    },
    /// The server was not asked to end a session; it will be when it can be reached.
    RevocationQueued {
        /// The account's id.
        account: String,
    },
    /// Who signed out with the browser is still signed in there: the server could not be asked at once, or says no. A page
    /// of its own signs the person out (`end_session_url`).
    BrowserSessionKept {
        /// The account's id.
        account: String,
    },
    /// There was no evidence that this is the app on a real device, and the policy `Preferred` says to go on without.
    AttestationSkipped,
}

/// Why a session is over. Of any but `LoggedOut` and `Replaced` the person has to sign in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The person signed out here.
    LoggedOut,
    /// The server refuses the session: it was ended there, ran out, or is forgotten.
    Refused,
    /// The key that the session was bound to is gone.
    KeyLost,
    /// What was stored cannot be read.
    Corrupt,
    /// The same person signed in again, and has a new session.
    Replaced,
}
