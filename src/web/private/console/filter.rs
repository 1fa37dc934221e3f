//! What sessions somebody looks for, as a page's fields say it and as the server reads it.

use super::{rows::with_query, viewer::Viewer};
use crate::{
    base::{id::UserId, text::Email, time::Lifetime},
    domain::session_filter::SessionFilter,
    flows::{Provider, admin::look::by_address},
    store::error::StoreError,
    web::pages::FilterFields,
};

/// The longest time without use that is looked for.
const MOST_DAYS: i64 = 3650;

/// What was asked for.
pub(super) struct Asked {
    pub(super) fields: FilterFields,
    /// What it means; or what is wrong with it, for people.
    pub(super) filter: Result<SessionFilter, String>,
}

/// Reads the parameters of a page.
pub(super) async fn asked<P>(viewer: &Viewer<P>) -> Result<Asked, StoreError> {
    let text = |name| viewer.query.text(name).trim().to_owned();
    let fields = FilterFields {
        person: text("person"),
        client: text("client"),
        app_version: text("app_version"),
        device: text("device"),
        address: text("address"),
        unused_days: text("unused_days"),
    };
    let provider = viewer.private.provider();
    let mut filter = read(&fields);
    if let (Ok(filter), Ok(Some(days))) = (&mut filter, days(&fields.unused_days)) {
        filter.used_before = Some(provider.clock.now().minus(Lifetime::from_days(days)));
    }
    if !fields.person.is_empty() {
        filter = match named(provider, &fields.person).await? {
            Ok(user) => filter.map(|filter| SessionFilter {
                user: Some(user),
                ..filter
            }),
            Err(nobody) => Err(nobody),
        };
    }
    Ok(Asked { fields, filter })
}

/// The person whose address was typed, or what to say when nobody has it.
pub(super) async fn named(provider: &Provider, text: &str) -> Result<Result<UserId, String>, StoreError> {
    let user = match text.parse::<Email>() {
        Ok(email) => by_address(provider, &email).await?,
        Err(_) => None,
    };
    Ok(user
        .map(|user| user.id)
        .ok_or_else(|| format!("Nobody has the address {text}.")))
}

fn read(fields: &FilterFields) -> Result<SessionFilter, String> {
    fn part<T: std::str::FromStr<Err: std::fmt::Display>>(
        name: &str,
        text: &str,
    ) -> Result<Option<T>, String> {
        let read = (!text.is_empty()).then(|| text.parse()).transpose();
        read.map_err(|error| format!("{name}: {error}."))
    }
    days(&fields.unused_days)?;
    Ok(SessionFilter {
        client: part("App", &fields.client)?,
        app_version: part("Version", &fields.app_version)?,
        device: part("Device", &fields.device)?,
        address: part("Address", &fields.address)?,
        ..SessionFilter::default()
    })
}

fn days(text: &str) -> Result<Option<i64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let days = text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
    days.map(Some)
        .ok_or_else(|| format!("Days: write a number from 1 to {MOST_DAYS}."))
}

/// The same question at another page.
pub(super) fn path(page: &str, fields: &FilterFields, more: &[(&str, &str)]) -> String {
    let own = [
        ("person", fields.person.as_str()),
        ("client", &fields.client),
        ("app_version", &fields.app_version),
        ("device", &fields.device),
        ("address", &fields.address),
        ("unused_days", &fields.unused_days),
    ];
    with_query(page, &[&own, more].concat())
}

/// In words.
pub(super) fn facts(fields: &FilterFields) -> Vec<(String, String)> {
    let own = [
        ("Person", &fields.person),
        ("App", &fields.client),
        ("Version", &fields.app_version),
        ("Device", &fields.device),
        ("Address", &fields.address),
        ("Days without use", &fields.unused_days),
    ];
    let said = own.into_iter().filter(|(_, value)| !value.is_empty());
    said.map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::web::encoding::parse_pairs;

    #[test]
    fn what_does_not_read_is_said_with_its_field() {
        let wrong = |change: fn(&mut FilterFields)| {
            let mut fields = FilterFields::default();
            change(&mut fields);
            read(&fields).expect_err("no filter")
        };
        assert!(wrong(|fields| fields.address = "everywhere".to_owned()).starts_with("Address: "));
        assert!(wrong(|fields| fields.unused_days = "0".to_owned()).starts_with("Days: "));
        assert!(wrong(|fields| fields.app_version = "a b".to_owned()).starts_with("Version: "));
        assert_eq!(read(&FilterFields::default()), Ok(SessionFilter::default()));
    }

    /// What a path asks for, as the page that it leads to reads it.
    fn read_back(path: &str) -> FilterFields {
        let (page, query) = path.split_once('?').unwrap_or((path, ""));
        assert_eq!(page, "/console/sessions");
        let mut fields = FilterFields::default();
        for (name, value) in parse_pairs(query).expect("a query") {
            let field = match name.as_str() {
                "person" => &mut fields.person,
                "client" => &mut fields.client,
                "app_version" => &mut fields.app_version,
                "device" => &mut fields.device,
                "address" => &mut fields.address,
                "unused_days" => &mut fields.unused_days,
                other => panic!("{other} is no field"),
            };
            *field = value;
        }
        fields
    }

    proptest! {
        #[test]
        fn what_is_written_into_the_fields_is_the_same_on_the_next_page(texts in prop::array::uniform6("\\PC{0,12}")) {
            let [person, client, app_version, device, address, unused_days] = texts;
            let fields = FilterFields { person, client, app_version, device, address, unused_days };
            prop_assert_eq!(read_back(&path("/console/sessions", &fields, &[])), fields);
        }

        #[test]
        fn days_read_within_their_bounds_and_nothing_else_does(days in prop_oneof![-9..9999i64, Just(i64::MAX)]) {
            let fields = FilterFields { unused_days: days.to_string(), ..FilterFields::default() };
            prop_assert_eq!(read(&fields).is_ok(), (1..=MOST_DAYS).contains(&days));
        }
    }
}
