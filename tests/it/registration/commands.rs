//! Settings of registration.

use std::fs;

use postern::config::{Config, Overrides};
use serde_json::json;

use crate::client_auth::Key;

fn load(file: &str, issuers: Option<&str>) -> Result<Config, String> {
    let data = tempfile::tempdir().expect("a folder");
    fs::write(
        data.path().join("postern.toml"),
        format!("[registration]\n{file}"),
    )
    .expect("written");
    if let Some(issuers) = issuers {
        fs::write(data.path().join("issuers.json"), issuers).expect("written");
    }
    Config::load(data.path(), None, [], &Overrides::default()).map_err(|errors| errors.to_string())
}

#[test]
fn the_settings_are_read_and_wrong_ones_are_told() {
    let keys = json!({ "keys": [Key::es256("k").public()] });
    let list = json!([
        { "issuer": "https://a.example", "jwks": keys },
        { "issuer": "https://b.example", "jwks_uri": "https://b.example/jwks" },
    ]);
    let named = "mode = \"open\"\npreset = \"oidc-basic\"\nresources = \"https://api.example https://b.example\"\nsoftware_statement_issuers = \"issuers.json\"";
    let config = load(named, Some(&list.to_string())).expect("valid");
    assert!(config.registration.is_open());
    assert_eq!(config.registration.resources.len(), 2);
    assert_eq!(config.registration.software_statement_issuers.len(), 2);
    for (file, issuers, hint) in [
        ("mode = \"on\"", None, "write off, token or open"),
        (
            "preset = \"easy\"",
            None,
            "write fapi2, fapi2-message-signing or oidc-basic, or \"\" for none",
        ),
        ("resources = \"api\"", None, "a resource is an absolute URI"),
        ("software_statement_required = true", None, "name a file"),
        (
            "software_statement_issuers = \"none.json\"",
            None,
            "write the path of a JSON file",
        ),
        (
            "software_statement_issuers = \"issuers.json\"",
            Some("{}"),
            "has to be a list",
        ),
        (
            "software_statement_issuers = \"issuers.json\"",
            Some(r#"[{"issuer":"a"}]"#),
            "give jwks or jwks_uri of a",
        ),
        ("unused_most = 0", None, "write a value from 1 to 100000"),
    ] {
        let told = load(file, issuers).expect_err(file);
        assert!(told.contains(hint), "{file}: {told}");
    }
}
