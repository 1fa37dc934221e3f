//! The style sheet and the pictures.

use scraper::{Html, Selector};

use crate::harness::Postern;

#[tokio::test]
async fn what_a_page_links_to_is_served_with_its_type_and_kept() {
    let postern = Postern::start().await;
    let page = postern.get("/account").await;
    let html = Html::parse_document(&page.body);
    let links = Selector::parse("link[href], img[src]").expect("a selector");
    let urls: Vec<String> = html
        .select(&links)
        .filter_map(|link| link.attr("href").or(link.attr("src")).map(str::to_owned))
        .collect();
    assert_eq!(urls.len(), 3, "{urls:?}");
    for url in urls {
        let (path, version) = url.split_once("?v=").expect("a version");
        assert_eq!(version.len(), 12, "changes with the content");
        let kind = if path == "/assets/postern.css" {
            "text/css; charset=utf-8"
        } else {
            "image/svg+xml"
        };
        for url in [&url, path] {
            let answer = postern.get(url).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-type")),
                (200, kind),
                "{url}"
            );
            assert_eq!(
                answer.header("cache-control"),
                "public, max-age=31536000, immutable"
            );
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert!(!answer.body.is_empty());
        }
    }
}

#[tokio::test]
async fn nothing_but_assets_is_served() {
    let postern = Postern::start().await;
    for path in [
        "none.css",
        "..%2flayout.html",
        "%2e%2e%2flayout.html",
        "..",
        "%2fetc%2fpasswd",
        "",
    ] {
        let answer = postern.get(&format!("/assets/{path}")).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.body.contains("<html"), "{path}");
    }
}

#[tokio::test]
async fn the_style_sheet_asks_for_nothing_from_elsewhere() {
    let postern = Postern::start().await;
    let css = postern.get("/assets/postern.css").await.body;
    for outside in ["@import", "url(", "http:", "https:"] {
        assert!(!css.contains(outside), "{outside}");
    }
}
