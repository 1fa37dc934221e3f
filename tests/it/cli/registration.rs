//! Initial access tokens on the command line.

use super::Shell;

#[tokio::test]
async fn a_token_is_made_shown_once_listed_and_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(folder.path());
    shell.run(&["init"]).await.done();
    let added = shell
        .run(&[
            "registration",
            "token",
            "add",
            "--uses",
            "3",
            "--scope",
            "openid admin",
            "--json",
        ])
        .await
        .json();
    let token = added["initial_access_token"].as_str().expect("a token");
    assert!(token.starts_with("pst_it_"), "{added}");
    assert_eq!(
        (&added["token"]["uses_left"], &added["token"]["scope"]),
        (&3.into(), &"admin openid".into())
    );
    let id = added["token"]["id"].as_str().expect("a name").to_owned();
    let said = shell.run(&["registration", "token", "add"]).await.done();
    assert!(
        said.contains("pst_it_") && said.contains("Registration is off"),
        "{said}"
    );
    let listed = shell.run(&["registration", "token", "list"]).await.done();
    assert!(
        listed.contains(&id) && listed.contains("admin openid") && !listed.contains("pst_it_"),
        "{listed}"
    );
    shell.run(&["registration", "token", "remove", &id]).await.done();
    let told = shell
        .run(&["registration", "token", "remove", &id])
        .await
        .refused(1);
    assert!(told.contains("there is no token"), "{told}");
    for wrong in [&["--uses", "0"][..], &["--scope", "a\"b"], &["--expires", "soon"]] {
        shell
            .run(&[&["registration", "token", "add"], wrong].concat())
            .await
            .refused(2);
    }
    shell
        .run(&["registration", "token", "add", "--expires", "0s"])
        .await
        .refused(1);
}

#[tokio::test]
async fn settings_of_pages_and_signed_answers_are_added_shown_and_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(folder.path());
    shell.run(&["init"]).await.done();
    let add = [
        "client",
        "add",
        "site",
        "--name",
        "Site",
        "--kind",
        "web",
        "--redirect-uri",
        "https://site.example/cb",
    ];
    let more = [
        "--origin",
        "https://site.example",
        "--origin",
        "http://localhost:3000",
        "--userinfo-alg",
        "RS256",
        "--introspection-alg",
        "ES256",
    ];
    shell.run(&[&add[..], &more[..]].concat()).await.done();
    let shown = shell.run(&["client", "show", "site"]).await.done();
    for fact in [
        "https://site.example",
        "http://localhost:3000",
        "signed with RS256",
        "signed with ES256",
    ] {
        assert!(shown.contains(fact), "{fact} in {shown}");
    }
    for (flag, value) in [
        ("--origin", "https://site.example/"),
        ("--origin", "http://site.example"),
        ("--origin", "*"),
        ("--origin", "null"),
        ("--origin", "https://site.example:443"),
        ("--userinfo-alg", "none"),
    ] {
        let told = shell
            .run(
                &[
                    &[
                        "client",
                        "add",
                        "x",
                        "--name",
                        "X",
                        "--redirect-uri",
                        "https://x.example/cb",
                    ],
                    &[flag, value][..],
                ]
                .concat(),
            )
            .await
            .refused(1);
        assert!(told.contains(flag), "{told}");
    }
    let service = [
        "client",
        "add",
        "api",
        "--name",
        "Api",
        "--kind",
        "service",
        "--origin",
        "https://a.example",
        "--userinfo-alg",
        "ES256",
    ];
    let told = shell.run(&service).await.refused(1);
    assert!(
        told.contains("a service has no pages") && told.contains("a service has no people to ask about"),
        "{told}"
    );
}
