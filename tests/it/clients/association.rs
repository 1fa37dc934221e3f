//! Association files for Android and iOS, and the doctor that looks at them.

use serde_json::json;

use crate::harness::Postern;

const FINGERPRINT: &str =
    "14:6D:E9:83:C5:73:06:50:D8:EE:B9:95:2F:34:FC:64:16:A0:83:42:E6:1D:BE:A8:8A:04:96:B2:3F:CF:44:E5";

#[tokio::test]
async fn platforms_read_which_apps_get_the_links_and_passwords_of_this_domain() {
    let postern = Postern::start().await;
    let nothing = postern.get("/.well-known/assetlinks.json").await;
    assert_eq!((nothing.status.as_u16(), nothing.json()), (200, json!([])));

    let here = format!("{}/callback/notes", postern.issuer());
    postern
        .add_client("mobile", |settings| {
            if let Ok(uri) = here.parse() {
                settings.redirect_uris.push(uri);
            }
            settings
                .redirect_uris
                .push("https://app.example.com/elsewhere".parse().expect("valid"));
            settings.android_apps = vec![format!("com.example.notes={FINGERPRINT}").parse().expect("valid")];
            settings.apple_apps = vec!["ABCDE12345.com.example.notes".parse().expect("valid")];
        })
        .await;
    let answer = postern.get("/.well-known/assetlinks.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let links = answer.json();
    assert_eq!(links[0]["target"]["namespace"], "android_app");
    assert_eq!(links[0]["target"]["package_name"], "com.example.notes");
    assert_eq!(
        links[0]["target"]["sha256_cert_fingerprints"],
        json!([FINGERPRINT])
    );

    let answer = postern.get("/.well-known/apple-app-site-association").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let association = answer.json();
    assert_eq!(
        association["webcredentials"]["apps"],
        json!(["ABCDE12345.com.example.notes"])
    );
    assert!(
        !association.to_string().contains("elsewhere"),
        "another domain's paths are not ours to give"
    );

    let id = "mobile".parse().expect("a client id");
    postern::flows::clients::remove(postern.provider(), id, None)
        .await
        .expect("removed");
    assert_eq!(
        postern.get("/.well-known/assetlinks.json").await.json(),
        json!([])
    );
}
