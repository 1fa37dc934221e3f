//! What can be ended, how far that reaches, and why. `docs/sessions.md` has the matrix.

use serde::{Deserialize, Serialize, Serializer};

use crate::base::id::{BrowserSessionId, ClientId, DeviceSessionId, MassEndId, UserId};

/// Something that can be ended, with the reach of the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "node", rename_all = "snake_case")]
pub enum Ending {
    /// One device session, and those that hang under it.
    Device {
        /// Which.
        id: DeviceSessionId,
    },
    /// A device session that no app has redeemed yet; one that is active is not touched.
    Granted {
        /// Which.
        id: DeviceSessionId,
    },
    /// A browser session and the device sessions that live with it: the default, and what its expiry does.
    Browser {
        /// Which.
        id: BrowserSessionId,
    },
    /// A browser session and the device sessions that live with it, and one device session by name: what an app that signs
    /// its person out reaches.
    Logout {
        /// The browser session.
        id: BrowserSessionId,
        /// The device session of that app.
        device: DeviceSessionId,
    },
    /// A browser session and every device session that was opened from it.
    AllOfOrigin {
        /// Which.
        id: BrowserSessionId,
    },
    /// Everything of a user, but for one browser session and what was opened from it when `keep` names one.
    User {
        /// Whose.
        id: UserId,
        /// The browser session in which the person is asking.
        keep: Option<BrowserSessionId>,
    },
    /// Every session of one client for one person: a withdrawn consent.
    Consent {
        /// Whose.
        user: UserId,
        /// Which app's.
        client: ClientId,
    },
    /// Those of the device sessions that match a filter which one batch of a mass end has found, and those that hang under
    /// them.
    Matching {
        /// Which mass end.
        mass_end: MassEndId,
        /// The sessions.
        ids: Vec<DeviceSessionId>,
    },
    /// Every session of a client: it was removed.
    Client {
        /// Which.
        id: ClientId,
    },
}

/// How far a person's sign-out reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOut {
    /// This browser, with what lives with it.
    Here,
    /// This browser, and every app that was opened from it.
    OpenedHere,
    /// Every browser and every app.
    Everywhere,
}

impl SignOut {
    /// The reach that a form's word means; none for another word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "here" => Some(Self::Here),
            "opened_here" => Some(Self::OpenedHere),
            "everywhere" => Some(Self::Everywhere),
            _ => None,
        }
    }

    /// What ends when a person signs out in one of their browsers.
    pub fn ending(self, user: UserId, browser: BrowserSessionId) -> Ending {
        match self {
            Self::Here => Ending::Browser { id: browser },
            Self::OpenedHere => Ending::AllOfOrigin { id: browser },
            Self::Everywhere => Ending::User { id: user, keep: None },
        }
    }
}

/// Why something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The person signed out.
    SignedOut,
    /// An app signed the person out (OpenID Connect RP-Initiated Logout 1.0).
    LoggedOut,
    /// The person ended it from the account page.
    EndedByUser,
    /// An operator ended it.
    EndedByOperator,
    /// The app gave its token back (RFC 7009).
    Revoked,
    /// A refresh token was used again when it cannot be a mistake (RFC 9700 section 4.14.2).
    RefreshReuse,
    /// An authorization code was redeemed twice (RFC 6749 section 4.1.2).
    CodeReuse,
    /// The person denied what another tap had allowed.
    Denied,
    /// The password was changed.
    PasswordChanged,
    /// The account was disabled.
    UserDisabled,
    /// The client was removed.
    ClientRemoved,
    /// Another person signed in with the same browser.
    AnotherPerson,
    /// The browser session was not used for too long, or too old.
    Expired,
    /// More single access tokens were revoked than are worth listing.
    ManyTokensRevoked,
    /// It had ended before, in a database that went back: a node that remembers wrote it again.
    EndedBefore,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 15] = [
        Self::SignedOut,
        Self::LoggedOut,
        Self::EndedByUser,
        Self::EndedByOperator,
        Self::Revoked,
        Self::RefreshReuse,
        Self::CodeReuse,
        Self::Denied,
        Self::PasswordChanged,
        Self::UserDisabled,
        Self::ClientRemoved,
        Self::AnotherPerson,
        Self::Expired,
        Self::ManyTokensRevoked,
        Self::EndedBefore,
    ];

    /// The word in the database and in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::LoggedOut => "logged_out",
            Self::EndedByUser => "ended_by_user",
            Self::EndedByOperator => "ended_by_operator",
            Self::Revoked => "revoked",
            Self::RefreshReuse => "refresh_reuse",
            Self::CodeReuse => "code_reuse",
            Self::Denied => "denied",
            Self::PasswordChanged => "password_changed",
            Self::UserDisabled => "user_disabled",
            Self::ClientRemoved => "client_removed",
            Self::AnotherPerson => "another_person",
            Self::Expired => "expired",
            Self::ManyTokensRevoked => "many_tokens_revoked",
            Self::EndedBefore => "ended_before",
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back_what_it_writes() {
        for reason in Reason::ALL {
            let written = serde_json::to_value(reason).expect("JSON");
            assert_eq!(written, reason.as_str());
            assert_eq!(serde_json::from_value::<Reason>(written).expect("read"), reason);
        }
        // The error names every word that is read: none is left out above.
        let error = serde_json::from_value::<Reason>("boredom".into()).expect_err("no reason");
        let words = error.to_string().matches('`').count() / 2;
        assert_eq!(words, 1 + Reason::ALL.len(), "{error}");
    }
}
