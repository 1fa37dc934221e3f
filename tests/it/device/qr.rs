//! The link of a device as a picture: read as a camera's program reads it, by a library that did not draw it.

use rqrr::PreparedImage;
use scraper::{Html, Selector};

use super::{Tv, start, start_with};
use crate::harness::{Answer, Postern};

async fn picture(postern: &Postern, user_code: &str) -> Answer {
    postern.get(&format!("/device/qr?user_code={user_code}")).await
}

/// Where a rectangle of the path is: `M x y h w v h`.
fn rectangle(text: &str) -> [usize; 4] {
    let numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|n| !n.is_empty());
    let numbers: Vec<usize> = numbers.map(|n| n.parse().expect("a number")).collect();
    numbers[..4].try_into().expect("a place and a size")
}

/// What a phone that sees the picture is led to.
fn read(svg: &str) -> String {
    let svg = Html::parse_fragment(svg);
    let one = |selector: &str| {
        let selector = Selector::parse(selector).expect("a selector");
        svg.select(&selector).next().expect("an element").value().clone()
    };
    let root = one("svg");
    let size: usize = root.attr("width").expect("a width").parse().expect("a number");
    assert_eq!(root.attr("height"), root.attr("width"));
    assert_eq!(
        one("rect").attr("fill"),
        Some("#fff"),
        "light, whatever is behind it"
    );
    let mut dark = vec![false; size * size];
    for part in one("path").attr("d").expect("a path").split('M').skip(1) {
        let [left, top, width, height] = rectangle(part);
        for y in top..top + height {
            dark[y * size + left..y * size + left + width].fill(true);
        }
    }
    let shade = |x: usize, y: usize| if dark[y * size + x] { 0 } else { 255 };
    let mut image = PreparedImage::prepare_from_greyscale(size, size, shade);
    let codes = image.detect_grids();
    assert_eq!(codes.len(), 1);
    let (_, text) = codes[0].decode().expect("it reads");
    text
}

#[tokio::test]
async fn a_phone_that_sees_the_picture_is_led_to_the_link() {
    let postern = start().await;
    let codes = Tv::new(&postern).begin().await;
    let answer = picture(&postern, &codes.user).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "image/svg+xml");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(read(&answer.body), codes.link);
    // As people type it, too.
    let typed = codes.user.to_lowercase().replace('-', "+");
    assert_eq!(picture(&postern, &typed).await.body, answer.body);
}

#[tokio::test]
async fn a_long_address_of_the_server_is_in_it_whole() {
    let postern = start_with(|config| {
        let url = format!("https://{}.{}.example", "a".repeat(60), "b".repeat(60));
        config.server.public_url = url.parse().expect("a URL");
    })
    .await;
    let codes = Tv::new(&postern).begin().await;
    let answer = picture(&postern, &codes.user).await;
    assert_eq!(read(&answer.body), codes.link);
}

/// Nobody learns from it which codes wait, and it asks the database nothing.
#[tokio::test]
async fn a_code_that_nobody_has_looks_like_one_that_waits() {
    let postern = start().await;
    let codes = Tv::new(&postern).begin().await;
    let (asked, answer) = postern.statements(picture(&postern, &codes.user)).await;
    assert_eq!(asked, 0);
    let (asked, other) = postern.statements(picture(&postern, "BBBB-BBBB")).await;
    assert_eq!(asked, 0);
    assert_eq!(other.status, answer.status);
    assert_eq!(other.headers.keys().count(), answer.headers.keys().count());
    assert!(read(&other.body).ends_with("/device?user_code=BBBB-BBBB"));
}

/// Only a code is drawn: no text of somebody else's goes out under the name of this server.
#[tokio::test]
async fn nothing_else_is_drawn() {
    let postern = start().await;
    let long = "B".repeat(5000);
    for bad in [
        "",
        "WDJB",
        "WDJB-MJHA",
        "https://evil.example",
        "%3Cscript%3E",
        "WDJB-MJHT&user_code=WDJB-MJHT",
        &long,
    ] {
        let answer = picture(&postern, bad).await;
        assert_eq!(answer.status, 400, "{bad}: {answer:?}");
        assert_eq!(answer.error(), "invalid_request");
    }
    let answer = picture(&postern, &"B".repeat(9000)).await;
    assert_eq!(answer.status, 414, "{answer:?}");
}
