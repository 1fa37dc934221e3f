//! Every page rendered with a full and an empty sample, in strict mode: a name that a template misspells fails here.

mod console;

use std::{collections::BTreeSet, fs};

use postern::web::{
    page::Page,
    pages::{
        AccountPage, BrowserRow, ConsentPage, ConsentRow, ContinuePage, DeviceCodePage, DeviceConsentPage,
        DeviceDonePage, DeviceRow, ErrorPage, FinishedPage, FormPostPage, LogoutPage, ScopeText, SignInPage,
        SignedOutPage, StartAgainPage, Used,
    },
};
use scraper::{ElementRef, Html, Selector};

use crate::harness::Postern;

/// What somebody might call their app to break a page.
const HOSTILE: &str = "<b onclick=\"x\">'Notes' & \"Co\" {{ 7*7 }}</b>";

fn text(full: bool) -> String {
    if full { HOSTILE.to_owned() } else { String::new() }
}

fn all<'a>(html: &'a Html, css: &str) -> Vec<ElementRef<'a>> {
    html.select(&Selector::parse(css).expect("a selector")).collect()
}

/// The rules for every page.
fn check(template: &str, page: &str, full: bool) {
    let html = Html::parse_document(page);
    let what = format!("{template} ({})", if full { "full" } else { "empty" });
    assert!(page.trim_start().starts_with("<!doctype html>"), "{what}");
    assert_eq!(all(&html, "h1").len(), 1, "{what}: one h1");
    let heading: String = all(&html, "h1")[0].text().collect();
    assert!(
        !full || !heading.trim().is_empty(),
        "{what}: a heading with words"
    );
    assert_eq!(all(&html, "html[lang=en]").len(), 1, "{what}: lang");
    assert_eq!(all(&html, "head > title").len(), 1, "{what}: title");
    assert_eq!(all(&html, "main").len(), 1, "{what}: main");
    // One page posts itself, to a redirect URI; what its policy allows is told where the whole policy is.
    let posts_itself = template == FormPostPage::TEMPLATE;
    assert_eq!(all(&html, "script").len(), usize::from(posts_itself), "{what}");
    for forbidden in [
        "style",
        "[style]",
        "iframe",
        "object",
        "embed",
        "base",
        "b",
        "[http-equiv]",
    ] {
        assert!(all(&html, forbidden).is_empty(), "{what}: {forbidden}\n{page}");
    }
    for element in all(&html, "*") {
        for (name, value) in element.value().attrs() {
            assert!(!name.starts_with("on"), "{what}: {name}");
            let leads = ["href", "src", "action", "formaction"].contains(&name);
            let away = posts_itself && name == "action";
            assert!(!leads || away || value.starts_with('/'), "{what}: {name}={value}");
        }
    }
    let ids: Vec<&str> = all(&html, "[id]")
        .iter()
        .filter_map(|element| element.attr("id"))
        .collect();
    assert_eq!(
        ids.len(),
        ids.iter().collect::<BTreeSet<_>>().len(),
        "{what}: ids {ids:?}"
    );
    for input in all(&html, "input:not([type=hidden]):not([aria-hidden=true])") {
        let id = input.attr("id").unwrap_or_default();
        assert_eq!(
            all(&html, &format!("label[for=\"{id}\"]")).len(),
            1,
            "{what}: a label for {id:?}"
        );
        assert!(input.attr("autocomplete").is_some(), "{what}: {id}");
    }
    for described in all(&html, "[aria-describedby], [aria-labelledby]") {
        let names = described
            .attr("aria-describedby")
            .or(described.attr("aria-labelledby"));
        for id in names.unwrap_or_default().split_whitespace() {
            assert!(ids.contains(&id), "{what}: nothing has the id {id}");
        }
    }
    for form in all(&html, "form") {
        assert!(
            form.attr("method").is_some() && form.attr("action").is_some(),
            "{what}"
        );
    }
    for button in all(&html, "button") {
        let words: String = button.text().collect();
        assert!(!words.trim().is_empty(), "{what}: a button with words");
    }
    assert!(!page.contains("{{") || full, "{what}");
    assert!(
        !page.contains("{%") && !page.contains("undefined") && !page.contains("49"),
        "{what}\n{page}"
    );
}

fn used() -> Used {
    Used {
        first_used: "3 days ago".to_owned(),
        last_used: "just now".to_owned(),
        first_used_at: "2026-11-19T10:00:00Z".to_owned(),
        last_used_at: "2026-11-22T10:00:00Z".to_owned(),
    }
}

fn account(full: bool) -> AccountPage {
    let here_and_there = if full {
        vec![true, false, false]
    } else {
        Vec::new()
    };
    AccountPage {
        email: text(full),
        name: text(full),
        csrf: text(full),
        notice: full.then(|| text(full)),
        error: full.then(|| text(full)),
        browsers: here_and_there
            .iter()
            .map(|here| BrowserRow {
                id: text(full),
                label: text(full),
                here: *here,
                used: used(),
            })
            .collect(),
        devices: here_and_there
            .iter()
            .map(|here| DeviceRow {
                id: text(full),
                app: text(full),
                device: if *here { text(full) } else { String::new() },
                here: *here,
                used: used(),
            })
            .collect(),
        consents: here_and_there
            .iter()
            .map(|here| ConsentRow {
                app: text(full),
                client: text(full),
                scopes: if *here {
                    vec![text(full), text(full)]
                } else {
                    Vec::new()
                },
            })
            .collect(),
    }
}

fn scopes(full: bool) -> Vec<ScopeText> {
    let scope = ScopeText {
        name: "email".to_owned(),
        title: text(full),
        description: text(full),
    };
    vec![scope; if full { 2 } else { 0 }]
}

/// What a person is shown of `authorization_details`: an entry with values and one without.
fn details(full: bool) -> Vec<(String, Vec<(String, String)>)> {
    let row = || (text(full), text(full));
    let entries = [(text(full), vec![row()]), (text(full), Vec::new())];
    if full { entries.to_vec() } else { Vec::new() }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a few lines for each page")]
async fn every_page_renders_with_everything_and_with_nothing() {
    let postern = Postern::start().await;
    let mut rendered = BTreeSet::new();
    for full in [true, false] {
        let client_name = full.then(|| text(full));
        let parameters: Vec<_> = full.then(|| ("state", text(full))).into_iter().collect();
        let scopes = scopes(full);
        let action = if full {
            "https://app.example/cb?x=%22&y='"
        } else {
            ""
        };
        let mut show = |page: Result<String, minijinja::Error>, template: &'static str| {
            let page = page.unwrap_or_else(|error| panic!("{template}: {error:#}"));
            check(template, &page, full);
            rendered.insert(template.to_owned());
        };
        macro_rules! show {
            ($page:ident { $($fields:tt)* }) => {
                show(postern.app.pages().render(&$page { $($fields)* }), $page::TEMPLATE)
            };
        }
        for fixed in [true, false] {
            show!(SignInPage {
                client_name: client_name.clone(),
                request: text(full),
                email: text(full),
                fixed,
                error: full.then(|| text(full)),
            });
        }
        show!(ConsentPage {
            client_name: text(full),
            email: text(full),
            request: text(full),
            scopes: scopes.clone(),
            details: details(full),
            destination: text(full),
            unchecked: full,
            host: text(full),
        });
        show!(ContinuePage {
            client_name: text(full),
            email: text(full),
            request: text(full),
            destination: text(full),
        });
        show!(DeviceCodePage {
            request: text(full),
            user_code: text(full),
            error: full.then(|| text(full)),
        });
        show!(DeviceConsentPage {
            client_name: text(full),
            email: text(full),
            request: text(full),
            user_code: text(full),
            scopes: scopes.clone(),
            unchecked: full,
            host: text(full),
            details: details(full),
        });
        show!(DeviceDonePage {
            client_name: text(full),
            email: text(full),
            allowed: full,
        });
        show!(FormPostPage {
            client_name: text(full),
            action: action.to_owned(),
            fields: parameters.clone(),
            script: "document.forms[0].submit()",
        });
        show!(StartAgainPage {
            client_name: client_name.clone(),
            reason: text(full),
            parameters: parameters.clone(),
        });
        show!(FinishedPage {
            client_name,
            parameters,
        });
        show!(ErrorPage {
            status: 400,
            title: text(full),
            message: text(full),
            advice: text(full),
            code: full.then_some("invalid_request"),
            request_id: text(full),
        });
        show!(LogoutPage {
            client_name: full.then(|| text(full)),
            email: full.then(|| text(full)),
            request: text(full),
        });
        show!(SignedOutPage {
            email: full.then(|| text(full)),
            reach: if full { "everywhere" } else { "here" },
        });
        console::show(full, postern.app.pages(), &mut show);
        show(postern.app.pages().render(&account(full)), AccountPage::TEMPLATE);
    }
    assert_eq!(
        rendered,
        templates_of_pages(),
        "a template without a page, or untested"
    );
}

/// All templates but the layout and the parts.
fn templates_of_pages() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["", "oauth", "sign_in", "account", "console"] {
        for entry in fs::read_dir(format!("templates/{folder}")).expect("a folder") {
            let name = entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned();
            if name.contains(".html") && name != "layout.html" {
                let path = if folder.is_empty() {
                    name
                } else {
                    format!("{folder}/{name}")
                };
                found.insert(path);
            }
        }
    }
    found
}

#[tokio::test]
async fn an_operators_template_comes_before_the_programs() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("sign_in")).expect("a folder");
    let own = "{% extends \"layout.html\" %}{% block main %}<h1>Hello from {{ product }}</h1>{% endblock %}";
    fs::write(folder.path().join("error.html"), own).expect("written");
    fs::write(folder.path().join("sign_in/password.html"), "{{ no_such_name }}").expect("written");
    let postern = Postern::start_with(|config| {
        config.server.templates = Some(folder.path().to_owned());
        config.server.service_name = "Acme <Login>".parse().expect("a name");
    })
    .await;
    let page = postern.get("/authorize").await;
    assert_eq!(page.status, 400);
    assert!(
        page.body.contains("<h1>Hello from Acme &lt;Login&gt;</h1>"),
        "{}",
        page.body
    );
    assert!(
        page.body.contains("postern.css"),
        "the layout is still the program's"
    );

    // What the operator broke is the operator's to read, not the visitor's.
    let broken = postern.get("/account").await;
    assert_eq!(broken.status, 500);
    assert!(!broken.body.contains("no_such_name"), "{}", broken.body);
    assert_eq!(broken.header("x-content-type-options"), "nosniff");
}
