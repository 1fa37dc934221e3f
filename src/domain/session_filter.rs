//! Which device sessions a list shows, or an end reaches.

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        id::{ClientId, UserId},
        network::Network,
        text::AppVersion,
        time::{Instant, Lifetime},
    },
    domain::device_session::Life,
};

/// How long a session's id may have been drawn before the session was opened: a pending request, then a device's code, may
/// each live a day at most.
const DRAWN_AHEAD: Lifetime = Lifetime::from_days(2);
/// How much nodes' clocks may differ.
pub(super) const CLOCKS: Lifetime = Lifetime::from_secs(60);

/// What sessions have in common; each part that is there has to fit. As JSON it is a member for each part, and as a query
/// string a parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionFilter {
    /// Whose they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Which app's they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// The very version that the app told last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_version: Option<AppVersion>,
    /// What the name of the device has in it, in whatever case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DevicePart>,
    /// Where the app asked for tokens last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Network>,
    /// Not used since this (milliseconds since 1970, like all times here).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_before: Option<Instant>,
    /// Used at this or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_since: Option<Instant>,
    /// Opened before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_before: Option<Instant>,
    /// Opened at this or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_since: Option<Instant>,
    /// Whether they end with the browser session that they came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub life: Option<Life>,
}

impl SessionFilter {
    /// Its parts by their names, as in JSON.
    pub const PARTS: [&str; 10] = [
        "user",
        "client",
        "app_version",
        "device",
        "address",
        "used_before",
        "used_since",
        "opened_before",
        "opened_since",
        "life",
    ];
}

/// A part of the name of a device: 1 to 80 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DevicePart {
    lower: String,
}

/// Why a text is no part of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write 1 to 80 characters of the name of the device, such as iPhone")]
pub struct DevicePartError;

impl std::str::FromStr for DevicePart {
    type Err = DevicePartError;

    fn from_str(text: &str) -> Result<Self, DevicePartError> {
        if text.is_empty() || text.chars().count() > 80 {
            return Err(DevicePartError);
        }
        Ok(Self {
            lower: text.to_lowercase(),
        })
    }
}

impl DevicePart {
    /// Whether a name has it in it.
    pub fn is_in(&self, name: &str) -> bool {
        name.to_lowercase().contains(&self.lower)
    }
}

impl TryFrom<String> for DevicePart {
    type Error = DevicePartError;

    fn try_from(text: String) -> Result<Self, DevicePartError> {
        text.parse()
    }
}

impl From<DevicePart> for String {
    fn from(part: DevicePart) -> Self {
        part.lower
    }
}

/// What a filter looks at in a session.
#[derive(Debug, Clone, Copy)]
pub struct Traits<'a> {
    /// Whose it is.
    pub user: UserId,
    /// Which app's.
    pub client: &'a ClientId,
    /// What the app said last of its version.
    pub app_version: Option<&'a str>,
    /// The name of the device.
    pub device: &'a str,
    /// Where the app asked from last.
    pub address: Option<&'a str>,
    /// When it was used last.
    pub used_at: Instant,
    /// When it was opened; of one that waits for its app, when it was allowed.
    pub opened_at: Instant,
    /// Whether it outlives its browser session.
    pub life: Life,
}

impl SessionFilter {
    /// Whether it names nothing, so that everything fits.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a session fits.
    pub fn fits(&self, session: &Traits<'_>) -> bool {
        let version = |wanted: &AppVersion| session.app_version == Some(wanted.as_str());
        let device = |part: &DevicePart| part.is_in(session.device);
        let address = |network: &Network| session.address.is_some_and(|kept| network.meets(kept));
        self.user.is_none_or(|user| user == session.user)
            && self.client.as_ref().is_none_or(|client| client == session.client)
            && self.app_version.as_ref().is_none_or(version)
            && self.device.as_ref().is_none_or(device)
            && self.address.as_ref().is_none_or(address)
            && self.used_before.is_none_or(|before| session.used_at < before)
            && self.used_since.is_none_or(|since| session.used_at >= since)
            && self.opened_before.is_none_or(|before| session.opened_at < before)
            && self.opened_since.is_none_or(|since| session.opened_at >= since)
            && self.life.is_none_or(|life| life == session.life)
    }

    /// When the ids of sessions that fit were drawn: from the first to before the second. Ids sort by time, so nothing else
    /// has to be looked at.
    pub fn drawn(&self) -> (Option<Instant>, Option<Instant>) {
        let since = self.opened_since.map(|since| since.minus(DRAWN_AHEAD));
        let before = self.opened_before.map(|before| before.plus(CLOCKS));
        (since, before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::Entropy;

    #[test]
    fn each_part_of_a_filter_counts() {
        let at = Instant::from_millis;
        let entropy = Entropy::seeded(1);
        let (user, other) = (UserId::new(at(1), &entropy), UserId::new(at(1), &entropy));
        let client: ClientId = "notes".parse().expect("an id");
        let session = Traits {
            user,
            client: &client,
            app_version: Some("4.1"),
            device: "Safari on iPhone",
            address: Some("192.0.2.7"),
            used_at: at(500),
            opened_at: at(100),
            life: Life::Own,
        };
        let id = |user: UserId| user.to_string();
        let cases = [
            ("user", id(user).into(), id(other).into()),
            ("client", "notes".into(), "other".into()),
            ("app_version", "4.1".into(), "4.10".into()),
            ("device", "IPHONE".into(), "iPad".into()),
            ("address", "192.0.2.0/24".into(), "192.0.3.0/24".into()),
            ("used_before", 501.into(), 500.into()),
            ("used_since", 500.into(), 501.into()),
            ("opened_before", 101.into(), 100.into()),
            ("opened_since", 100.into(), 101.into()),
            ("life", "own".into(), "with_browser".into()),
        ];
        for (part, fits, fails) in cases {
            let of = |value: serde_json::Value| {
                let filter = serde_json::json!({ part: value });
                let read: SessionFilter = serde_json::from_value(filter).expect(part);
                let again = serde_json::to_value(&read).expect("JSON");
                assert_eq!(
                    serde_json::from_value::<SessionFilter>(again).expect("read"),
                    read
                );
                assert!(!read.is_empty(), "{part}");
                read
            };
            assert!(of(fits).fits(&session), "{part}");
            assert!(!of(fails).fits(&session), "{part}");
        }
        assert!(SessionFilter::default().fits(&session));
        let silent = Traits {
            app_version: None,
            address: None,
            ..session
        };
        let version = SessionFilter {
            app_version: "4.1".parse().ok(),
            ..SessionFilter::default()
        };
        assert!(!version.fits(&silent));
        assert!(serde_json::from_str::<SessionFilter>(r#"{"colour":"red"}"#).is_err());
    }

    #[test]
    fn an_address_is_met_by_its_network_and_by_a_part_of_it() {
        let meets = |network: &str, kept: &str| network.parse::<Network>().expect(network).meets(kept);
        assert!(meets("10.0.0.0/8", "10.1.2.3") && meets("10.1.2.3", "10.1.2.3"));
        assert!(!meets("10.0.0.0/8", "11.1.2.3") && !meets("10.0.0.0/8", "2001:db8::/64"));
        assert!(meets("2001:db8::/32", "2001:db8:0:1::/64"));
        assert!(
            meets("2001:db8:0:1::7", "2001:db8:0:1::/64"),
            "one of its addresses"
        );
        assert!(!meets("10.0.0.0/8", "somewhere") && "everywhere".parse::<Network>().is_err());
    }
}
